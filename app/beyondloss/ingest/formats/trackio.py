"""trackio: one SQLite file per project, many runs in it. Opened read-only; a run's path is `<file>/<run name>`."""

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, unquote

from beyondloss.domain.metrics import MetricPoint
from beyondloss.domain.runs import FoundRun, RunState
from beyondloss.errors import Unreadable
from beyondloss.ingest.formats.huggingface import EMPTY_RUN
from beyondloss.ingest.hyperparameters import flattened
from beyondloss.ingest.json_files import as_count, parse_json, text_at
from beyondloss.ingest.logs.points import entry_points, has_diverged

MAX_RUNS = 2000


class TrackioReader:
    """Reads curves only: trackio keeps no weights. Its runs are found by `runs_in`, not by folder."""

    trainer = "trackio"

    def recognises(self, folder: Path) -> bool:
        return False

    def runs_in(self, folder: Path) -> list[Path]:
        """A path for every run of every trackio file in this folder."""
        found: list[Path] = []
        for file in sorted(folder.glob("*.db")):
            with contextlib.suppress(sqlite3.Error, OSError), _opened(file) as database:
                names = database.execute("SELECT DISTINCT run_name FROM metrics ORDER BY run_name LIMIT ?", (MAX_RUNS,))
                found += [file / quote(str(name), safe=" ") for (name,) in names]
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
        points: dict[tuple[int, str], MetricPoint] = {}
        for raw_step, _timestamp, raw in rows:
            step, entry = as_count(raw_step), parse_json(raw) if isinstance(raw, str | bytes) else None
            if step is not None and isinstance(entry, dict):
                points |= {(step, point.name): point for point in entry_points(entry, step)}
        if not points:
            raise Unreadable(f"{name} in {file} has no metrics yet.", hint="Wait for the first log.", code=EMPTY_RUN)
        found = tuple(points[place] for place in sorted(points))
        return FoundRun(
            name=f"{file.stem}-{name}",
            output_dir=folder,
            trainer=self.trainer,
            base_model=text_at(config, "model_name_or_path") or text_at(config, "_name_or_path"),
            state=RunState.DIVERGED if has_diverged(found) else RunState.FINISHED,
            checkpoints=(),
            points=found,
            config=flattened(config),
            first_log_at=_seconds(rows[0][1]),
            problems=("trackio keeps no weights: point at the training's output folder to see answers.",),
        )


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Read-only. Without a log beside it nobody is writing, and `immutable` keeps SQLite from making one."""
    mode = "mode=ro" if file.with_name(f"{file.name}-wal").exists() else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"file:{quote(str(file.absolute()))}?{mode}", uri=True, timeout=2.0)
    try:
        yield connection
    finally:
        connection.close()


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
