"""Axolotl: the Trainer's layout; `debug.log` mirrors what it prints, so it is a live log without steps."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from beyondloss.domain.metrics import MetricPoint
from beyondloss.ingest.formats.huggingface import HuggingFaceReader
from beyondloss.ingest.formats.steadiness import Steadiness
from beyondloss.ingest.json_files import as_number
from beyondloss.ingest.logs.points import RunLog, entry_points
from beyondloss.ingest.logs.text_lines import Entry, TextLogs, printed_entry

LOG_NAME = "debug.log"


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

    def live_logs(self, folder: Path) -> Sequence[RunLog]:
        self._live_entries: list[Entry] = self._printed.entries(folder / LOG_NAME)
        return super().live_logs(folder)


def _steps_per_epoch(log: RunLog) -> float | None:
    last = max((point for point in log.points if point.name == "epoch"), key=lambda point: point.step, default=None)
    return last.step / last.value if last is not None and last.value > 0 else None
