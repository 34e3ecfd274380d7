"""Orders from the page on their way to the training loop, and word of what became of them on its way back.

Invariant: the sender's thread puts orders in and takes word out, the training loop does the opposite; deques alone lie
between them, so neither waits for the other.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SAVE, STOP = "save", "stop"


@dataclass(frozen=True, slots=True)
class Given:
    """One order of the page: `save` or `stop`."""

    id: int
    order: str


class Orders:
    """One run's orders in this process. `first` until the server has heard of this process."""

    def __init__(self) -> None:
        self.first = True
        self._given: deque[Given] = deque()
        self._word: deque[Mapping[str, object]] = deque()
        self._seen: set[int] = set()

    def take(self) -> list[Given]:
        """What the loop shall do now; nearly always nothing, and then it costs nothing."""
        if not self._given:
            return []
        return [self._given.popleft() for _ in range(len(self._given))]

    def settle(self, given: Iterable[Given], *, step: int, problem: str = "") -> None:
        """The loop's word: done at this step, or why not."""
        self._word.extend({"id": one.id, "done": not problem, "step": step, "detail": problem} for one in given)

    @property
    def has_word(self) -> bool:
        return bool(self._word)

    def word(self) -> list[Mapping[str, object]]:
        return list(self._word)

    def heard(self, answer: object, told: int) -> None:
        """The server has taken `told` words and answered with everything that is open."""
        for _ in range(told):
            self._word.popleft()
        self.first = False
        requests = answer.get("requests") if isinstance(answer, dict) else None
        for request in requests if isinstance(requests, list) else []:
            given = _read(request)
            if given is not None and given.id not in self._seen:
                self._seen.add(given.id)
                self._given.append(given)


def _read(request: object) -> Given | None:
    if not isinstance(request, dict):
        return None
    number, order = request.get("id"), request.get("order")
    return Given(number, order) if isinstance(number, int) and order in {SAVE, STOP} else None
