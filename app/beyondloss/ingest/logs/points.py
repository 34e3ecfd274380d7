"""Log entries → metric points under canonical names, and several logs of one run → one."""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from beyondloss.domain.metrics import MetricPoint
from beyondloss.ingest.json_files import as_number

Setting = str | int | float | bool | None

_SAME_NAME = {"lr": "learning_rate", "train_loss": "loss", "val_loss": "eval_loss", "validation_loss": "eval_loss"}
_NO_METRIC = {
    "step",
    "global_step",
    "current_steps",
    "total_steps",
    "max_steps",
    "iteration",
    "total_flos",
    "percentage",
}
ELAPSED = "elapsed_seconds"
"""The one name under which a log's times become a metric: curves can be laid over each other by it."""
_CLOCK = re.compile(r"(?:(\d{1,5}) days?, )?(\d{1,3}):(\d\d):(\d\d(?:\.\d+)?)")
_PARTS = re.compile(r"(?:(\d{1,5})d)? ?(?:(\d{1,3})h)? ?(?:(\d{1,3})m)? ?(?:(\d{1,3}(?:\.\d+)?)s)?")
_NO_METRIC_ENDINGS = (
    "(iter/s)",
    "(s/it)",
    "(GiB)",
    "runtime",
    "samples_per_second",
    "steps_per_second",
    "elapsed_time",
    "remaining_time",
)


@dataclass(frozen=True, slots=True)
class RunLog:
    """What one log of a run says. `key` names its first entry: logs of one run begin alike, however often it resumed.

    `ended` says that the trainer wrote its closing summary.
    """

    points: tuple[MetricPoint, ...] = ()
    key: str = ""
    started_at: float | None = None
    ended: bool = False
    max_steps: int | None = None
    config: dict[str, Setting] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def last_step(self) -> int:
        return max((point.step for point in self.points), default=0)


def canonical_name(name: str) -> str:
    """`train/loss` → `loss`, `eval/loss` → `eval_loss`, `lr` → `learning_rate`; other names stay the trainer's own."""
    name = name.strip()
    for prefix in ("eval", "test"):
        if name.startswith(f"{prefix}/"):
            name = f"{prefix}_{name[len(prefix) + 1 :]}"
    if name.startswith("train/"):
        return name.removeprefix("train/")
    return _SAME_NAME.get(name, name)


def is_metric(name: str) -> bool:
    """Whether this key of a log entry is worth a curve: speeds and counters of the loop itself are not."""
    return bool(name) and len(name) <= 200 and name not in _NO_METRIC and not name.endswith(_NO_METRIC_ENDINGS)


def entry_points(entry: Mapping[str, object], step: int) -> list[MetricPoint]:
    """The points of one log entry."""
    points = []
    for key, raw in entry.items():
        value = as_number(raw) if is_metric(key) else None
        if value is not None:
            points.append(MetricPoint(canonical_name(key), step, value))
    return points


def elapsed_seconds(text: object) -> float | None:
    """Since the training began, as trainers write it: `1:02:03` or `1 day, 0:00:05` (Python), `1h 2m 3s` (ms-swift)."""
    if not isinstance(text, str):
        return None
    found = _CLOCK.fullmatch(text.strip()) or _PARTS.fullmatch(text.strip())
    if found is None or not found[0]:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 86_400 * days + 3600 * hours + 60 * minutes + seconds


def is_summary(entry: Mapping[str, object]) -> bool:
    """The trainer's closing entry: averages and times of the whole run, no points of a curve."""
    return "train_runtime" in entry


def entry_key(entry: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(entry, sort_keys=True, default=str).encode()).hexdigest()[:16]


def last_wins(points: Iterable[MetricPoint]) -> tuple[MetricPoint, ...]:
    """One point per (name, step), the last written, by rising step: a resumed run tells some steps twice."""
    latest = {(point.step, point.name): point for point in points}
    return tuple(latest[key] for key in sorted(latest))


def merged(logs: Sequence[RunLog]) -> RunLog:
    """Several sources of one run as one log. An earlier source is right where two know the same point."""
    points: dict[tuple[int, str], MetricPoint] = {}
    config: dict[str, Setting] = {}
    for log in reversed(logs):
        points |= {(point.step, point.name): point for point in log.points}
        config |= log.config
    times = [log.started_at for log in logs if log.started_at is not None]
    return RunLog(
        points=tuple(points[key] for key in sorted(points)),
        key=next((log.key for log in logs if log.key), ""),
        started_at=min(times, default=None),
        ended=any(log.ended for log in logs),
        max_steps=max((log.max_steps for log in logs if log.max_steps), default=None),
        config=config,
        problems=tuple(problem for log in logs for problem in log.problems),
    )


def has_diverged(points: Iterable[MetricPoint]) -> bool:
    """Whether the newest loss, eval loss or gradient norm is not finite.

    HF's `logging_nan_inf_filter` hides NaN losses as exactly 0.0; the gradient norm beside them still tells.
    """
    newest: dict[str, MetricPoint] = {}
    for point in points:
        if point.name in {"loss", "grad_norm"} or (point.name.startswith("eval") and point.name.endswith("loss")):
            known = newest.get(point.name)
            if known is None or point.step >= known.step:
                newest[point.name] = point
    return any(not math.isfinite(point.value) for point in newest.values())
