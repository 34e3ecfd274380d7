"""Metric points in, series out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from beyondloss.analysis.curve import Curve, Ints, thinned
from beyondloss.domain.metrics import MetricPoint, Series, ValueKind, kind_of
from beyondloss.domain.text import storable
from beyondloss.errors import InvalidInput
from beyondloss.services.alarms import judging
from beyondloss.store import alarms, curves, metrics
from beyondloss.store.engine import Store
from beyondloss.store.metrics import Points
from beyondloss.store.revisions import bump_run
from beyondloss.store.runs import lock_run

MOST_STEPS = 2**53
"""Steps stay exact in JSON and in a browser up to here."""
LONGEST_NAME = 200
LEAST_BUDGET = 2
MOST_MARKED = 64
"""Ends of alarms that every answer holds: more of them are extremes or spikes, or nobody could tell them apart."""
_FIRST_NAMES = ("loss", "eval_loss", "learning_rate", "grad_norm")


@dataclass(frozen=True, slots=True)
class Column:
    """Points of one metric as two lists of one length, in the order they came."""

    steps: list[int]
    values: list[float]


def append_points(store: Store, run_id: int, points: Sequence[MetricPoint]) -> int:
    """Store points; on a repeated (name, step) the last wins. Returns how many changed anything. Bumps the run.

    Raises NotFound without such a run, InvalidInput for an empty or overlong name or a step below 0 or beyond 2^53.
    """
    return _append(store, run_id, grouped(points))


def append_columns(store: Store, run_id: int, columns: Mapping[str, Column]) -> int:
    """As `append_points`, for many points of few metrics: several times as fast."""
    return _append(store, run_id, {storable(name): _points(name, column) for name, column in columns.items()})


def _append(store: Store, run_id: int, by_name: Mapping[str, Points]) -> int:
    with store.write() as session:
        run = lock_run(session, run_id)
        changed = metrics.append_points(session, run_id, by_name)
        if changed:
            judging.observe(session, run, by_name)
            bump_run(session, run_id)
    return changed


def metric_names(store: Store, run_id: int) -> list[str]:
    """loss, eval_loss, learning_rate, grad_norm first when there, then the others by name."""
    with store.read() as session:
        names = set(metrics.series_names(session, run_id))
    return [name for name in _FIRST_NAMES if name in names] + sorted(names.difference(_FIRST_NAMES))


def read_series(
    store: Store,
    run_id: int,
    names: Sequence[str],
    *,
    budget: int = 2000,
    start: int | None = None,
    end: int | None = None,
) -> dict[str, Series]:
    """At most `budget` points a series within [start, end], from precomputed levels.

    Extremes, lone spikes, ends of alarms and every non-finite point are kept at any budget from 500 up, as long as the
    non-finite ones take no more than three quarters of it: of more, the ends of each stretch and an even choice, a
    quarter in all.
    Unknown names give empty series.
    """
    budget = max(budget, LEAST_BUDGET)
    start, end = _clamped(start), _clamped(end)
    with store.read() as session:
        found = metrics.find_series(session, run_id, names)
        marked = alarms.marked_steps(session, run_id, most=MOST_MARKED)
        read = {
            name: curves.read_curve(session, found[name], budget=budget, start=start, end=end, marked=marked)
            for name in names
            if name in found
        }
    return {
        name: _series(name, thinned(read[name].curve, budget, marked=marked), read[name].total)
        if name in read
        else Series(name=name, steps=[], values=[], kinds=[], total=0)
        for name in names
    }


def grouped(points: Sequence[MetricPoint]) -> dict[str, Points]:
    """Points by name, checked, in the order they came."""
    columns: dict[str, Column] = {}
    for point in points:
        name = storable(point.name)
        if name not in columns:
            columns[name] = Column([], [])
        columns[name].steps.append(point.step)
        columns[name].values.append(point.value)
    return {name: _points(name, column) for name, column in columns.items()}


def _points(name: str, column: Column) -> Points:
    _check_name(name)
    if len(column.steps) != len(column.values):
        raise InvalidInput(f"{name} has {len(column.steps)} steps and {len(column.values)} values.", hint="Send pairs.")
    # Adding 0.0 makes -0.0 the one zero that SQLite has, so that sending it again changes nothing.
    return Points(_checked_steps(column.steps), np.array(column.values, dtype=np.float64) + 0.0)


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME:
        raise InvalidInput(f"A metric's name is empty or longer than {LONGEST_NAME} characters.", hint="Rename it.")


def _checked_steps(steps: list[int]) -> Ints:
    if not steps:
        raise InvalidInput("A metric comes without points.", hint="Leave it out.")
    if min(steps) < 0 or max(steps) > MOST_STEPS:
        raise InvalidInput("A metric's step is negative or beyond 2^53.", hint="Send the optimiser's step.")
    return np.array(steps, dtype=np.int64)


def _clamped(step: int | None) -> int | None:
    """A bound of a range may be any number; a database takes 64 bits."""
    return None if step is None else min(max(step, -1), MOST_STEPS)


def _series(name: str, curve: Curve, total: int) -> Series:
    values: list[float | None] = list(curve.values.tolist())
    kinds = [ValueKind.FINITE] * len(values)
    for place in np.flatnonzero(~np.isfinite(curve.values)).tolist():
        kinds[place] = kind_of(float(curve.values[place]))
        values[place] = None
    return Series(name=name, steps=curve.steps.tolist(), values=values, kinds=kinds, total=total)
