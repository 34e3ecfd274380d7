"""Run folders and probe files → domain values. Never writes into a run folder, never unpickles, no torch."""
