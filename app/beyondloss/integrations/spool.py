"""What could not be sent yet, on disk and in order: one file of JSON lines for each server and run."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_SPOOL_BYTES = 256_000_000

Record = dict[str, object]
"""One thing to tell: {"step", "metrics"}, {"step", "path", "epoch"}, or {"state"}."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records read back from the file; `end` is the file position after them."""

    records: list[Record]
    end: int


class Spool:
    """Append when the server is away, read from the front when it is back. Sending twice does no harm."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_SPOOL_BYTES) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._sent_bytes = 0

    def append(self, records: Sequence[Record]) -> bool:
        """False if they could not be kept: the disk is full or not ours, or the file has grown too large."""
        lines = "".join(f"{json.dumps(record, separators=(',', ':'))}\n" for record in records)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._size_bytes() + len(lines) > self._max_bytes:
                return False
            return self._write(lines.encode())
        except OSError:
            return False

    def _write(self, lines: bytes) -> bool:
        """All or nothing: half a line left by a full disk would swallow the next one."""
        with self._path.open("ab", buffering=0) as file:
            before = file.seek(0, os.SEEK_END)
            written = 0
            try:
                while written < len(lines):
                    written += file.write(lines[written:])
            except OSError:
                file.truncate(before)
                return False
        return True

    @property
    def is_empty(self) -> bool:
        return self._size_bytes() <= self._sent_bytes

    def first(self, limit: int) -> Batch:
        """Up to `limit` records not marked as sent. A half-written line (a full disk, a crash) is passed over."""
        records: list[Record] = []
        end = self._sent_bytes
        try:
            with self._path.open("rb") as file:
                file.seek(self._sent_bytes)
                for line in file:
                    end += len(line)
                    records += _parsed(line)
                    if len(records) >= limit:
                        break
        except OSError:
            return Batch([], self._sent_bytes)
        return Batch(records, end)

    def mark_sent(self, batch: Batch) -> None:
        """The file goes when all of it was sent."""
        self._sent_bytes = batch.end
        if self.is_empty:
            self._path.unlink(missing_ok=True)
            self._sent_bytes = 0

    def _size_bytes(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0


def spool_path(folder: Path | None, url: str, run: str) -> Path:
    """The same file for the same server and run, so that the next process sends what this one could not."""
    if folder is None:
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - Path.home() may raise
        folder = Path(cache) / "beyondloss" / "spool"
    name = hashlib.sha256(f"{url}\n{run}".encode()).hexdigest()[:16]
    return folder / f"{name}.jsonl"


def _parsed(line: bytes) -> Iterator[Record]:
    try:
        record = json.loads(line)
    except ValueError:
        return
    if isinstance(record, dict):
        yield record
