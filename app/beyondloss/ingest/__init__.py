"""Run folders and probe files → domain values. Reads only, never writes into a run folder, never unpickles, no torch."""
