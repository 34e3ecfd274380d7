"""Cheap looks at a folder: which paths tell that a run has news, and whether any of them changed (one stat each)."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

MAX_PATHS = 400
_LOG_SUFFIXES = (".jsonl", ".json", ".log", ".txt", ".db", ".yaml")
_LOG_FOLDERS = {"runs", "logs", "logging", "log"}
_EVENTS = "events.out.tfevents."
_PART = re.compile(r"checkpoint-\d+|epoch_\d+|step_\d+|model|adapter_model")

Look = tuple[tuple[int, int] | None, ...]


def telling_paths(folder: Path) -> tuple[str, ...]:
    """The run's folder (entries come and go), its checkpoints' folders (files appear), and its logs (they grow)."""
    found = [str(folder)]
    for entry in _entries(str(folder)):
        if entry.name in _LOG_FOLDERS:
            found += _logs_under(entry.path, depth=3)
        elif _PART.fullmatch(entry.name) or entry.name.endswith(_LOG_SUFFIXES) or entry.name.startswith(_EVENTS):
            found.append(entry.path)
        if len(found) >= MAX_PATHS:
            break
    return tuple(found[:MAX_PATHS])


def look_at(paths: Iterable[str]) -> Look:
    """(size, mtime in ns) of each path, None where it is gone. Two looks differ when something changed."""
    return tuple(_look(path) for path in paths)


def _look(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - hundreds of folders every second: a Path each would double the cost
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _logs_under(folder: str, *, depth: int) -> Iterator[str]:
    yield folder
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            if depth > 1:
                yield from _logs_under(entry.path, depth=depth - 1)
        elif entry.name.startswith(_EVENTS) or entry.name.endswith(_LOG_SUFFIXES):
            yield entry.path


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
