"""A run's checkpoints beside each other: what raters favour, what the losses do, and what going by loss would cost.

Numbers of several people only: a link's visitor does not see checkpoints of which so little is rated that it would
tell what one person said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from beyondloss.analysis.choosing import Cost, Estimate, Standing, Table, lay_table, weigh
from beyondloss.analysis.statistics.net_win import FEWEST_DECISIVE
from beyondloss.analysis.verdicts import MARGIN, ProbeValue, margin_for
from beyondloss.domain.access import Visitor
from beyondloss.services import losses
from beyondloss.services.losses import LossLevels, levels_at
from beyondloss.services.runs import RunView
from beyondloss.services.verdicts import Evidence, evidence_of
from beyondloss.store.engine import Store


@dataclass(frozen=True, slots=True)
class LowestLoss:
    """Where a loss is lowest of the checkpoints that were weighed, and what going by it would cost.

    `cost` is None where raters favour the same one. `lower_at`: it is lower still at a checkpoint rated too little.
    """

    step: int
    value: float
    cost: Cost | None
    lower_at: int | None


@dataclass(frozen=True, slots=True)
class Weighing:
    """`standings` are the checkpoints that can be compared, the base among them; empty with too few ratings.

    `levels` are the losses at every checkpoint. `left_out` were rated too little to stand beside the others.
    """

    probes: int
    best: int | None
    expected: Estimate | None
    standings: tuple[Standing, ...]
    left_out: tuple[int, ...]
    levels: tuple[LossLevels, ...]
    evaluated: LowestLoss | None
    train: LowestLoss | None
    margin: float = MARGIN
    """What is less than this is nothing that matters."""


def weigh_checkpoints(store: Store, run: RunView, visitor: Visitor, *, known: Evidence | None = None) -> Weighing:
    """`known`: the run's evidence where it was read before."""
    levels = levels_at(store, run.id, [one.step for one in run.checkpoints])
    evidence = known or evidence_of(store, run.id, visitor)
    table = lay_table(_values(evidence, visitor)) if evidence.given else None
    return _nothing(levels) if table is None else _weighed(table, levels, margin=margin_for(evidence.asked.noise))


def _values(evidence: Evidence, visitor: Visitor) -> dict[int, Sequence[ProbeValue]]:
    values = {step: evidence.values(step, None) for step in evidence.pairs}
    if visitor.is_owner:
        return {step: found for step, found in values.items() if _ratings(found) or _identical(found)}
    return {step: found for step, found in values.items() if _ratings(found) >= FEWEST_DECISIVE or _identical(found)}


def _ratings(values: Sequence[ProbeValue]) -> int:
    return sum(one.ratings for one in values)


def _identical(values: Sequence[ProbeValue]) -> bool:
    return all(one.identical for one in values)


def _nothing(levels: tuple[LossLevels, ...]) -> Weighing:
    return Weighing(0, None, None, (), (), levels, None, None)


def _weighed(table: Table, levels: tuple[LossLevels, ...], *, margin: float) -> Weighing:
    evaluated = {one.step: one.evaluated for one in levels if one.evaluated is not None}
    train = {one.step: one.train for one in levels if one.train is not None}
    lowest_at = [losses.lowest(found, table.steps) for found in (evaluated, train)]
    found = weigh(table, sorted({step for step in lowest_at if step is not None}), margin=margin)
    costs = {one.step: one for one in found.costs}
    return Weighing(
        probes=found.probes,
        best=found.best,
        expected=found.expected,
        standings=found.standings,
        left_out=table.left_out,
        levels=levels,
        evaluated=_loss_choice(evaluated, lowest_at[0], costs, found.best),
        train=_loss_choice(train, lowest_at[1], costs, found.best),
        margin=margin,
    )


def _loss_choice(
    values: Mapping[int, float], step: int | None, costs: Mapping[int, Cost], best: int
) -> LowestLoss | None:
    if step is None:
        return None
    overall = losses.lowest(values, list(values))
    return LowestLoss(
        step=step,
        value=values[step],
        cost=None if step == best else costs[step],
        lower_at=overall if overall is not None and values[overall] < values[step] else None,
    )
