"""Listing folders that may hold anything."""

import os
import re
from pathlib import Path


def is_folder(entry: os.DirEntry[str]) -> bool:
    """A symlink that leads in a circle is an error to the system; to us it is just no folder."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def named_folders(folder: Path, pattern: re.Pattern[str]) -> list[tuple[int, Path]]:
    """(number, folder) of each real folder whose name matches, its first group being the number; by number."""
    try:
        with os.scandir(folder) as entries:
            found = [
                (int(match[1]), Path(entry.path))
                for entry in entries
                if (match := pattern.fullmatch(entry.name)) and not entry.is_symlink() and is_folder(entry)
            ]
    except OSError:
        return []
    return sorted(found)
