"""What a curve as a whole says: nothing learned, nothing moves any more, learned by heart, falling apart from eval."""

from dataclasses import dataclass

import numpy as np

from beyondloss.analysis.curve import Floats, Ints
from beyondloss.domain.alarms import AlarmKind, FoundAlarm, Severity

EARLY_SHARE = 0.1
LEAST_EARLY_POINTS = 5
LEAST_DROP = 0.01
NO_GRADIENT = 1e-6
PLATEAU_SHARE = 0.2
PLATEAU_POINTS = 50
PLATEAU_SLOPE = 0.01
SCHEDULE_OVER = 0.1
"""Below this share of its peak a learning rate has come to its end, and a flat loss is what it should be."""
MEMORISED_LOSS = 0.2
MEMORISED_SHARE = 0.1
EVAL_MOVED = 0.1
STAIR_ERRORS = 4.0
STAIR_DROP = 0.1
LEAST_GAP = 0.1
GAP_ERRORS = 3.0
_SLOPE_POINTS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Finite points of one metric by rising step, (N,) each."""

    steps: Ints
    values: Floats

    def __len__(self) -> int:
        return len(self.steps)


def not_learning(loss: Line, grad_norm: Line, learning_rate: Line, *, last_step: int) -> FoundAlarm | None:
    """First 10 % of steps, and at least five points: the loss drops by less than 1 % and the gradient norm is about 0.

    Or the learning rate was 0 throughout: then no gradient can move the weights, whatever the loss does by chance.
    """
    if len(loss) < LEAST_EARLY_POINTS:
        return None
    horizon = max(EARLY_SHARE * last_step, float(loss.steps[LEAST_EARLY_POINTS - 1]))
    early = _until(loss, horizon)
    rates = _until(learning_rate, horizon).values
    stopped = len(rates) >= LEAST_EARLY_POINTS and not rates.any()
    norms = _until(grad_norm, horizon).values
    quarter = max(1, len(early) // 4)
    start, end = np.median(early.values[:quarter]), np.median(early.values[-quarter:])
    still = bool(len(norms)) and float(np.median(norms)) < NO_GRADIENT and bool(end > (1 - LEAST_DROP) * start)
    if not (stopped or still):
        return None
    facts: dict[str, float | str] = {"cause": "learning_rate" if stopped else "grad_norm"}
    return FoundAlarm(AlarmKind.NOT_LEARNING, int(early.steps[0]), int(early.steps[-1]), Severity.CRITICAL, facts)


def plateau(loss: Line, learning_rate: Line) -> FoundAlarm | None:
    """The Theil–Sen slope of log loss over the last 20 % of steps is inside ±1 % per 10 % of the run.

    Not said where the learning-rate schedule has come to its end.
    """
    if len(loss) < PLATEAU_POINTS or bool((loss.values <= 0).any()):
        return None
    rates = learning_rate.values
    if len(rates) and rates[-1] < SCHEDULE_OVER * rates.max():
        return None
    span = int(loss.steps[-1]) - int(loss.steps[0])
    late = _since(loss, loss.steps[-1] - PLATEAU_SHARE * span)
    slope = theil_sen(late.steps / (0.1 * span), np.log(late.values))
    if abs(slope) >= PLATEAU_SLOPE:
        return None
    facts: dict[str, float | str] = {"loss": float(np.median(late.values))}
    return FoundAlarm(AlarmKind.PLATEAU, int(late.steps[0]), int(late.steps[-1]), Severity.INFO, facts)


def theil_sen(x: Floats, y: Floats) -> float:
    """The median slope over all pairs of at most 200 of the points (Theil 1950, Sen 1968)."""
    if len(x) > _SLOPE_POINTS:
        chosen = np.linspace(0, len(x) - 1, _SLOPE_POINTS).astype(np.int64)
        x, y = x[chosen], y[chosen]
    i, j = np.triu_indices(len(x), k=1)
    return float(np.median((y[j] - y[i]) / (x[j] - x[i])))


def memorising(loss: Line, eval_loss: Line, *, rated: bool) -> FoundAlarm | None:
    """Train loss below 0.2, or below a tenth of its start, before ratings or eval moved."""
    if len(loss) < LEAST_EARLY_POINTS or rated or _moved(eval_loss):
        return None
    width = max(1, min(20, len(loss) // 5))
    start = float(np.median(loss.values[:width]))
    limit = max(MEMORISED_LOSS, MEMORISED_SHARE * start)
    running = _running_median(loss.values, width)
    below = np.flatnonzero(running < limit)
    if start <= limit or not len(below) or running[-1] >= limit:
        return None
    step = int(loss.steps[below[0]])
    facts: dict[str, float | str] = {"start": start, "loss": float(running[-1]), "sign": "low"}
    return FoundAlarm(AlarmKind.MEMORISING, step, int(loss.steps[-1]), Severity.WARN, facts)


def staircase(loss: Line, epoch: Line) -> FoundAlarm | None:
    """The loss falls at the end of an epoch, not within: examples seen before are known by heart (fast.ai, 2023).

    At an epoch's end it drops by more than 10 % and 4 standard errors, and three times as much as in mid-epoch.
    """
    if len(epoch) < 2 or len(loss) < PLATEAU_POINTS:
        return None
    epochs = np.interp(loss.steps, epoch.steps, epoch.values)
    per_epoch = int(np.searchsorted(epochs, epochs[0] + 1))
    width = min(20, per_epoch // 4)
    if width < LEAST_EARLY_POINTS:
        return None
    for number in range(1, int(np.floor(epochs[-1])) + 1):
        end = int(np.searchsorted(epochs, number, side="right"))
        drop, error = _drop(loss.values, end, width)
        within = max(_drop(loss.values, end - per_epoch // 2, width)[0], 0.0)
        before = float(loss.values[max(0, end - width) : end].mean()) if end else 0.0
        if drop > max(STAIR_DROP * before, STAIR_ERRORS * error, 3 * within) > 0:
            facts: dict[str, float | str] = {"epoch": float(number), "drop": drop / before, "sign": "stairs"}
            step = int(loss.steps[min(end, len(loss) - 1)])
            return FoundAlarm(AlarmKind.MEMORISING, step, step, Severity.WARN, facts)
    return None


def gap(loss: Line, eval_loss: Line) -> FoundAlarm | None:
    """eval − train opened by more than max(0.1, 3 standard errors) from its minimum, and is so still."""
    gaps, errors, steps = [], [], []
    before = -1
    for step, value in zip(eval_loss.steps.tolist(), eval_loss.values.tolist(), strict=True):
        inside = loss.values[(loss.steps > before) & (loss.steps <= step)][-50:]
        before = step
        if len(inside) >= 2:
            gaps.append(value - float(inside.mean()))
            errors.append(float(inside.std(ddof=1)) / len(inside) ** 0.5)
            steps.append(step)
    if len(gaps) < 3:
        return None
    lowest = np.minimum.accumulate(gaps)
    opened = np.array(gaps) - lowest
    wide = opened > np.maximum(LEAST_GAP, GAP_ERRORS * np.array(errors))
    if not wide[-1]:
        return None
    first = len(wide) - int(np.argmin(wide[::-1])) if not wide.all() else 0
    facts: dict[str, float | str] = {"gap": gaps[-1], "lowest": float(lowest[-1])}
    return FoundAlarm(AlarmKind.GAP, steps[first], steps[-1], Severity.WARN, facts)


def _drop(values: Floats, place: int, width: int) -> tuple[float, float]:
    """How far the mean falls from the points before a place to those from it on, and that difference's error."""
    before, after = values[max(0, place - width) : max(0, place)], values[max(0, place) : place + width]
    if len(before) < LEAST_EARLY_POINTS or len(after) < LEAST_EARLY_POINTS:
        return 0.0, 0.0
    error = (before.var(ddof=1) / len(before) + after.var(ddof=1) / len(after)) ** 0.5
    return float(before.mean() - after.mean()), float(error)


def _moved(line: Line) -> bool:
    return len(line) > 1 and bool(abs(line.values[-1] - line.values[0]) > EVAL_MOVED * abs(line.values[0]))


def _running_median(values: Floats, width: int) -> Floats:
    """(N,) the median of the `width` points up to each; of what there is at the start."""
    padded = np.concatenate([np.full(width - 1, values[0]), values])
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1))


def _until(line: Line, step: float) -> Line:
    inside = line.steps <= step
    return Line(line.steps[inside], line.values[inside])


def _since(line: Line, step: float) -> Line:
    inside = line.steps >= step
    return Line(line.steps[inside], line.values[inside])
