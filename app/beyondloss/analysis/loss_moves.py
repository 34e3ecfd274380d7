"""What loss did between two steps: fell, flat, rose, or unknown. Pure; the words that loss is compared by, no more."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import median

FLAT_RATIO = 0.05
"""Changes smaller than this are flat: batches differ by more."""
MOST_WINDOW = 25
WINDOW_RATIO = 0.02
SHORT_WINDOW = 5
"""So many points are read together as soon as that is no more than a twelfth of the curve."""
_MAD_TO_SIGMA = 1.4826
_MEDIAN_ERROR = 1.2533
"""Standard error of a median, in standard errors of a mean."""
_FLAT_ERRORS = 3.0
_FEWEST_DIFFERENCES = 4


class LossWord(StrEnum):
    FELL = "fell"
    FLAT = "flat"
    ROSE = "rose"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LossMove:
    """From `before` to `after`; `ratio` is the change as a share of `before` (−0.86: fell by 86 %)."""

    word: LossWord
    before: float | None = None
    after: float | None = None
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class _Level:
    value: float
    error: float


def loss_move(
    steps: Sequence[int], values: Sequence[float | None], *, before: int, after: int, evaluated: bool = False
) -> LossMove:
    """Between two steps of one series; step 0 is the model before training, which the first batch's loss stands for.

    A training loss is read as the median of the last points, and a move is what their scatter does not explain: single
    batches differ even where nothing is learned. `evaluated` is for an eval loss, of the same examples each time, read
    as it stands; it says nothing of a model before the first evaluation.
    """
    start = _level(steps, values, before, evaluated=evaluated)
    end = _level(steps, values, after, evaluated=evaluated)
    if start is None or end is None or start.value <= 0 or before == after:
        return LossMove(LossWord.UNKNOWN)
    change = end.value - start.value
    flat = max(FLAT_RATIO * start.value, _FLAT_ERRORS * (start.error**2 + end.error**2) ** 0.5)
    word = LossWord.FLAT if abs(change) < flat else LossWord.FELL if change < 0 else LossWord.ROSE
    return LossMove(word, start.value, end.value, change / start.value)


def level_at(
    steps: Sequence[int], values: Sequence[float | None], step: int, *, evaluated: bool = False
) -> float | None:
    """The loss at a step as `loss_move` reads it."""
    found = _level(steps, values, step, evaluated=evaluated)
    return found.value if found else None


def _level(steps: Sequence[int], values: Sequence[float | None], step: int, *, evaluated: bool) -> _Level | None:
    """None where nothing was logged by then, or where it was no number: the model at that step is in trouble."""
    if step == 0 and not evaluated:
        first = next(iter(values), None)
        return None if first is None else _Level(first, _scatter(values))
    seen = [value for at, value in zip(steps, values, strict=True) if at <= step]
    if not seen or seen[-1] is None:
        return None
    if evaluated:
        return _Level(seen[-1], 0.0)
    window = max(1, min(SHORT_WINDOW, len(values) // 12), min(MOST_WINDOW, round(WINDOW_RATIO * len(values))))
    last = [value for value in seen[-window:] if value is not None]
    of_median = 1.0 if len(last) == 1 else _MEDIAN_ERROR
    return _Level(median(last), of_median * _scatter(values) / len(last) ** 0.5)


def _scatter(values: Sequence[float | None]) -> float:
    """Standard deviation of one point about the curve, from its steps: a trend is small from one point to the next."""
    known = [value for value in values if value is not None]
    steps = [abs(later - earlier) for earlier, later in pairwise(known)]
    return _MAD_TO_SIGMA * median(steps) / 2**0.5 if len(steps) >= _FEWEST_DIFFERENCES else 0.0
