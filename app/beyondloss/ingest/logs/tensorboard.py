"""TensorBoard event files: scalars, and the text in which the Trainer writes its arguments.

A reader of our own: the tensorboard package would bring a dozen dependencies for two message types.
"""

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from beyondloss.domain.metrics import MetricPoint
from beyondloss.ingest.hyperparameters import flattened
from beyondloss.ingest.json_files import parse_json
from beyondloss.ingest.logs.growing import GrowingFiles
from beyondloss.ingest.logs.points import ELAPSED, RunLog, Setting, canonical_name, is_metric
from beyondloss.ingest.logs.protobuf import DamagedMessage, fields, float32, float64, signed

FILE_PREFIX = "events.out.tfevents."
MAX_FILES = 64
_MAX_RECORD_BYTES = 64_000_000
_MAX_DEPTH = 4
_ARGUMENTS_TAGS = {"args/text_summary", "args", "model_config/text_summary"}

# tensorboard/compat/proto: event.proto, summary.proto, tensor.proto
_EVENT_WALL_TIME, _EVENT_STEP, _EVENT_SUMMARY = 1, 2, 5
_SUMMARY_VALUE = 1
_VALUE_TAG, _VALUE_SIMPLE, _VALUE_TENSOR = 1, 2, 8
_TENSOR_CONTENT, _TENSOR_FLOAT, _TENSOR_DOUBLE, _TENSOR_STRING = 4, 5, 6, 8


@dataclass(slots=True)
class EventsSoFar:
    """What one event file told so far."""

    points: dict[tuple[int, str], MetricPoint] = field(default_factory=dict)
    times: dict[int, float] = field(default_factory=dict)
    """When each step was logged."""
    started_at: float | None = None
    config: dict[str, Setting] = field(default_factory=dict)

    @property
    def first_step(self) -> int:
        return min((step for step, _name in self.points), default=0)

    def add(self, event: bytes) -> None:
        step, wall_time, summaries = 0, 0.0, []
        for number, value in fields(event):
            if number == _EVENT_STEP:
                step = signed(value)
            elif number == _EVENT_WALL_TIME:
                wall_time = float64(value)
            elif number == _EVENT_SUMMARY and isinstance(value, bytes):
                summaries.append(value)
        if self.started_at is None and wall_time > 0:
            self.started_at = wall_time
        for summary in summaries:
            for number, value in fields(summary):
                if number == _SUMMARY_VALUE and isinstance(value, bytes):
                    self._add_value(value, step, wall_time)

    def _add_value(self, value: bytes, step: int, wall_time: float) -> None:
        parts = dict(fields(value))
        tag = _text(parts.get(_VALUE_TAG))
        if tag in _ARGUMENTS_TAGS:
            self.config |= _arguments(parts.get(_VALUE_TENSOR))
            return
        number = _scalar(parts)
        name = canonical_name(tag)
        # At its end the Trainer writes the mean of the whole run as train/train_loss: no point of the curve.
        if number is None or step < 0 or not is_metric(name) or "text_summary" in tag or name == "train_loss":
            return
        self.points[step, name] = MetricPoint(name, step, number)
        if wall_time > 0:
            self.times.setdefault(step, wall_time)


class TensorBoardLogs:
    """Reads event files on from where the last look ended, and joins those of one run."""

    def __init__(self) -> None:
        self._files = GrowingFiles(EventsSoFar)

    def read(self, folder: Path) -> RunLog:
        """All event files in the run's folder and in its `runs` and `logs`; empty when there are none."""
        parts = [so_far for path in event_files(folder) if (so_far := self._read_file(path)) is not None]
        return _joined([part for part in parts if part.started_at is not None])

    def _read_file(self, path: Path) -> EventsSoFar | None:
        try:
            growth = self._files.grow(path)
        except OSError:
            return None
        used = 0
        try:
            for record, end in _records(growth.data):
                growth.state.add(record)
                used = end
        except DamagedMessage:
            used = len(growth.data)  # what comes after damage cannot be told apart from it
        self._files.taken(path, used)
        return growth.state


def event_files(folder: Path) -> list[Path]:
    """Event files of this run: beside its checkpoints and under its log folders, not those of runs below it."""
    found = [entry.path for entry in _entries(folder) if entry.name.startswith(FILE_PREFIX)]
    for name in ("runs", "logs", "logging", "tensorboard"):
        found += _events_under(folder / name, depth=_MAX_DEPTH)
    return [Path(path) for path in sorted(found, key=_started)[-MAX_FILES:]]


def _events_under(folder: Path, *, depth: int) -> Iterator[str]:
    for entry in _entries(folder):
        if entry.name.startswith(FILE_PREFIX):
            yield entry.path
        elif depth > 1 and entry.is_dir(follow_symlinks=False):
            yield from _events_under(Path(entry.path), depth=depth - 1)


def _started(path: str) -> tuple[float, str]:
    """The file's name holds the second at which it was made."""
    seconds = Path(path).name.removeprefix(FILE_PREFIX).partition(".")[0]
    return (float(seconds) if seconds.isdigit() else 0.0, path)


def _records(data: bytes) -> Iterator[tuple[bytes, int]]:
    """TFRecord framing: length (8), its checksum (4), the record, its checksum (4). A short last one waits."""
    offset = 0
    while offset + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, offset)
        if length > _MAX_RECORD_BYTES:
            raise DamagedMessage("a record is longer than any event")
        end = offset + 12 + length + 4
        if end > len(data):
            return
        yield data[offset + 12 : offset + 12 + length], end
        offset = end


def _joined(parts: Sequence[EventsSoFar]) -> RunLog:
    """A resume adds a file that goes on; a file that starts over is a rerun, and only what is newer is this run's."""
    first = 0
    for number, part in enumerate(parts):
        earlier = [other.first_step for other in parts[first:number] if other.points]
        if part.points and earlier and part.first_step <= min(earlier):
            first = number
    kept = parts[first:]
    points: dict[tuple[int, str], MetricPoint] = {}
    config: dict[str, Setting] = {}
    for part in kept:
        points |= part.points
        config |= part.config
    times = [part.started_at for part in kept if part.started_at is not None and part.points]
    for part in kept:
        for step, at in part.times.items():
            points[step, ELAPSED] = MetricPoint(ELAPSED, step, max(0.0, at - min(times)))
    return RunLog(
        points=tuple(points[place] for place in sorted(points)), started_at=min(times, default=None), config=config
    )


def _scalar(parts: dict[int, int | bytes]) -> float | None:
    if _VALUE_SIMPLE in parts:
        return float32(parts[_VALUE_SIMPLE])
    tensor = parts.get(_VALUE_TENSOR)
    if not isinstance(tensor, bytes):
        return None
    values = dict(fields(tensor))
    if _TENSOR_FLOAT in values:
        return float32(values[_TENSOR_FLOAT])
    if _TENSOR_DOUBLE in values:
        return float64(values[_TENSOR_DOUBLE])
    content = values.get(_TENSOR_CONTENT)
    if isinstance(content, bytes) and len(content) in {4, 8}:
        return float32(content) if len(content) == 4 else float64(content)
    return None


def _arguments(tensor: int | bytes | None) -> dict[str, Setting]:
    """`args/text_summary` holds every TrainingArguments field as JSON."""
    if not isinstance(tensor, bytes):
        return {}
    for number, value in fields(tensor):
        if number == _TENSOR_STRING:
            arguments = parse_json(_text(value))
            return flattened(arguments) if isinstance(arguments, dict) else {}
    return {}


def _text(value: int | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else ""


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
