"""Logs of one JSON object a line: `trainer_log.jsonl`, `logging.jsonl` and their like."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beyondloss.domain.metrics import MetricPoint
from beyondloss.ingest.json_files import as_count, parse_json
from beyondloss.ingest.logs.growing import GrowingFiles
from beyondloss.ingest.logs.points import ELAPSED, RunLog, elapsed_seconds, entry_key, entry_points, is_summary

_STEP_KEYS = ("step", "current_steps", "global_step", "global_step/max_steps", "iteration", "iter")
_TOTAL_KEYS = ("total_steps", "max_steps")
_OF_TOTAL = re.compile(r"\s*(\d{1,15})\s*/\s*(\d{1,15})\s*")
_SUMMARY_KEYS = {"last_model_checkpoint", "best_model_checkpoint"}


@dataclass(slots=True)
class LogSoFar:
    """What the lines read so far came to. On a repeated step the last line wins, as after a resume."""

    points: dict[tuple[int, str], MetricPoint] = field(default_factory=dict)
    key: str = ""
    ended: bool = False
    max_steps: int | None = None

    def add(self, entry: Mapping[str, object]) -> None:
        if is_summary(entry) or _SUMMARY_KEYS & entry.keys():
            self.ended = True
            return
        step, total = entry_step(entry)
        if step is None:
            return
        self.key = self.key or entry_key(entry)
        self.max_steps = total or self.max_steps
        # Training that goes on after a summary has been resumed.
        self.ended = self.max_steps is not None and step >= self.max_steps
        for point in entry_points(entry, step):
            self.points[point.step, point.name] = point
        elapsed = elapsed_seconds(entry.get("elapsed_time"))
        if elapsed is not None:
            self.points[step, ELAPSED] = MetricPoint(ELAPSED, step, elapsed)

    def log(self) -> RunLog:
        points = tuple(self.points[place] for place in sorted(self.points))
        return RunLog(points=points, key=self.key, ended=self.ended, max_steps=self.max_steps)


class JsonLineLogs:
    """Reads each log on from where the last look ended."""

    def __init__(self) -> None:
        self._files = GrowingFiles(LogSoFar)

    def read(self, path: Path) -> RunLog:
        """The log so far; empty when there is none."""
        try:
            so_far, lines = self._files.lines(path)
        except OSError:
            return RunLog()
        for line in lines:
            entry = parse_json(line)
            if isinstance(entry, dict):
                so_far.add(entry)
        return so_far.log()


def entry_step(entry: Mapping[str, object]) -> tuple[int | None, int | None]:
    """The step of a log entry and the run's number of steps, in whatever words this trainer has for them."""
    total = next((count for key in _TOTAL_KEYS if (count := as_count(entry.get(key)))), None)
    for key in _STEP_KEYS:
        value = entry.get(key)
        count = as_count(value)
        if count is not None:
            return count, total
        if isinstance(value, str) and (match := _OF_TOTAL.fullmatch(value)):
            return int(match[1]), int(match[2]) or total
    return None, total
