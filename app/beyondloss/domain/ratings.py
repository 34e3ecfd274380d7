"""A person's judgement of a comparison, and who may give one."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Verdict(IntEnum):
    """This answer against its reference: closer to what is wanted, as close, or further away."""

    LESS = -1
    SAME = 0
    MORE = 1


class Side(StrEnum):
    """Where this checkpoint's answer stood on screen when it was rated."""

    LEFT = "left"
    RIGHT = "right"


class CheckKind(StrEnum):
    """A vote that tells how somebody rates: the same comparison again, sides swapped, or the base against itself."""

    REPEAT = "repeat"
    BASE = "base"


@dataclass(frozen=True, slots=True)
class RatingDraft:
    """What a rater sends. `behaviour_id` None counts for every behaviour the probe examines."""

    answer_id: int
    reference_id: int
    verdict: Verdict
    behaviour_id: int | None = None
    both_bad: bool = False
    comment: str = ""
    blind: bool = False
    side: Side | None = None
    shown_at: float | None = None


class LinkRole(StrEnum):
    VIEW = "view"
    RATE = "rate"
