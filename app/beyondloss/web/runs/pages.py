"""What the list of runs shows, and how it is put together."""
