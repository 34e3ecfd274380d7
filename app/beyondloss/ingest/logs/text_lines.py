"""Logs written for people: progress lines of torchtune and MLX-LM, and dictionaries printed by the Trainer."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beyondloss.domain.metrics import MetricPoint
from beyondloss.ingest.json_files import parse_json
from beyondloss.ingest.logs.growing import GrowingFiles
from beyondloss.ingest.logs.json_lines import entry_step
from beyondloss.ingest.logs.points import RunLog, entry_key, entry_points

_NUMBER = r"-?(?:\d[\d.]*(?:[eE][+-]?\d+)?|nan|inf)"
_TORCHTUNE = re.compile(r"Step (\d{1,15}) \| (.*)")
_TORCHTUNE_PAIR = re.compile(rf"([\w/.]+):({_NUMBER})", re.IGNORECASE)
_MLX = re.compile(r"Iter (\d{1,15}): (.*)")
_MLX_PAIR = re.compile(rf"(Train loss|Val loss|Learning Rate) ({_NUMBER})", re.IGNORECASE)
_MLX_TABLE = re.compile(rf"\s*(\d{{1,15}})\s+(val\s+)?({_NUMBER})(?: [▼▲]|\s+[\d.]+s\s*$)", re.IGNORECASE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_MLX_NAMES = {"train loss": "loss", "val loss": "eval_loss", "learning rate": "learning_rate"}
_PRINTED = re.compile(r"\{'.*'[^{}]*\}")
_PRINTED_PAIR = re.compile(rf"'([\w/.()-]+)': '?({_NUMBER})'?", re.IGNORECASE)

Entry = Mapping[str, object]


def torchtune_entry(line: str) -> Entry | None:
    """`Step 12 | loss:1.23 lr:0.0003 tokens_per_second_per_gpu:99`, or the same as JSON."""
    match = _TORCHTUNE.search(line)
    if match:
        return {"step": int(match[1])} | dict(_TORCHTUNE_PAIR.findall(match[2]))
    value = parse_json(line) if line.lstrip().startswith("{") else None
    return value if isinstance(value, dict) else None


def mlx_entry(line: str) -> Entry | None:
    """`Iter 10: Train loss 2.345, Learning Rate 1.000e-05, …`; newer versions print a table: `10  2.345 ▼  …`."""
    line = _COLOUR.sub("", line)
    if match := _MLX.search(line):
        pairs = {_MLX_NAMES[name.lower()]: value for name, value in _MLX_PAIR.findall(match[2])}
        return {"step": int(match[1])} | pairs if pairs else None
    if match := _MLX_TABLE.match(line):
        return {"step": int(match[1]), "eval_loss" if match[2] else "loss": match[3]}
    return None


def printed_entry(line: str) -> Entry | None:
    """The dictionary that the Trainer prints at each log: `{'loss': '1.2', 'learning_rate': 1e-05, 'epoch': 0.5}`."""
    match = _PRINTED.search(line)
    return dict(_PRINTED_PAIR.findall(match[0])) if match else None


@dataclass(slots=True)
class EntriesSoFar:
    entries: list[Entry] = field(default_factory=list)


class TextLogs:
    """Reads text logs on from where the last look ended."""

    def __init__(self, interpret: Callable[[str], Entry | None]) -> None:
        self._interpret = interpret
        self._files = GrowingFiles(EntriesSoFar)

    def entries(self, path: Path) -> list[Entry]:
        """Every entry so far, in order; none when there is no such file."""
        try:
            so_far, lines = self._files.lines(path)
        except OSError:
            return []
        so_far.entries += [entry for line in lines if (entry := self._interpret(line)) is not None]
        return so_far.entries

    def read(self, path: Path) -> RunLog:
        points: dict[tuple[int, str], MetricPoint] = {}
        key = ""
        for entry in self.entries(path):
            step, _total = entry_step(entry)
            if step is None:
                continue
            key = key or entry_key(entry)
            points |= {(step, point.name): point for point in entry_points(entry, step)}
        return RunLog(points=tuple(points[place] for place in sorted(points)), key=key)
