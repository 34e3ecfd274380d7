"""Rules run over points as they are stored.

Points are judged in the transaction that stores them, by a state of a few kB a run: a batch costs by its own length,
however long the curve is. Rules about a curve's whole shape run when it has grown by a twentieth, and at its end.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlmodel import Session

from beyondloss.analysis.alarms.rate import rate_alarms
from beyondloss.analysis.alarms.shape import Line, gap, memorising, not_learning, plateau, staircase
from beyondloss.analysis.alarms.watch import Watch
from beyondloss.domain.alarms import FoundAlarm
from beyondloss.domain.runs import RunState
from beyondloss.store import alarms, curves, metrics
from beyondloss.store.metrics import Points
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import MetricSeries, Run

SHAPE_GROWTH = 0.05
SHAPE_LEAST_POINTS = 10
CONTEXT_BLOCKS = 4
"""How far back a series is read when points arrive out of order: enough for every moving window."""
_SHAPE = "shape"
_FIRST_LINES = ("loss", "eval_loss", "grad_norm", "learning_rate", "epoch")


def observe(session: Session, run: Run, points: Mapping[str, Points]) -> None:
    """Judge points just stored. The caller holds the run and bumps it."""
    watched = {name: points[name] for name in points if _is_watched(name)}
    if not watched:
        return
    row = alarms.watch_of(session, stored_id(run.id))
    state: dict[str, Any] = dict(row.state)
    series = metrics.find_series(session, stored_id(run.id), list(watched))
    for name in sorted(watched, reverse=True):  # loss before grad_norm: a shared spike begins where the loss's does
        state[name] = _observe_series(session, run, series[name], points=watched[name], stored=state.get(name))
    row.state = state
    session.flush()
    if "loss" in series and _shape_is_due(state.get(_SHAPE, 0), series["loss"].total):
        row.state = state | {_SHAPE: series["loss"].total}
        _judge_shape(session, run)


def settle(session: Session, run: Run) -> None:
    """The run has ended: look at its whole curve once more. The caller holds the run and bumps it."""
    if run.state != RunState.TRAINING.value:
        _judge_shape(session, run)


def _is_watched(name: str) -> bool:
    return name in {"loss", "grad_norm"} or (name.startswith("eval_") and name.endswith("loss"))


def _observe_series(
    session: Session, run: Run, series: MetricSeries, *, points: Points, stored: dict[str, Any] | None
) -> dict[str, Any]:
    """The new state of one series' watch."""
    order = np.argsort(points.steps, kind="stable")
    points = Points(points.steps[order], points.values[order])
    watch = Watch() if stored is None else Watch.restored(stored)
    first = int(points.steps[0])
    since = None
    if first <= watch.last_step or len(np.unique(points.steps)) < len(points):
        watch, points, since = Watch(), _with_context(session, series, first), first
    found = watch.follow(series.name, points.steps, points.values)
    if since is not None:
        found = [one for one in found if one.last_step >= since]
    alarms.note_metric(session, run, series.name, found, since=since)
    return watch.stored()


def _with_context(session: Session, series: MetricSeries, first: int) -> Points:
    """All points from some blocks before a step on: a trainer that resumed, or a late point, changes what follows."""
    before = curves.read_spans(session, series, None, first - 1)
    start = before[-CONTEXT_BLOCKS].first_step if len(before) >= CONTEXT_BLOCKS else None
    curve = curves.read_curve(session, series, budget=series.total, start=start).curve
    return Points(curve.steps, curve.values)


def _shape_is_due(judged_at: int, total: int) -> bool:
    return total - judged_at >= max(SHAPE_LEAST_POINTS, SHAPE_GROWTH * total)


def _judge_shape(session: Session, run: Run) -> None:
    run_id = stored_id(run.id)
    series = metrics.find_series(session, run_id, _FIRST_LINES)
    lines = {name: _line(session, series.get(name)) for name in _FIRST_LINES}
    loss = lines["loss"]
    if not len(loss):
        return
    end = _number(run.config.get("max_steps")) if run.state == RunState.TRAINING.value else None
    last_step = int(max(end or 0, loss.steps[-1]))
    found: list[FoundAlarm | None] = [
        not_learning(loss, lines["grad_norm"], lines["learning_rate"], last_step=last_step),
        plateau(loss, lines["learning_rate"]),
        memorising(loss, lines["eval_loss"], rated=alarms.has_ratings(session, run_id)),
        staircase(loss, lines["epoch"]),
        gap(loss, lines["eval_loss"]),
        *rate_alarms(
            lines["learning_rate"],
            lines["grad_norm"],
            adapter=alarms.trains_adapters(session, run_id),
            most_norm=_number(run.config.get("max_grad_norm")),
            schedule=str(run.config.get("lr_scheduler_type") or "").rpartition(".")[2].lower(),
            last_step=int(_number(run.config.get("max_steps")) or loss.steps[-1]),
        ),
    ]
    alarms.note_shape(session, run, [one for one in found if one is not None])


def _line(session: Session, series: MetricSeries | None) -> Line:
    if series is None:
        return Line(np.empty(0, np.int64), np.empty(0))
    curve = curves.read_curve(session, series, budget=metrics.SPARKLINE_POINTS).curve
    finite = np.isfinite(curve.values)
    return Line(curve.steps[finite], curve.values[finite])


def _number(setting: object) -> float | None:
    try:
        number = float(str(setting))
    except ValueError:
        return None
    return number if np.isfinite(number) and number > 0 else None
