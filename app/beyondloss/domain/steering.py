"""Steering a training from the page: what the owner may ask of it, and what became of that."""

from dataclasses import dataclass
from enum import StrEnum

HEARD_SECONDS = 30.0
"""A training process that has not asked for orders for so long is no longer listening."""


class Order(StrEnum):
    SAVE = "save"
    STOP = "stop"
    """Saves first, so that nothing trained is lost."""


class OrderState(StrEnum):
    ASKED = "asked"
    DONE = "done"
    FAILED = "failed"
    MISSED = "missed"
    """The training ended, or began anew, before it was carried out: a later process must not obey it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One order to one run. `step` is where it was carried out, `detail` why it was not."""

    id: int
    order: Order
    state: OrderState
    step: int | None
    detail: str
    asked_at: float
    settled_at: float | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What the training process says became of a request."""

    id: int
    done: bool
    step: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Steering:
    """`listening`: the run trains, and its process asks for orders. `requests` are the latest, newest first."""

    listening: bool
    requests: tuple[Request, ...]
