"""Metric points in, series out."""

from collections.abc import Sequence

from beyondloss.domain.metrics import MetricPoint, Series
from beyondloss.store.engine import Store


def append_points(store: Store, run_id: int, points: Sequence[MetricPoint]) -> int:
    """Store points; on a repeated (name, step) the last wins. Returns how many changed anything. Bumps the run."""
    raise NotImplementedError


def metric_names(store: Store, run_id: int) -> list[str]:
    """loss, eval_loss, learning_rate, grad_norm first when there, then the others by name."""
    raise NotImplementedError


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

    Extremes, lone spikes and every non-finite point are kept at any budget from 500 up. Unknown names give empty series.
    """
    raise NotImplementedError
