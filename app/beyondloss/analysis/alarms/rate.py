"""Learning rates that do not suit what is trained, or are not what was declared."""

import numpy as np

from beyondloss.analysis.alarms.shape import Line
from beyondloss.analysis.curve import Floats
from beyondloss.domain.alarms import AlarmKind, FoundAlarm, Severity

LEAST_POINTS = 10
CLIPPED_SHARE = 0.5
BOUNDARY_RATE = 5e-5
"""LoRA wants more than this, a full fine-tune less."""
SCHEDULE_ERROR = 0.1


def rate_alarms(
    learning_rate: Line,
    grad_norm: Line,
    *,
    adapter: bool | None,
    most_norm: float | None,
    schedule: str,
    last_step: int,
) -> list[FoundAlarm]:
    """At most one of each: clipped without warm-up, unusual for the method, unlike the declared schedule."""
    if len(learning_rate) < LEAST_POINTS or learning_rate.values.max() <= 0:
        return []
    peak = float(learning_rate.values.max())
    findings: list[dict[str, float | str]] = []
    if not _warms_up(learning_rate.values) and most_norm and _clipped(grad_norm, most_norm):
        findings.append({"sign": "no_warm_up", "limit": most_norm})
    if adapter is not None and (peak < BOUNDARY_RATE if adapter else peak > BOUNDARY_RATE):
        findings.append({"sign": "low_for_adapter" if adapter else "high_for_full", "rate": peak})
    if _differs(learning_rate, schedule, last_step):
        findings.append({"sign": "unlike_schedule", "schedule": schedule})
    first, last = int(learning_rate.steps[0]), int(learning_rate.steps[-1])
    return [FoundAlarm(AlarmKind.LEARNING_RATE, first, last, Severity.INFO, facts) for facts in findings]


def _warms_up(rates: Floats) -> bool:
    return bool(rates[0] < 0.9 * rates.max())


def _clipped(grad_norm: Line, most_norm: float) -> bool:
    return len(grad_norm) >= LEAST_POINTS and float((grad_norm.values > most_norm).mean()) > CLIPPED_SHARE


def _differs(line: Line, schedule: str, last_step: int) -> bool:
    """Mean distance from the declared curve after warm-up, in shares of the peak. Unknown schedules never differ."""
    top = int(line.values.argmax())
    steps, rates = line.steps[top:], line.values[top:] / line.values[top]
    if len(steps) < LEAST_POINTS or last_step <= steps[0]:
        return False
    done = np.clip((steps - steps[0]) / (last_step - steps[0]), 0, 1)
    expected = {
        "constant": np.ones(len(steps)),
        "constant_with_warmup": np.ones(len(steps)),
        "linear": 1 - done,
        "cosine": (1 + np.cos(np.pi * done)) / 2,
    }.get(schedule)
    return expected is not None and float(np.abs(rates - expected).mean()) > SCHEDULE_ERROR
