"""What trainers log, by notation: each module turns one kind of log into a `RunLog`."""
