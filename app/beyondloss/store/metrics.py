"""Metric points: appended to a tail of rows, sealed by the thousand into compressed blocks with levels to draw from.

Invariants, kept within each writer's transaction, which holds the run's row: a step of a series is in the tail or in
one block, never in both; every step of the tail is later than every block's; blocks do not overlap; every level has
the same blocks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from beyondloss.analysis.curve import Bools, Floats, Ints, curve_of, outline, thinned
from beyondloss.domain.metrics import ValueKind, kind_of
from beyondloss.store.blocks import packed
from beyondloss.store.curves import (
    BLOCK_POINTS,
    LEVEL_POINTS,
    Span,
    at_level,
    read_block,
    read_curve,
    read_spans,
    read_tail,
)
from beyondloss.store.insert import insert_into
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import MetricBlock, MetricSeries, MetricTail

SPARKLINE_NAME = "loss"
SPARKLINE_POINTS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """N points of one series, (N,) each. As they arrive steps are in any order and may repeat."""

    steps: Ints
    values: Floats

    def __len__(self) -> int:
        return len(self.steps)

    def at(self, which: Bools | slice) -> "Points":
        return Points(self.steps[which], self.values[which])


def append_points(session: Session, run_id: int, points: Mapping[str, Points]) -> int:
    """Store points of one run by name; on a repeated step the last wins. Gives how many were new or changed.

    The caller holds the run's row and bumps it if anything changed.
    """
    series = find_series(session, run_id, list(points))
    for name in points.keys() - series.keys():
        series[name] = MetricSeries(run_id=run_id, name=name)
        session.add(series[name])
    session.flush()
    return sum(_append(session, series[name], points[name]) for name in points)


def series_names(session: Session, run_id: int) -> list[str]:
    return list(session.exec(select(MetricSeries.name).where(MetricSeries.run_id == run_id)))


def find_series(session: Session, run_id: int, names: Sequence[str]) -> dict[str, MetricSeries]:
    query = select(MetricSeries).where(MetricSeries.run_id == run_id, col(MetricSeries.name).in_(names))
    return {series.name: series for series in session.exec(query)}


def count_points(session: Session, run_id: int) -> int:
    return session.exec(select(func.sum(MetricSeries.total)).where(MetricSeries.run_id == run_id)).one() or 0


def _append(session: Session, series: MetricSeries, points: Points) -> int:
    points = _last_wins(points)
    sealed = 0 if series.sealed_step is None else int(np.searchsorted(points.steps, series.sealed_step, "right"))
    changed = _change_blocks(session, series, points.at(slice(None, sealed)))
    changed += _change_tail(session, series, points.at(slice(sealed, None)))
    if changed:
        _note_last(series, points)
        _renew_sparkline(session, series, changed)
    return changed


def _last_wins(points: Points) -> Points:
    """By strictly rising step."""
    steps, from_the_end = np.unique(points.steps[::-1], return_index=True)
    return Points(steps, points.values[::-1][from_the_end])


def _merged(old: Points, new: Points) -> tuple[Points, int]:
    """Both together, new ones winning, and how many of the new ones changed anything."""
    both = _last_wins(Points(np.concatenate([old.steps, new.steps]), np.concatenate([old.values, new.values])))
    known = np.isin(new.steps, old.steps)
    before = old.values[np.searchsorted(old.steps, new.steps[known])]
    same = np.equal(before, new.values[known]) | (np.isnan(before) & np.isnan(new.values[known]))
    return both, len(new) - int(same.sum())


def _change_tail(session: Session, series: MetricSeries, points: Points) -> int:
    """Upsert rows; seal them all when they, with those already there, fill a block."""
    if not len(points):
        return 0
    there = read_tail(session, series, int(points.steps[0]), int(points.steps[-1]))
    merged, changed = _merged(Points(there.steps, there.values), points)
    if not changed:
        return 0
    series.total += len(merged) - len(there)
    if series.total - series.sealed_total < BLOCK_POINTS:
        _upsert_tail(session, series, points)
        return changed
    rest = read_tail(session, series)
    merged, _ = _merged(Points(rest.steps, rest.values), points)
    _seal(session, series, merged)
    return changed


def _seal(session: Session, series: MetricSeries, tail: Points) -> None:
    """As many full blocks as there are; what is left becomes the tail."""
    session.exec(delete(MetricTail).where(col(MetricTail.series_id) == series.id))
    full = len(tail) - len(tail) % BLOCK_POINTS
    for start in range(0, full, BLOCK_POINTS):
        _write_block(session, series, tail.at(slice(start, start + BLOCK_POINTS)))
    series.sealed_total += full
    series.sealed_step = int(tail.steps[full - 1])
    _upsert_tail(session, series, tail.at(slice(full, None)))


def _upsert_tail(session: Session, series: MetricSeries, points: Points) -> None:
    rows = [
        {"series_id": series.id, "step": step, "value": value if kind is ValueKind.FINITE else None, "kind": kind.value}
        for step, value in zip(points.steps.tolist(), points.values.tolist(), strict=True)
        for kind in (kind_of(value),)
    ]
    if rows:
        statement = insert_into(session, MetricTail)
        new = {"value": statement.excluded.value, "kind": statement.excluded.kind}
        session.connection().execute(
            statement.on_conflict_do_update(index_elements=["series_id", "step"], set_=new), rows
        )


def _change_blocks(session: Session, series: MetricSeries, points: Points) -> int:
    """Late or repeated points inside what is sealed already: rare, so their blocks are simply made anew."""
    if not len(points):
        return 0
    spans = read_spans(session, series, None, None)
    firsts = np.array([span.first_step for span in spans], dtype=np.int64)
    homes = np.maximum(np.searchsorted(firsts, points.steps, "right") - 1, 0)
    return sum(
        _change_block(session, series, spans[home], points.at(homes == home)) for home in np.unique(homes).tolist()
    )


def _change_block(session: Session, series: MetricSeries, span: Span, points: Points) -> int:
    there = read_block(session, series, span.first_step)
    merged, changed = _merged(Points(there.steps, there.values), points)
    if not changed:
        return 0
    session.exec(
        delete(MetricBlock).where(
            col(MetricBlock.series_id) == series.id, col(MetricBlock.first_step) == span.first_step
        )
    )
    for part in _split(merged):
        _write_block(session, series, part)
    series.total += len(merged) - len(there)
    series.sealed_total += len(merged) - len(there)
    return changed


def _split(points: Points) -> Iterator[Points]:
    """A block that late points have made twice as long becomes two."""
    parts = max(1, len(points) // BLOCK_POINTS)
    for places in np.array_split(np.arange(len(points)), parts):
        yield points.at(slice(int(places[0]), int(places[-1]) + 1))


def _write_block(session: Session, series: MetricSeries, points: Points) -> None:
    """One row at every level."""
    curve = curve_of(points.steps, points.values)
    first_step, last_step = int(points.steps[0]), int(points.steps[-1])
    rows = [
        {
            "series_id": stored_id(series.id),
            "level": level,
            "first_step": first_step,
            "last_step": last_step,
            "count": len(curve),
            "data": packed(at_level(curve, level), thin=level > 0),
        }
        for level in range(len(LEVEL_POINTS))
    ]
    session.connection().execute(insert_into(session, MetricBlock), rows)


def _note_last(series: MetricSeries, points: Points) -> None:
    step, value = int(points.steps[-1]), float(points.values[-1])
    if series.last_step is None or step >= series.last_step:
        kind = kind_of(value)
        series.last_step, series.last_kind = step, kind.value
        series.last_value = value if kind is ValueKind.FINITE else None


def _renew_sparkline(session: Session, series: MetricSeries, changed: int) -> None:
    """Only once it would look different: the runs list has one width for a curve of any length."""
    if series.name != SPARKLINE_NAME:
        return
    series.sparkline_stale += changed
    if series.sparkline_stale * SPARKLINE_POINTS >= series.total:
        curve = thinned(read_curve(session, series, budget=BLOCK_POINTS).curve, BLOCK_POINTS)
        series.sparkline = outline(curve, SPARKLINE_POINTS)
        series.sparkline_stale = 0
