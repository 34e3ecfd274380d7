"""Every probe at every checkpoint: how far its answer moved, what was said of it, what can be counted about it.

A link's visitor sees the ratings of others only where there are enough of them to tell what no single person said.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from statistics import fmean

from beyondloss.analysis.distance import bag_distance, word_bag
from beyondloss.analysis.statistics.net_win import FEWEST_DECISIVE
from beyondloss.domain.access import Visitor
from beyondloss.domain.probes import Family
from beyondloss.domain.sampling import Sampling
from beyondloss.services.comparisons import step_against
from beyondloss.services.projects import BehaviourView, ProbeView
from beyondloss.services.verdicts import RatingsByPair, asked_of, by_pair, said_by_rater
from beyondloss.store import comparisons, matrix, verdicts
from beyondloss.store.answer_columns import signals_of
from beyondloss.store.engine import Store
from beyondloss.store.matrix import SaidRecord
from beyondloss.store.rows import stored_id

Samples = Mapping[int, SaidRecord]
"""One checkpoint's answers to one probe, by sample index."""


class CellState(StrEnum):
    CHANGED = "changed"
    SAME = "same"
    ALONE = "alone"
    """Answered, with nothing to compare it with."""
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class CellRating:
    """`net` and `mine` (None where the visitor has not rated) run from −1, less like what is wanted, to +1, more.

    `both_bad`: everybody found both answers bad.
    """

    net: float
    ratings: int
    mine: float | None
    both_bad: bool


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """`moved` is the share of words that differ, 0 to 1, over all samples; None where nothing can be compared.

    `signals` are the kinds found in any sample.
    """

    state: CellState
    moved: float | None
    signals: tuple[str, ...]
    rating: CellRating | None


@dataclass(frozen=True, slots=True)
class MatrixColumn:
    """One checkpoint. `against_step` is None where there is nothing to compare it with."""

    step: int
    against_step: int | None
    compared: int
    changed: int


@dataclass(frozen=True, slots=True)
class MatrixRow:
    probe: ProbeView
    cells: tuple[MatrixCell, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """`rows` are the probes that pass the filters, `behaviours` and `families` those of all `asked` probes."""

    against: str
    sampling_key: str
    columns: tuple[MatrixColumn, ...]
    rows: tuple[MatrixRow, ...]
    behaviours: tuple[BehaviourView, ...]
    families: tuple[Family, ...]
    asked: int


def matrix_of(
    store: Store,
    run_id: int,
    visitor: Visitor,
    *,
    against: str = "base",
    behaviour: str = "",
    family: str = "",
    sampling: str | None = None,
) -> Matrix:
    """All active probes of one behaviour (id or name) and family, or of all. A fixed number of queries.

    `against`: base, previous (for each checkpoint the one that the run page compares it with), or a step number.
    With a behaviour, ratings are those that count for it. Raises NotFound, or InvalidInput for what is no step.
    """
    with store.read() as session:
        asked = asked_of(session, run_id, visitor, sampling)
        sampling_id = stored_id(asked.sampling.id) if asked.sampling else None
        steps = comparisons.steps_of(session, run_id, sampling_id=sampling_id)
        ids = [probe.id for probe in asked.probes]
        said = matrix.all_said(session, run_id, sampling_id=sampling_id, probe_ids=ids) if sampling_id else []
        given = by_pair(verdicts.given_ratings(session, run_id))
    references = {record.step: step_against(steps, record.step, against) for record in steps}
    chosen = next((one for one in asked.behaviours if behaviour in {str(one.id), one.name}), None)
    build = _cell_builder(said, given, visitor, behaviour_id=chosen.id if chosen else None)
    rows = tuple(
        MatrixRow(probe, tuple(build(probe.id, step, reference) for step, reference in references.items()))
        for probe in asked.probes
        if _passes(probe, behaviour, family)
    )
    return Matrix(
        against=against,
        sampling_key=asked.sampling.key if asked.sampling else Sampling().key,
        columns=tuple(_column(place, step, references[step], rows) for place, step in enumerate(references)),
        rows=rows,
        behaviours=tuple(asked.behaviours),
        families=tuple(sorted({probe.family for probe in asked.probes}, key=list(Family).index)),
        asked=len(asked.probes),
    )


def _passes(probe: ProbeView, behaviour: str, family: str) -> bool:
    if family and probe.family != family:
        return False
    return not behaviour or any(behaviour in {str(one.id), one.name} for one in probe.behaviours)


def _column(place: int, step: int, reference: int | None, rows: Sequence[MatrixRow]) -> MatrixColumn:
    states = [row.cells[place].state for row in rows]
    changed = states.count(CellState.CHANGED)
    return MatrixColumn(step, reference, compared=changed + states.count(CellState.SAME), changed=changed)


def _cell_builder(
    said: Sequence[SaidRecord], given: RatingsByPair, visitor: Visitor, *, behaviour_id: int | None
) -> Callable[[int, int, int | None], MatrixCell]:
    """A function of probe, step and reference step; it takes every text apart once."""
    placed: dict[tuple[int, int], dict[int, SaidRecord]] = defaultdict(dict)
    for record in said:
        placed[record.probe_id, record.step][record.sample_index] = record
    bag_of = cache(word_bag)

    def moved(one: SaidRecord, other: SaidRecord) -> float:
        return 0.0 if one.text == other.text else bag_distance(bag_of(one.text), bag_of(other.text))

    def build(probe_id: int, step: int, reference: int | None) -> MatrixCell:
        ours: Samples = placed.get((probe_id, step), {})
        theirs: Samples = placed.get((probe_id, reference), {}) if reference is not None else {}
        signals = tuple(dict.fromkeys(s.kind for record in ours.values() for s in signals_of(record.signals)))
        pairs = [(record, theirs[index]) for index, record in ours.items() if index in theirs]
        if not pairs:
            return MatrixCell(CellState.ALONE if ours else CellState.MISSING, None, signals, None)
        changed = [(one, other) for one, other in pairs if one.text != other.text]
        if not changed:
            return MatrixCell(CellState.SAME, 0.0, signals, None)
        rating = _rating([(one.answer_id, other.answer_id) for one, other in changed], given, visitor, behaviour_id)
        share = sum(moved(one, other) for one, other in changed) / len(pairs)
        return MatrixCell(CellState.CHANGED, share, signals, rating)

    return build


def _rating(
    pairs: Sequence[tuple[int, int]], given: RatingsByPair, visitor: Visitor, behaviour_id: int | None
) -> CellRating | None:
    rated = [given[pair] for pair in pairs if pair in given]
    if not rated:
        return None
    said = [said_by_rater(one, behaviour_id) for one in rated]
    mine = [one[visitor.rater_id] for one in said if visitor.rater_id is not None and visitor.rater_id in one]
    values = [value for one in said for value in one.values()]
    only_mine = not visitor.is_owner and len({rater for one in said for rater in one}) < FEWEST_DECISIVE
    if only_mine:
        values = mine
    if not values:
        return None
    return CellRating(
        net=fmean(values),
        ratings=len(values),
        mine=fmean(mine) if mine else None,
        both_bad=all(r.both_bad for one in rated for r in one if not only_mine or r.rater_id == visitor.rater_id),
    )
