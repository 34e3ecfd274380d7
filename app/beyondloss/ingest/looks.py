"""Cheap looks at a folder: which paths tell that a run has news, and whether any of them changed (one stat each)."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_PATHS = 400
_LOG_SUFFIXES = (".jsonl", ".json", ".log", ".txt", ".db", ".yaml")
_LOG_FOLDERS = {"runs", "logs", "logging", "log"}
_EVENTS = "events.out.tfevents."
_PART = re.compile(r"checkpoint-\d+|epoch_\d+|step_\d+|model|adapter_model")

Look = tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class TellingPaths:
    """`often`: the run's folder (entries come and go) and its logs (they grow). `seldom`: its older
    checkpoints' folders, where something happens only when a rerun saves over them.
    """

    often: tuple[str, ...] = ()
    seldom: tuple[str, ...] = ()


def telling_paths(folder: Path, *, elsewhere: Iterable[Path] = ()) -> TellingPaths:
    """`elsewhere` holds runs within files that tell of this one too."""
    often: list[str] = [str(folder), *(path for run in elsewhere for path in _file_paths(run))]
    parts: list[tuple[int, str, str]] = []
    if folder.parent.is_file():
        return TellingPaths(_file_paths(folder))
    for entry in _entries(str(folder)):
        if entry.name in _LOG_FOLDERS:
            often += _logs_under(entry.path, depth=3)
        elif _PART.fullmatch(entry.name):
            parts.append((len(entry.name), entry.name, entry.path))
        elif entry.name.endswith(_LOG_SUFFIXES) or entry.name.startswith(_EVENTS):
            often.append(entry.path)
    # By length first, so that checkpoint-100 comes after checkpoint-20.
    folders = [path for _length, _name, path in sorted(parts)][-MAX_PATHS:]
    return TellingPaths((*often[:MAX_PATHS], *folders[-1:]), tuple(folders[:-1]))


def _file_paths(run: Path) -> tuple[str, str]:
    """Of a run within a file: SQLite writes beside the file first."""
    return str(run.parent), f"{run.parent}-wal"


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
