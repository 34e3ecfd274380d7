"""Pure functions over domain values: diffs, curve downsampling, signals, statistics. No I/O, no state."""
