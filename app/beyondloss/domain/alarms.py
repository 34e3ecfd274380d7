"""What can be wrong with a loss curve, and how bad it is. The words a person reads are the pages' matter."""

from dataclasses import dataclass
from enum import StrEnum

from beyondloss.domain.metrics import ValueKind

AlarmFacts = dict[str, float | str]
"""What an alarm's sentence needs: numbers, names of metrics, kinds of values."""


class AlarmKind(StrEnum):
    NOT_FINITE = "not_finite"
    SPIKE = "spike"
    DIVERGENCE = "divergence"
    NOT_LEARNING = "not_learning"
    PLATEAU = "plateau"
    MEMORISING = "memorising"
    GAP = "gap"
    LEARNING_RATE = "learning_rate"


class Severity(StrEnum):
    INFO = "info"
    WARN = "warn"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class FoundAlarm:
    """Something that a rule found between two steps. `facts` says what, by the rule's own names."""

    kind: AlarmKind
    step: int
    last_step: int
    severity: Severity
    facts: AlarmFacts


def broken_word(kind: ValueKind) -> str:
    """How a value that is no number is written, in any language."""
    return {ValueKind.NAN: "NaN", ValueKind.POSINF: "∞", ValueKind.NEGINF: "−∞"}.get(kind, "0")
