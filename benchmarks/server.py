"""A real `beyondloss serve` process over an empty store, for as long as a block runs."""

import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Served:
    """`folder` is the server's data folder; `process_id` is the server's."""

    url: str
    folder: Path
    process_id: int

    @property
    def database(self) -> Path:
        return self.folder / "beyondloss.db"

    def wait_for_points(self, count: int) -> None:
        """Until so many are committed."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.stored_points() < count:
            if time.monotonic() > deadline:
                raise SystemExit(f"Of {count} points {self.stored_points()} were stored.")
            time.sleep(0.01)

    def stored_points(self) -> int:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            return int(database.execute("select coalesce(sum(total), 0) from metric_series").fetchone()[0])

    def database_bytes(self) -> int:
        """With what still stands in the write-ahead log moved into it."""
        with closing(sqlite3.connect(self.database)) as database:
            database.execute("pragma wal_checkpoint(truncate)")
        return self.database.stat().st_size


@contextmanager
def served_store(folders: Sequence[Path] = (), *, data_dir: Path | None = None) -> Iterator[Served]:
    """With `folders` it watches them; with `data_dir` it goes on with what another left there."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as own:
        folder = data_dir or Path(own)
        command = [sys.executable, "-m", "beyondloss", "serve", *map(str, folders)]
        command += ["--port", str(port), "--data-dir", str(folder), "--no-worker"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_it_answers(f"{url}/api/v1/healthz")
            yield Served(url, folder, process.pid)
        finally:
            process.terminate()
            process.wait(20)


def _wait_until_it_answers(address: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address) as answer:
                answer.read()
            return
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
