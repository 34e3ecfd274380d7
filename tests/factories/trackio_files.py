"""trackio's files: the two tables that matter, as trackio 0.43 makes them."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

_TABLES = (
    "CREATE TABLE IF NOT EXISTS metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL,"
    " timestamp TEXT NOT NULL, run_name TEXT NOT NULL, step INTEGER NOT NULL, metrics TEXT NOT NULL, log_id TEXT,"
    " space_id TEXT);"
    "CREATE TABLE IF NOT EXISTS configs (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL,"
    " run_name TEXT NOT NULL, config TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE(run_id));"
)


def trackio_run(
    file: Path,
    name: str,
    entries: Sequence[Mapping[str, object]],
    *,
    config: Mapping[str, object] | None = None,
    began: str = "2026-01-01T00:00",
) -> Path:
    """Log calls of one run, counted by trackio as it does where no step is given."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as database:
        database.executescript(_TABLES)
        database.execute("PRAGMA journal_mode = WAL")
        if config is not None:
            database.execute(
                "INSERT OR REPLACE INTO configs (run_id, run_name, config, created_at) VALUES (?, ?, ?, '')",
                (name, name, json.dumps(config)),
            )
        (calls,) = database.execute("SELECT count(*) FROM metrics WHERE run_name = ?", (name,)).fetchone()
        database.executemany(
            "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?, ?)",
            [
                (name, f"{began}:{call % 60:02}+00:00", name, call, json.dumps(entry))
                for call, entry in enumerate(entries, start=calls)
            ],
        )
        database.commit()
    return file


def trainer_entries(steps: Sequence[int], *, scale: float = 3.0) -> list[dict[str, object]]:
    """As the Trainer's own callback logs: the step is a metric, and every name has its part of the run before it."""
    return [{"train/loss": scale / step, "train/epoch": step / 10, "train/global_step": step} for step in steps]
