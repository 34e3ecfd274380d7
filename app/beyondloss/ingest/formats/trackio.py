"""trackio: one SQLite file per project, many runs in it. Opened read-only; a run's path is `<file>/<run name>`."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, unquote

from beyondloss.domain.metrics import MetricPoint
from beyondloss.domain.runs import FoundRun, RunState
from beyondloss.errors import Unreadable
from beyondloss.ingest.formats.base import FileRun
from beyondloss.ingest.formats.huggingface import EMPTY_RUN, QUIET_SECONDS
from beyondloss.ingest.hyperparameters import flattened
from beyondloss.ingest.json_files import as_count, parse_json, text_at
from beyondloss.ingest.logs.points import ELAPSED, entry_points, has_diverged

MAX_RUNS = 2000
_STEP_KEYS = ("train/global_step", "global_step")
"""The Trainer's callback gives its step as a metric: trackio's own then only counts the log calls."""


class TrackioReader:
    """Reads curves only: trackio keeps no weights. Its runs are found by `runs_in`, not by folder."""

    trainer = "trackio"

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    def recognises(self, folder: Path) -> bool:
        return False

    def runs_in(self, folder: Path) -> list[FileRun]:
        """Every run of every trackio file in this folder."""
        found: list[FileRun] = []
        for file in sorted(folder.glob("*.db")):
            with contextlib.suppress(sqlite3.Error, OSError), _opened(file) as database:
                names = database.execute("SELECT DISTINCT run_name FROM metrics ORDER BY run_name LIMIT ?", (MAX_RUNS,))
                homes = _output_dirs(database)
                found += [FileRun(file / quote(str(n), safe=" "), str(n), homes.get(str(n))) for (n,) in names]
        return found

    def read(self, folder: Path) -> FoundRun:
        file, name = folder.parent, unquote(folder.name)
        try:
            with _opened(file) as database:
                rows = database.execute(
                    "SELECT step, timestamp, metrics FROM metrics WHERE run_name = ? ORDER BY id", (name,)
                ).fetchall()
                config = _config(database, name)
        except sqlite3.Error as error:
            raise Unreadable(
                f"{file} cannot be read as a trackio project: {error}.", hint="Look at the file."
            ) from error
        found = _points(rows)
        if not found:
            raise Unreadable(f"{name} in {file} has no metrics yet.", hint="Wait for the first log.", code=EMPTY_RUN)
        return FoundRun(
            name=f"{file.stem}-{name}",
            output_dir=folder,
            trainer=self.trainer,
            base_model=text_at(config, "model_name_or_path") or text_at(config, "_name_or_path"),
            state=self._state(found, _seconds(rows[-1][1])),
            checkpoints=(),
            points=found,
            config=flattened(config),
            first_log_at=_seconds(rows[0][1]),
            problems=("trackio keeps no weights: point at the training's output folder to see answers.",),
            log_only=True,
        )

    def _state(self, points: Sequence[MetricPoint], last_at: float | None) -> RunState:
        """trackio writes down no end: silence alone tells it."""
        if has_diverged(points):
            return RunState.DIVERGED
        is_live = last_at is not None and self._clock() - last_at < QUIET_SECONDS
        return RunState.TRAINING if is_live else RunState.FINISHED


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Read-only. Without a log beside it nobody is writing, and `immutable` keeps SQLite from making one."""
    mode = "mode=ro" if file.with_name(f"{file.name}-wal").exists() else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"file:{quote(str(file.absolute()))}?{mode}", uri=True, timeout=2.0)
    try:
        yield connection
    finally:
        connection.close()


def _points(rows: Sequence[tuple[object, object, object]]) -> tuple[MetricPoint, ...]:
    points: dict[tuple[int, str], MetricPoint] = {}
    began = _seconds(rows[0][1]) if rows else None
    for raw_step, timestamp, raw in rows:
        entry = parse_json(raw) if isinstance(raw, str | bytes) else None
        if not isinstance(entry, dict):
            continue
        told = next((step for key in _STEP_KEYS if (step := as_count(entry.pop(key, None))) is not None), None)
        step = as_count(raw_step) if told is None else told
        if step is not None:
            points |= {(step, point.name): point for point in entry_points(entry, step)}
            at = _seconds(timestamp)
            if began is not None and at is not None:
                points[step, ELAPSED] = MetricPoint(ELAPSED, step, max(0.0, at - began))
    return tuple(points[place] for place in sorted(points))


def _output_dirs(database: sqlite3.Connection) -> dict[str, str]:
    """By run name, the folder that its settings name: the Trainer's callback stores all its arguments."""
    found = {}
    with contextlib.suppress(sqlite3.Error):
        for name, raw in database.execute("SELECT run_name, config FROM configs LIMIT ?", (MAX_RUNS,)):
            config = parse_json(raw) if isinstance(raw, str | bytes) else None
            home = text_at(config, "output_dir") if isinstance(config, dict) else None
            if home is not None:
                found[str(name)] = home
    return found


def _config(database: sqlite3.Connection, name: str) -> dict[str, object]:
    with contextlib.suppress(sqlite3.Error):
        row = database.execute("SELECT config FROM configs WHERE run_name = ? LIMIT 1", (name,)).fetchone()
        value = parse_json(row[0]) if row and isinstance(row[0], str | bytes) else None
        return value if isinstance(value, dict) else {}
    return {}


def _seconds(timestamp: object) -> float | None:
    try:
        return datetime.fromisoformat(str(timestamp)).timestamp()
    except ValueError:
        return None
