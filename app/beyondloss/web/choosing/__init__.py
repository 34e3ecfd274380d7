"""Choosing a checkpoint: the page, and its words and table, which the report shows too."""
