"""What a diff consists of."""

from dataclasses import dataclass
from enum import StrEnum


class OpKind(StrEnum):
    EQUAL = "equal"
    DELETE = "delete"
    INSERT = "insert"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Op:
    """One stretch of a diff: `old` from the reference, `new` from this answer (equal stretches hold both).

    Joining all `old` gives the reference back exactly, all `new` the answer: the diff is whitespace-safe. Equal
    stretches and changes alternate; neither is ever empty on both sides.
    """

    kind: OpKind
    old: str
    new: str
