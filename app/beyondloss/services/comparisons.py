"""Comparisons: the answers of one checkpoint against a reference, as diffs, with the visitor's ratings."""

from dataclasses import dataclass

from beyondloss.analysis.diff import Op
from beyondloss.domain.access import Visitor
from beyondloss.services.answers import AnswerView
from beyondloss.services.projects import ProbeView
from beyondloss.services.ratings import RatingView
from beyondloss.store.engine import Store


@dataclass(frozen=True, slots=True)
class Comparison:
    """One probe (and sample) at this checkpoint against its reference. `answer` or `reference` is None while missing.

    `first_divergence` is the first differing token; `numerical_tie` marks a divergence at a top-1/top-2 margin too
    small to be behaviour. `my_ratings` are the visitor's ratings in force: one for all behaviours, or one each.
    """

    probe: ProbeView
    sample_index: int
    answer: AnswerView | None
    reference: AnswerView | None
    changed: bool | None
    first_divergence: int | None
    numerical_tie: bool
    ops: tuple[Op, ...]
    my_ratings: tuple[RatingView, ...]


@dataclass(frozen=True, slots=True)
class ComparisonSet:
    """`against_step` is what `against` (base, previous, or a step) came to; None if there is nothing to compare with."""

    run_id: int
    step: int
    against: str
    against_step: int | None
    sampling_key: str
    comparisons: tuple[Comparison, ...]
    changed: int
    unchanged: int
    unrated: int
    missing: int


def compare(
    store: Store,
    run_id: int,
    visitor: Visitor,
    *,
    step: int,
    against: str = "base",
    sampling: str | None = None,
) -> ComparisonSet:
    """All probes of the run's active sets, in the order of the set. `against`: base, previous, or a step number.

    Raises NotFound for a step the run does not have, InvalidInput for a reference that is no step.
    """
    raise NotImplementedError


def compare_one(store: Store, visitor: Visitor, *, answer_id: int, reference_id: int) -> Comparison:
    """The one comparison of two answers to the same probe. Raises NotFound or InvalidInput."""
    raise NotImplementedError
