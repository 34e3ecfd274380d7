"""Reading curves: from the level of the sealed blocks that suits the drawing, and from the tail. Writes nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from sqlmodel import Session, col, select

from beyondloss.analysis.curve import Curve, Ints, curve_of, joined, thinned, with_points
from beyondloss.domain.metrics import ValueKind
from beyondloss.store.blocks import unpacked
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import MetricBlock, MetricSeries, MetricTail

BLOCK_POINTS = 4096
LEVEL_POINTS = (BLOCK_POINTS, 512, 128)
"""Points a block keeps at each level."""
LEVEL_NON_FINITE = 1024
"""Values that are no numbers a level keeps on top of those: enough to draw any that stand alone."""
READ_POINTS = 65_536
"""About as many points are unpacked for one drawing (some 10 ms): the finest level that allows it is taken."""

_NUMBERS = {ValueKind.NAN: np.nan, ValueKind.POSINF: np.inf, ValueKind.NEGINF: -np.inf}


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """`curve` is enough to draw the asked range from; `total` is how many points are stored in it."""

    curve: Curve
    total: int


@dataclass(frozen=True, slots=True)
class Span:
    """A sealed block without its data: where it lies and how many points it has."""

    first_step: int
    last_step: int
    count: int

    def holds_any(self, steps: Ints) -> bool:
        return bool(((steps >= self.first_step) & (steps <= self.last_step)).any())

    def within(self, start: int | None, end: int | None) -> bool:
        return (start is None or start <= self.first_step) and (end is None or self.last_step <= end)


def read_curve(
    session: Session,
    series: MetricSeries,
    *,
    budget: int,
    start: int | None = None,
    end: int | None = None,
    marked: Sequence[int] = (),
) -> Reading:
    """What a drawing of `budget` points of [start, end] is made from, with all points at `marked` steps in it.

    Blocks at the borders of the range are read whole and cut, so `total` is exact and no border point is missed.
    """
    spans = read_spans(session, series, start, end)
    tail = read_tail(session, series, start, end)
    level = _level_for(len(spans), budget)
    cut = [span.first_step for span in spans if not span.within(start, end)]
    pieces = _read_level(session, series, level, spans, without=cut)
    total = sum(span.count for span in spans if span.first_step not in cut) + len(tail)
    for first_step in cut:
        piece = read_block(session, series, first_step).between(start, end)
        total += len(piece)
        pieces[first_step] = at_level(piece, level)
    curve = joined([*(pieces[first] for first in sorted(pieces)), at_level(tail, level)])
    if level and marked:
        steps = np.array(marked, dtype=np.int64)
        exact = [tail, *(read_block(session, series, span.first_step) for span in spans if span.holds_any(steps))]
        points = joined(sorted(exact, key=lambda piece: piece.steps[:1].tolist())).between(start, end)
        curve = with_points(curve, points.at(np.isin(points.steps, steps)))
    return Reading(curve, total)


def read_spans(session: Session, series: MetricSeries, start: int | None, end: int | None) -> list[Span]:
    """The blocks that hold points of [start, end], by step."""
    coarsest = len(LEVEL_POINTS) - 1  # every level has the same blocks; the rows of this one are the smallest
    query = select(MetricBlock.first_step, MetricBlock.last_step, MetricBlock.count).where(
        MetricBlock.series_id == series.id, MetricBlock.level == coarsest
    )
    if start is not None:
        query = query.where(MetricBlock.last_step >= start)
    if end is not None:
        query = query.where(MetricBlock.first_step <= end)
    return [Span(*row) for row in session.exec(query.order_by(col(MetricBlock.first_step)))]


def read_block(session: Session, series: MetricSeries, first_step: int) -> Curve:
    """Every point of one block."""
    return unpacked(session.get_one(MetricBlock, (stored_id(series.id), 0, first_step)).data)


def read_tail(session: Session, series: MetricSeries, start: int | None = None, end: int | None = None) -> Curve:
    query = select(MetricTail.step, MetricTail.value, MetricTail.kind).where(MetricTail.series_id == series.id)
    if start is not None:
        query = query.where(MetricTail.step >= start)
    if end is not None:
        query = query.where(MetricTail.step <= end)
    rows = session.exec(query.order_by(col(MetricTail.step))).all()
    steps = np.array([step for step, _, _ in rows], dtype=np.int64)
    values = np.array([number(value, kind) for _, value, kind in rows], dtype=np.float64)
    return curve_of(steps, values)


def number(value: float | None, kind: str) -> float:
    """A stored value as a float again: databases keep what is no number as NULL and its kind."""
    return _NUMBERS[ValueKind(kind)] if value is None else value


def at_level(curve: Curve, level: int) -> Curve:
    """A stretch as a block of this level would keep it; a short stretch keeps its share."""
    if level == 0:
        return curve
    budget = max(2, LEVEL_POINTS[level] * len(curve) // BLOCK_POINTS)
    return thinned(curve, budget, non_finite=LEVEL_NON_FINITE)


def _level_for(blocks: int, budget: int) -> int:
    allowed = max(READ_POINTS, 4 * budget)
    fitting = (level for level, points in enumerate(LEVEL_POINTS) if blocks * points <= allowed)
    return next(fitting, len(LEVEL_POINTS) - 1)


def _read_level(
    session: Session, series: MetricSeries, level: int, spans: Sequence[Span], *, without: Collection[int]
) -> dict[int, Curve]:
    """The blocks of these spans at this level, by first step."""
    whole = [span.first_step for span in spans if span.first_step not in without]
    if not whole:
        return {}
    query = select(MetricBlock.first_step, MetricBlock.data).where(
        MetricBlock.series_id == series.id,
        MetricBlock.level == level,
        MetricBlock.first_step >= whole[0],
        MetricBlock.first_step <= whole[-1],
    )
    return {first_step: unpacked(data) for first_step, data in session.exec(query)}
