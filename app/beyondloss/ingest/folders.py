"""Listing folders that may hold anything."""

import os


def is_folder(entry: os.DirEntry[str]) -> bool:
    """A symlink that leads in a circle is an error to the system; to us it is just no folder."""
    try:
        return entry.is_dir()
    except OSError:
        return False
