"""What the page of overlaid curves shows, and how it is put together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode

from beyondloss.domain.access import Visitor
from beyondloss.domain.text import storable
from beyondloss.services import metrics, runs
from beyondloss.services.runs import RunView, Setting
from beyondloss.store.engine import Store

MOST_RUNS = 8
"""More lines than that nobody tells apart."""
POINTS = 2000


class Axis(StrEnum):
    STEP = "step"
    EPOCH = "epoch"
    TOKENS = "tokens"
    TIME = "time"


LOGGED_AS = {
    Axis.STEP: (),
    Axis.EPOCH: ("epoch",),
    Axis.TOKENS: ("num_tokens", "total_tokens", "num_input_tokens_seen", "tokens_seen", "tokens"),
    Axis.TIME: ("elapsed_seconds", "elapsed_time", "runtime", "time"),
}
"""Metrics by which trainers log how far they have come."""


@dataclass(frozen=True, slots=True)
class Line:
    """One run's curve. `place` chooses colour and dash; `axis_metric` is what its points' places are logged as."""

    run_id: int
    name: str
    path: str
    place: int
    address: str
    axis_metric: str
    drawn: bool
    points: int
    last: float | None
    lowest: float | None
    without: str
    """Address of this page without the run."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that is not the same in all; None where a run does not have it."""

    name: str
    values: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class CurvesPage:
    lines: tuple[Line, ...]
    axis: Axis
    metric: str
    axes: tuple[Choice, ...]
    metrics: tuple[str, ...]
    chosen: tuple[int, ...]
    differences: tuple[Difference, ...]
    equal: int
    """How many settings are the same in all."""
    left_out: int
    most: int = MOST_RUNS


def curves_page(store: Store, visitor: Visitor, references: Sequence[str], *, axis: Axis, metric: str) -> CurvesPage:
    """Runs outside the visitor's scope are as those that are not there: NotFound."""
    metric = storable(metric)
    found = {run.id: run for run in (runs.find_run(store, reference, visitor) for reference in references)}
    shown = list(found.values())[:MOST_RUNS]
    chosen = tuple(run.id for run in shown)
    names = {run.id: metrics.metric_names(store, run.id) for run in shown}
    settings = _settings(shown)
    differences = tuple(Difference(name, values) for name, values in settings if len(set(map(repr, values))) > 1)
    return CurvesPage(
        lines=tuple(
            _line(store, run, names[run.id], place=i, chosen=chosen, axis=axis, metric=metric)
            for i, run in enumerate(shown)
        ),
        axis=axis,
        metric=metric,
        axes=tuple(Choice(one.value, _href(chosen, one, metric), one is axis) for one in Axis),
        metrics=tuple(dict.fromkeys([metric, *(name for run in shown for name in names[run.id])])),
        chosen=chosen,
        differences=differences,
        equal=len(settings) - len(differences),
        left_out=len(found) - len(shown),
    )


def _href(chosen: Sequence[int], axis: Axis, metric: str) -> str:
    return "/curves?" + urlencode([*(("run", one) for one in chosen), ("by", axis.value), ("metric", metric)])


def _line(
    store: Store, run: RunView, names: Sequence[str], *, place: int, chosen: Sequence[int], axis: Axis, metric: str
) -> Line:
    axis_metric = next((name for name in LOGGED_AS[axis] if name in names), "")
    series = metrics.read_series(store, run.id, [metric], budget=POINTS)[metric]
    values = [value for value in series.values if value is not None and math.isfinite(value)]
    asked = ",".join(name for name in (metric, axis_metric) if name)
    return Line(
        run_id=run.id,
        name=run.name,
        path=f"/runs/{run.id}",
        place=place,
        address=f"/api/v1/runs/{run.id}/metrics?{urlencode({'names': asked, 'points': POINTS})}",
        axis_metric=axis_metric,
        drawn=axis is Axis.STEP or bool(axis_metric),
        points=series.total,
        last=values[-1] if values else None,
        lowest=min(values, default=None),
        without=_href([one for one in chosen if one != run.id], axis, metric),
    )


def _settings(shown: Sequence[RunView]) -> list[tuple[str, tuple[Setting, ...]]]:
    """What the trainers were told, and what they are, by name."""
    told = [{"base model": run.base_model, "trainer": run.trainer, **run.config} for run in shown]
    names = sorted({name for one in told for name in one})
    return [(name, tuple(one.get(name) for one in told)) for name in names]
