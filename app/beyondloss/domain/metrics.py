"""Metric points of a run: a value at a step, finite or not. A diverged loss must be seen, so NaN is a value here."""

import math
from dataclasses import dataclass
from enum import StrEnum


class ValueKind(StrEnum):
    FINITE = "finite"
    NAN = "nan"
    POSINF = "posinf"
    NEGINF = "neginf"


def kind_of(value: float) -> ValueKind:
    if math.isfinite(value):
        return ValueKind.FINITE
    if math.isnan(value):
        return ValueKind.NAN
    return ValueKind.POSINF if value > 0 else ValueKind.NEGINF


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One value of one metric.

    `name` is canonical: loss, eval_loss, learning_rate, grad_norm, epoch, or the trainer's own.
    """

    name: str
    step: int
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """One metric as a chart wants it: parallel lists by rising step; `values` is None where `kinds` is not finite.

    `total` is the number of points stored in the asked range before downsampling.
    """

    name: str
    steps: list[int]
    values: list[float | None]
    kinds: list[ValueKind]
    total: int
