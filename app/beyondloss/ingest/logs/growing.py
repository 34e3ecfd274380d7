"""Files that grow: what is new since the last look, whole lines only, from the start again when it is another file."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

MAX_READ_BYTES = 256_000_000
_HEAD_BYTES = 256

State = TypeVar("State")


@dataclass(slots=True)
class _Place(Generic[State]):
    """Where the last look at one file ended. `head` and `inode` tell a file that was written anew."""

    inode: int
    head: bytes
    offset: int
    state: State


@dataclass(frozen=True, slots=True)
class Growth(Generic[State]):
    """`state` is what earlier looks left (a fresh one for a new file); `data` is what came since."""

    state: State
    data: bytes


@dataclass(slots=True)
class GrowingFiles(Generic[State]):
    """Remembers, for each file, how far it was read and what was made of it."""

    fresh: type[State]
    _places: dict[Path, _Place[State]] = field(default_factory=dict)

    def grow(self, path: Path) -> Growth[State]:
        """What came since the last call, up to the file's end. Raises `OSError`. Say with `taken` how much was used."""
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            head = file.read(_HEAD_BYTES)
            place = self._places.get(path)
            if place is None or not _same_file(place, status, head):
                place = _Place(status.st_ino, head, 0, self.fresh())
                self._places[path] = place
            place.head = head
            file.seek(place.offset)
            return Growth(place.state, file.read(MAX_READ_BYTES))

    def taken(self, path: Path, used_bytes: int) -> None:
        self._places[path].offset += used_bytes

    def lines(self, path: Path) -> tuple[State, Iterator[str]]:
        """The file's state and its new whole lines. A half last line waits until it is whole."""
        growth = self.grow(path)
        end = growth.data.rfind(b"\n") + 1
        self.taken(path, end)
        text = growth.data[:end].decode(errors="replace")
        return growth.state, (line for line in text.split("\n") if line.strip())


def _same_file(place: _Place[State], status: os.stat_result, head: bytes) -> bool:
    return status.st_ino == place.inode and status.st_size >= place.offset and head.startswith(place.head)
