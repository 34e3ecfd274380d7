"""Telling a file that is being written from one that is done, where no marker says so: two looks, nothing changed."""

import time
from collections.abc import Callable
from pathlib import Path

MIN_GAP_SECONDS = 0.4
"""Two looks closer together than this are one look."""
CUT_OFF_SECONDS = 120.0
"""A file that is too short and has not changed for so long was cut off."""
_MAX_REMEMBERED = 10_000


class Steadiness:
    """What unfinished checkpoints looked like when first seen so. One per reader; not shared between threads."""

    def __init__(
        self, *, clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._first_seen: dict[Path, tuple[str, float]] = {}

    def is_steady(self, path: Path, stamp: str) -> bool:
        """Whether an earlier look at `path` found the same stamp. The first look never is enough: mtimes may lie."""
        return self._seconds_unchanged(path, stamp) >= MIN_GAP_SECONDS

    def is_cut_off(self, path: Path, stamp: str, *, changed_at: float) -> bool:
        """Whether an unfinished file will stay so: long unchanged by our own clock, or very long by the file's."""
        own = self._seconds_unchanged(path, stamp)
        return own >= CUT_OFF_SECONDS or self._clock() - changed_at >= 5 * CUT_OFF_SECONDS

    def forget(self, path: Path) -> None:
        self._first_seen.pop(path, None)

    def _seconds_unchanged(self, path: Path, stamp: str) -> float:
        now = self._monotonic()
        known = self._first_seen.get(path)
        if known is None or known[0] != stamp:
            if len(self._first_seen) >= _MAX_REMEMBERED:
                self._first_seen.clear()
            self._first_seen[path] = (stamp, now)
            return 0.0
        return now - known[1]
