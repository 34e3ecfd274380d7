"""`trainer_state.json` of the Hugging Face Trainer: the log so far, inside every checkpoint."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from beyondloss.domain.metrics import MetricPoint
from beyondloss.ingest.json_files import as_count, as_number, count_at, parse_json, read_mapping
from beyondloss.ingest.logs.points import RunLog, Setting, entry_key, entry_points, is_summary, last_wins

FILE_NAME = "trainer_state.json"
_HEAD_BYTES = 16_384
_EPOCH = re.compile(r'"epoch":\s*([0-9.eE+-]+|null|NaN)')
_STEP = re.compile(r'"global_step":\s*(\d+)')
_FIRST_ENTRY = re.compile(r'"log_history":\s*\[\s*(?=[{\]])')
_SETTINGS = ("max_steps", "num_train_epochs", "train_batch_size", "logging_steps", "save_steps", "eval_steps")


@dataclass(frozen=True, slots=True)
class StateHead:
    """What a checkpoint's own file says about it. `key` is "" while nothing had been logged."""

    step: int
    epoch: float | None
    key: str
    changed_at: float
    changed_ns: int


def read_head(folder: Path) -> StateHead | None:
    """Step, epoch and first log entry; None unless the file is there and whole.

    The file holds the run's whole log in every checkpoint, so only its two ends are read: the trainer writes keys in
    order and the closing brace last. A file written in another way is parsed in full.
    """
    path = folder / FILE_NAME
    try:
        status = path.stat()
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES).decode(errors="replace")
            file.seek(max(0, status.st_size - 64))
            tail = file.read()
    except OSError:
        return None
    facts = _head_facts(head) if tail.rstrip().endswith(b"\n}") else None
    facts = facts or _whole_facts(read_mapping(path))
    if facts is None:
        return None
    step, epoch, key = facts
    return StateHead(step, epoch, key, status.st_mtime, status.st_mtime_ns)


def _head_facts(head: str) -> tuple[int, float | None, str] | None:
    first = _FIRST_ENTRY.search(head)
    if first is None:
        return None
    epoch, step = _EPOCH.search(head, 0, first.start()), _STEP.search(head, 0, first.start())
    if epoch is None or step is None:
        return None
    key = ""
    if head[first.end()] == "{":
        try:
            entry, _end = json.JSONDecoder().raw_decode(head, first.end())
        except (ValueError, RecursionError):
            return None
        key = entry_key(entry)
    return int(step[1]), as_number(epoch[1]), key


def _whole_facts(state: Mapping[str, object]) -> tuple[int, float | None, str] | None:
    step, history = count_at(state, "global_step"), state.get("log_history")
    if step is None or not isinstance(history, list):
        return None
    first = history[0] if history and isinstance(history[0], dict) else None
    return step, as_number(state.get("epoch")), entry_key(first) if first is not None else ""


def read_log(folder: Path) -> RunLog:
    """The whole log; empty when the file is not there or not whole."""
    state = read_mapping(folder / FILE_NAME)
    history = state.get("log_history")
    entries = [entry for entry in history if isinstance(entry, dict)] if isinstance(history, list) else []
    points: list[MetricPoint] = []
    for entry in entries:
        step = as_count(entry.get("step"))
        if step is not None and not is_summary(entry):
            points += entry_points(entry, step)
    max_steps = count_at(state, "max_steps") or None
    step = count_at(state, "global_step") or 0
    return RunLog(
        points=last_wins(points),
        key=entry_key(entries[0]) if entries else "",
        ended=any(is_summary(entry) for entry in entries) or bool(max_steps and step >= max_steps),
        max_steps=max_steps,
        config=_settings(state),
    )


def parse_history(text: str | bytes) -> tuple[MetricPoint, ...]:
    """The points of a `log_history` list given as text."""
    history = parse_json(text)
    points: list[MetricPoint] = []
    for entry in history if isinstance(history, list) else []:
        step = as_count(entry.get("step")) if isinstance(entry, dict) else None
        if step is not None and not is_summary(entry):
            points += entry_points(entry, step)
    return last_wins(points)


def _settings(state: Mapping[str, object]) -> dict[str, Setting]:
    found: dict[str, Setting] = {}
    for key in _SETTINGS:
        value = as_number(state.get(key))
        if value is not None:
            found[key] = int(value) if value.is_integer() else value
    return found
