"""Logs of a run that lie outside its folder, joined to it: no run is told twice, and no point.

trackio keeps its files elsewhere and the Trainer's arguments with them, so the output folder is named there.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from beyondloss.domain.metrics import MetricPoint
from beyondloss.domain.runs import FoundRun
from beyondloss.errors import Unreadable
from beyondloss.ingest.formats.base import FileReader, FileRun, Reader
from beyondloss.ingest.formats.run_names import run_name
from beyondloss.ingest.logs.points import ELAPSED, RunLog, merged


@dataclass(frozen=True, slots=True)
class Companion:
    """A log of this run in a file elsewhere."""

    path: Path
    reader: FileReader


@dataclass(frozen=True, slots=True)
class RunFolder:
    """`path` is the run's folder, or a file with the run's name as a last part."""

    path: Path
    reader: Reader
    companions: tuple[Companion, ...] = field(default=())

    @property
    def exists(self) -> bool:
        return self.path.is_dir() or self.path.parent.is_file()

    @property
    def is_logs_alone(self) -> bool:
        """Nothing but companions tell of it: its folder is not a run's yet."""
        return any(companion.reader is self.reader for companion in self.companions)

    def read(self) -> FoundRun:
        """Everything that is said of the run. What its own folder says is right where two know the same point."""
        logs = list(self._logs())
        if self.is_logs_alone and logs:
            return replace(_story(logs), output_dir=self.path, name=run_name(self.path))
        own = self.reader.read(self.path)
        if not logs:
            return own
        found = _story(logs)
        times = [one for one in (own.first_log_at, found.first_log_at) if one is not None]
        return replace(
            own,
            points=merged([RunLog(points=own.points), RunLog(points=found.points)]).points,
            config=found.config | own.config,
            first_log_at=min(times, default=None),
        )

    def _logs(self) -> Iterator[FoundRun]:
        """What companions say; one that says nothing yet, or cannot be read, keeps nothing else from being read."""
        for companion in self.companions:
            with contextlib.suppress(Unreadable):
                yield companion.reader.read(companion.path)


def joined(folders: Sequence[RunFolder], within: Sequence[tuple[FileReader, FileRun]]) -> list[RunFolder]:
    """The runs in folders with their companions, and runs in files that belong to none, by path."""
    homes: dict[Path, list[Companion]] = {}
    alone: list[RunFolder] = []
    by_path = {folder.path: folder for folder in folders}
    for file_reader, run in within:
        home = _home(run, by_path)
        if home is None:
            alone.append(RunFolder(run.path, file_reader))
        else:
            homes.setdefault(home, []).append(Companion(run.path, file_reader))
    for path, companions in homes.items():
        known = by_path.get(path)
        reader: Reader = companions[0].reader if known is None else known.reader
        by_path[path] = RunFolder(path, reader, tuple(companions))
    return sorted([*by_path.values(), *alone], key=lambda run: str(run.path))


def _home(run: FileRun, folders: dict[Path, RunFolder]) -> Path | None:
    """The folder of the run that this log belongs to, found or still to come; None where no single one is meant."""
    if run.output_dir is None:
        fitting = [path for path in folders if path.name == run.name]
        return fitting[0] if len(fitting) == 1 else None
    named = Path(run.output_dir)
    if named.is_absolute():
        if named in folders:
            return named
        same = [path for path in folders if path.name == named.name and _is_same(path, named)]
        return same[0] if same else named if named.is_dir() else None
    parts = tuple(part for part in named.parts if part != ".")
    fitting = [path for path in folders if parts and path.parts[-len(parts) :] == parts]
    return fitting[0] if len(fitting) == 1 else None


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _story(logs: Sequence[FoundRun]) -> FoundRun:
    """A resume goes on in a log of its own; a log that starts over is a rerun, and only what is newer is this run's."""
    ordered = sorted(logs, key=lambda log: log.first_log_at or 0.0)
    first = 0
    for number, log in enumerate(ordered):
        if number > first and _first_step(log) <= _first_step(ordered[first]):
            first = number
    kept = ordered[first:]
    began = kept[0].first_log_at
    joined_points = merged([RunLog(points=_since(log, began)) for log in reversed(kept)]).points
    return replace(kept[-1], points=joined_points, first_log_at=kept[0].first_log_at)


def _since(log: FoundRun, began: float | None) -> tuple[MetricPoint, ...]:
    """The log's points, with times told from the story's beginning instead of its own."""
    later = (log.first_log_at or 0.0) - began if began is not None and log.first_log_at is not None else 0.0
    return tuple(replace(p, value=p.value + later) if p.name == ELAPSED else p for p in log.points)


def _first_step(log: FoundRun) -> int:
    return min(point.step for point in log.points)
