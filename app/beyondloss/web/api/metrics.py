"""Metric points: batches in, downsampled series out. A value that is not finite is null beside its kind, never raw."""

import json
import math
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, BeforeValidator, Field

from beyondloss.domain.metrics import MetricPoint, Series, ValueKind
from beyondloss.errors import InvalidInput
from beyondloss.services import metrics
from beyondloss.web.api.shapes import LARGEST_STEP, In, Name, OwnerAsking, Step, TheRun, TheStore, problems

router = APIRouter(tags=["metrics"])
MOST_NAMES = 50


class SeriesOut(BaseModel):
    """Parallel lists by rising step. `values` is null where `kinds` is not `finite`."""

    steps: list[int]
    values: list[float | None]
    kinds: list[ValueKind]
    total: int = Field(description="Points stored in the asked range, before downsampling.")


class MetricsOut(BaseModel):
    series: dict[str, SeriesOut]
    names: list[str] = Field(description="Every metric that this run has.")


def _as_number(value: object) -> object:
    """null is what JavaScript and many loggers make of NaN. Whole numbers too large for a float are infinite."""
    if value is None:
        return math.nan
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return value


Value = Annotated[float, BeforeValidator(_as_number)]


class PointIn(In):
    step: Step
    metrics: Annotated[dict[Name, Value], Field(max_length=500, examples=[{"loss": 1.25, "grad_norm": "NaN"}])]


class ColumnIn(In):
    """Points of one metric as two lists of one length: for many points several times as fast."""

    steps: Annotated[list[Step], Field(min_length=1, max_length=1_000_000)]
    values: Annotated[list[float | None], Field(min_length=1, max_length=1_000_000, examples=[[1.25, "NaN"]])]


class PointsIn(In):
    """Points step by step, or metric by metric as `series`.

    Numbers as JSON numbers; `"NaN"`, `"Infinity"`, `"-Infinity"` (or null for NaN) where they are not finite.
    """

    points: Annotated[list[PointIn], Field(max_length=100_000)] = Field(default=[])
    series: Annotated[dict[Name, ColumnIn], Field(max_length=500)] = Field(default={})


class PointsTaken(BaseModel):
    received: int
    changed: int = Field(description="How many were new or differed from what was stored.")


@router.get("/runs/{run}/metrics", response_model=MetricsOut, responses=problems(400, 404, 422))
def get_metrics(
    *,
    store: TheStore,
    run: TheRun,
    names: Annotated[str | None, Query(max_length=10_000, description="Separated by commas; all without.")] = None,
    points: Annotated[int, Query(ge=2, le=100_000, description="Most points a series.")] = 2000,
    start: Annotated[int | None, Query(alias="from", ge=0, le=LARGEST_STEP)] = None,
    end: Annotated[int | None, Query(alias="to", ge=0, le=LARGEST_STEP)] = None,
) -> Response:
    """Series for a chart. Extremes, lone spikes, alarms and every non-finite point survive from 500 points up."""
    known = metrics.metric_names(store, run.id)
    asked = known if names is None else _asked(names)
    series = metrics.read_series(store, run.id, asked[:MOST_NAMES], budget=points, start=start, end=end)
    body = {"series": {name: _plain(series[name]) for name in series}, "names": known}
    return Response(json.dumps(body, allow_nan=False, separators=(",", ":")), media_type="application/json")


@router.post("/runs/{run}/metrics", responses=problems(403, 404, 422))
def post_metrics(store: TheStore, _visitor: OwnerAsking, run: TheRun, body: PointsIn) -> PointsTaken:
    """Add points. On a repeated name and step the last wins, so a batch may be sent again."""
    found = [MetricPoint(name, p.step, value) for p in body.points for name, value in p.metrics.items()]
    columns = {name: _column(series) for name, series in body.series.items()}
    changed = metrics.append_points(store, run.id, found) if found else 0
    changed += metrics.append_columns(store, run.id, columns) if columns else 0
    return PointsTaken(received=len(found) + sum(len(c.steps) for c in columns.values()), changed=changed)


def _column(given: ColumnIn) -> metrics.Column:
    return metrics.Column(given.steps, [math.nan if value is None else value for value in given.values])


def _asked(names: str) -> list[str]:
    asked = list(dict.fromkeys(name for name in names.split(",") if name))
    if len(asked) > MOST_NAMES or "\x00" in names:
        raise InvalidInput(f"At most {MOST_NAMES} metric names, without NUL characters.", hint="Ask for fewer at once.")
    return asked


def _plain(series: Series) -> dict[str, object]:
    return {"steps": series.steps, "values": series.values, "kinds": series.kinds, "total": series.total}
