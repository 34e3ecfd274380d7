"""Watching 500 run folders: how soon news is stored, and what it costs when nothing happens.

A real `beyondloss serve` watches folders as the Trainer writes them. News is a new run or a new checkpoint, each timed
from the write to the row in the database. Idle is the process's CPU time over half a minute. Then the server is started
again, over the same folders and database: what it costs until it is idle again, beside the first start.

    python -m benchmarks.watch
"""

import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from benchmarks.server import Served, served_store
from tests.factories.run_folders import hf_run, write_checkpoint

RUNS = 500
ROUNDS = 8
IDLE_SECONDS = 30.0
SETTLING_SECONDS = 10.0
NEWS_TARGET_SECONDS = 3.0
RESTART_TARGET_RATIO = 0.5
IDLE_TARGET_PERCENT = 2.0
PATIENCE_SECONDS = 60.0


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 when a target was missed."""
    del arguments
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as data:
        saves, data_dir = Path(folder), Path(data)
        for number in range(RUNS):
            hf_run(saves / f"run-{number:03d}", steps=(10, 20), max_steps=20)
        began = time.perf_counter()
        with served_store([saves], data_dir=data_dir) as served:
            _until(lambda: _count(served, "select count(*) from run") >= RUNS)
            print(f"{'first import of 500 runs':<36}{time.perf_counter() - began:8.1f} s", flush=True)
            time.sleep(SETTLING_SECONDS)
            first = _cpu_seconds(served.process_id)
            missed = _idle(served)
            news: dict[str, Callable[[int], float]] = {
                "a new checkpoint": lambda n: _new_checkpoint(served, saves / f"run-{50 * n:03d}"),
                "a new run": lambda n: _new_run(served, saves / f"late-{n}"),
            }
            for name, happen in news.items():
                missed += _tell(name, [happen(number) for number in range(1, ROUNDS + 1)])
        with served_store([saves], data_dir=data_dir) as served:
            time.sleep(SETTLING_SECONDS)
            again = _cpu_seconds(served.process_id)
            good = again < RESTART_TARGET_RATIO * first
            missed += not good
            print(
                f"{'started again':<36}{again:8.1f} s of a core, {first:.1f} s the first time"
                f"   {'ok' if good else 'MISSED'} (< {RESTART_TARGET_RATIO:.0%})",
                flush=True,
            )
    return 1 if missed else 0


def _idle(served: Served) -> bool:
    before = _cpu_seconds(served.process_id)
    time.sleep(IDLE_SECONDS)
    percent = 100 * (_cpu_seconds(served.process_id) - before) / IDLE_SECONDS
    good = percent < IDLE_TARGET_PERCENT
    print(f"{'idle':<36}{percent:8.2f} % of a core   {'ok' if good else 'MISSED'} (< 2 %)", flush=True)
    return not good


def _tell(name: str, seconds: list[float]) -> bool:
    good = max(seconds) < NEWS_TARGET_SECONDS
    print(
        f"{name:<36}{statistics.median(seconds):8.2f} s median   {max(seconds):.2f} s worst"
        f"   {'ok' if good else 'MISSED'} (< 3 s)",
        flush=True,
    )
    return not good


def _new_checkpoint(served: Served, run: Path) -> float:
    count = _count(served, "select count(*) from checkpoint where state = 'present'")
    began = time.perf_counter()
    write_checkpoint(run, 30)
    _until(lambda: _count(served, "select count(*) from checkpoint where state = 'present'") > count)
    return time.perf_counter() - began


def _new_run(served: Served, run: Path) -> float:
    count = _count(served, "select count(*) from run")
    began = time.perf_counter()
    hf_run(run, steps=(10,))
    _until(lambda: _count(served, "select count(*) from run") > count)
    return time.perf_counter() - began


def _count(served: Served, query: str) -> int:
    with closing(sqlite3.connect(f"file:{served.database}?mode=ro", uri=True)) as database:
        return int(database.execute(query).fetchone()[0])


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("The news never came.")
        time.sleep(0.02)


def _cpu_seconds(process_id: int) -> float:
    """User and system time so far; Linux."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
