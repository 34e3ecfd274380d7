"""The list of runs: the first page."""
