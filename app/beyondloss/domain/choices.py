"""Which checkpoint of a run somebody means to use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chosen:
    """`step` 0 is the base: to use the model as it was before training. `chosen_at` in POSIX seconds."""

    step: int
    note: str
    chosen_at: float


@dataclass(frozen=True, slots=True)
class ChoiceMade:
    """One entry of a run's history; `step` None took the choice before it back."""

    id: int
    step: int | None
    note: str
    chosen_at: float
