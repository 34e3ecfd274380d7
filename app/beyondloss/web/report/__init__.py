"""The report of a checkpoint: a page that prints well, one file to send, Markdown, and JSON."""
