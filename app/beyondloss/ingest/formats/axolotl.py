"""Axolotl: the Trainer's layout; `debug.log` mirrors what it prints, so it is a live log without steps."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from beyondloss.domain.metrics import MetricPoint
from beyondloss.ingest.formats.huggingface import HuggingFaceReader
from beyondloss.ingest.formats.steadiness import Steadiness
from beyondloss.ingest.hyperparameters import flattened
from beyondloss.ingest.json_files import as_number, text_at
from beyondloss.ingest.logs.points import RunLog, Setting, entry_points
from beyondloss.ingest.logs.text_lines import Entry, TextLogs, printed_entry

LOG_NAME = "debug.log"
_CONFIG_MARK = "config:\n{"
_CONFIG_BYTES = 256_000
"""The configuration is printed before anything is loaded, so it lies within the log's beginning."""
_NO_NAMES = {"tokenizer_default", "jinja"}
"""Axolotl's words for the tokenizer's own template and for one given as text: both are saved with the tokenizer."""


class AxolotlReader(HuggingFaceReader):
    trainer = "axolotl"

    def __init__(self, *, steadiness: Steadiness | None = None) -> None:
        super().__init__(steadiness=steadiness)
        self._printed = TextLogs(printed_entry)

    def recognises(self, folder: Path) -> bool:
        return (folder / LOG_NAME).is_file() and super().recognises(folder)

    def merge(self, state_log: RunLog, live_logs: Sequence[RunLog]) -> RunLog:
        """Printed entries name an epoch, not a step: the newest checkpoint's own pace tells how they relate.

        Only what came after that checkpoint is taken from them; before it, its log is exact.
        """
        log = super().merge(state_log, live_logs)
        pace = _steps_per_epoch(state_log)
        if pace is None:
            return log
        every = state_log.config.get("logging_steps")
        stride = int(every) if isinstance(every, int | float) and every >= 1 else 1
        points: dict[tuple[int, str], MetricPoint] = {}
        for entry in self._live_entries:
            epoch = as_number(entry.get("epoch"))
            step = round(epoch * pace / stride) * stride if epoch is not None and 0 <= epoch < 1e9 else 0
            if step > state_log.last_step and "train_runtime" not in entry:
                points |= {(step, point.name): point for point in entry_points(entry, step)}
        return replace(log, points=(*log.points, *(points[place] for place in sorted(points))))

    def settings(self, folder: Path) -> dict[str, Setting]:
        return flattened(_config(folder))

    def template(self, folder: Path) -> str | None:
        """`chat_template`, or the format of the data where that writes the prompts itself (`type: alpaca`)."""
        config = _config(folder)
        named = text_at(config, "chat_template")
        if named is not None:
            return None if named in _NO_NAMES else named
        return "alpaca" if "alpaca" in _data_types(config) else None

    def system_prompt(self, folder: Path) -> str | None:
        return text_at(_config(folder), "default_system_message")

    def live_logs(self, folder: Path) -> Sequence[RunLog]:
        self._live_entries: list[Entry] = self._printed.entries(folder / LOG_NAME)
        return super().live_logs(folder)


def _steps_per_epoch(log: RunLog) -> float | None:
    last = max((point for point in log.points if point.name == "epoch"), key=lambda point: point.step, default=None)
    return last.step / last.value if last is not None and last.value > 0 else None


def _config(folder: Path) -> Mapping[str, object]:
    """What Axolotl printed of its configuration: JSON over many lines, after the word `config:`."""
    try:
        with (folder / LOG_NAME).open("rb") as file:
            _before, mark, text = file.read(_CONFIG_BYTES).decode(errors="replace").partition(_CONFIG_MARK)
        value, _end = json.JSONDecoder().raw_decode("{" + text) if mark else ({}, 0)
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _data_types(config: Mapping[str, object]) -> set[str]:
    """The formats of the training data, without what follows a dot (`alpaca.load_open_orca`)."""
    data = config.get("datasets")
    types = [one.get("type") for one in data if isinstance(one, dict)] if isinstance(data, list) else []
    return {one.partition(".")[0] for one in types if isinstance(one, str)}
