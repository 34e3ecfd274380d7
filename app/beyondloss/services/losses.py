"""What the losses of a run did between steps: the reference beside the verdicts. Read-only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from beyondloss.analysis.loss_moves import LossMove, level_at, loss_move
from beyondloss.domain.metrics import Series
from beyondloss.services.metrics import read_series
from beyondloss.store.engine import Store

TRAIN, EVAL = "loss", "eval_loss"
_POINTS = 4000


@dataclass(frozen=True, slots=True)
class LossMoves:
    """Training and eval loss between the same two steps; unknown where they were not logged."""

    train: LossMove
    evaluated: LossMove


@dataclass(frozen=True, slots=True)
class LossLevels:
    step: int
    train: float | None
    evaluated: float | None


def moves_between(store: Store, run_id: int, *, before: int, after: int) -> LossMoves:
    return moves_along(store, run_id, [(before, after)])[0]


def moves_along(store: Store, run_id: int, pairs: Sequence[tuple[int, int]]) -> tuple[LossMoves, ...]:
    """Between the two steps of each pair; the curves are read once."""
    found = read_series(store, run_id, [TRAIN, EVAL], budget=_POINTS)
    return tuple(LossMoves(_move(found[TRAIN], *pair), _move(found[EVAL], *pair)) for pair in pairs)


def levels_at(store: Store, run_id: int, steps: Sequence[int]) -> tuple[LossLevels, ...]:
    """Both losses at each of these steps."""
    found = read_series(store, run_id, [TRAIN, EVAL], budget=_POINTS)
    return tuple(LossLevels(step, _level(found[TRAIN], step), _level(found[EVAL], step)) for step in steps)


def lowest(values: Mapping[int, float | None], steps: Iterable[int]) -> int | None:
    """Of these steps the one with the lowest value. The earliest of equals: a checkpoint between two evaluations has
    the value of the one before.
    """
    known = [(value, step) for step in steps if (value := values.get(step)) is not None]
    return min(known, default=(0.0, None))[1]


def curves(store: Store, run_id: int, *, points: int) -> tuple[Series, ...]:
    """Training and eval loss, at most so many points of each; those never logged are left out."""
    found = read_series(store, run_id, [TRAIN, EVAL], budget=points)
    return tuple(one for one in (found[TRAIN], found[EVAL]) if one.steps)


def _move(series: Series, before: int, after: int) -> LossMove:
    return loss_move(series.steps, series.values, before=before, after=after, evaluated=series.name == EVAL)


def _level(series: Series, step: int) -> float | None:
    return level_at(series.steps, series.values, step, evaluated=series.name == EVAL)
