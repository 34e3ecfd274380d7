"""Word diffs that people can read, in languages with and without spaces."""

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

    Joining all `old` gives the reference back exactly, all `new` the answer: the diff is whitespace-safe.
    """

    kind: OpKind
    old: str
    new: str


def word_diff(old: str, new: str) -> tuple[Op, ...]:
    """The diff of two texts by words (a CJK character is a word), with semantic clean-up."""
    raise NotImplementedError
