"""How a worker is told to leave: between two answers, or, by a signal, in the middle of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event


class LeftNow(BaseException):
    """Raised to leave from anywhere: out of a computation, or out of waiting for the database."""


class Leaving:
    """`stop` asks. `now` is for signal handlers, which run in the main thread between two of its instructions.

    Only computing is broken off, never a write: a handler that finds the worker elsewhere just sets `stop`.
    """

    def __init__(self) -> None:
        self.stop = Event()
        self._is_computing = False

    def now(self) -> None:
        self.stop.set()
        if self._is_computing:
            self._is_computing = False
            raise LeftNow

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What is done inside may be broken off."""
        self._is_computing = True
        try:
            yield
        finally:
            self._is_computing = False
