"""From people's judgements of a comparison to what training on preferences needs: which answer, and how sure.

Knows no file form and no store.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from beyondloss.domain.ratings import Verdict
from beyondloss.errors import InvalidInput


class Stance(StrEnum):
    """Where one person, or the most of them, stand on a comparison."""

    MORE = "more"
    SAME = "same"
    LESS = "less"
    BAD = "bad"
    """Both answers are bad."""


class Unpaired(StrEnum):
    """What becomes of a comparison that prefers neither answer. Only KTO, which needs no pair, can use it."""

    DROP = "drop"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one rating says."""

    verdict: Verdict
    both_bad: bool


@dataclass(frozen=True, slots=True)
class Consensus:
    """The stance of the most raters of one comparison, and of how many it is."""

    stance: Stance
    agreeing: int
    raters: int

    @property
    def agreement_ratio(self) -> float:
        return self.agreeing / self.raters


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which comparisons become training data. Raises InvalidInput for numbers out of range.

    `behaviour` narrows to what was said of one behaviour. A comparison counts if at least `least_raters` rated it and
    at least `least_agreement` of them (0 to 1) share the leading stance; where two stances lead, there is none.
    """

    ties: Unpaired = Unpaired.DROP
    both_bad: Unpaired = Unpaired.DROP
    least_agreement: float = 0.5
    least_raters: int = 1
    step: int | None = None
    behaviour: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.least_agreement <= 1:
            raise InvalidInput("The least agreement is a share of the raters.", hint="Give a number from 0 to 1.")
        if self.least_raters < 1:
            raise InvalidInput("At least one rater is needed.", hint="Give 1 or more.")
        if self.both_bad is Unpaired.GOOD:
            raise InvalidInput("Answers rated both bad are no good examples.", hint="Use drop or bad.")


def stance_of(judgements: Sequence[Judgement]) -> Stance:
    """One person's stance, from all they said of one comparison (of different behaviours). Both bad outweighs."""
    if any(judgement.both_bad for judgement in judgements):
        return Stance.BAD
    total = sum(judgement.verdict for judgement in judgements)
    return Stance.MORE if total > 0 else Stance.LESS if total < 0 else Stance.SAME


def consensus(stances: Sequence[Stance]) -> Consensus | None:
    """What the most raters hold; None where nobody rated, or two stances have the most."""
    ranked = Counter(stances).most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return None
    stance, agreeing = ranked[0]
    return Consensus(stance, agreeing, len(stances))


def counts(found: Consensus, wanted: Wanted) -> bool:
    """Whether so many raters agree so well as is wanted."""
    return found.raters >= wanted.least_raters and found.agreement_ratio >= wanted.least_agreement
