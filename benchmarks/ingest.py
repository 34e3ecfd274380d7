"""How fast points reach durable storage, and how many bytes each takes there; trackio beside it, in the same run.

Ours through the callback's sender over HTTP to a real server process, through the API in batches, and from a folder's
log. trackio comes from PyPI into an environment of its own, which is removed afterwards.

    python -m benchmarks.ingest [--no-peer]
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.server import served_store
from beyondloss.integrations.sender import RunIdentity, Sender
from beyondloss.services.importing import import_folders
from beyondloss.store.engine import Store
from beyondloss.store.migrate import upgrade

STEPS = {10: 20_000, 1: 100_000}
PEER_STEPS = {10: 10_000, 1: 30_000}
BATCH_STEPS = 10_000
TARGET_RATIO = {10: 1.0, 1: 3.0}
BYTES_TARGET = 40.0


@dataclass(frozen=True, slots=True)
class Rate:
    points_per_second: float
    bytes_per_point: float


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest")
    parser.add_argument("--no-peer", action="store_true", help="leave trackio out: nothing is installed")
    chosen = parser.parse_args(arguments)
    missed = 0
    with _peer(wanted=not chosen.no_peer) as peer:
        for metrics, steps in STEPS.items():
            http = _through_callback(metrics, steps)
            missed += _tell(f"callback over HTTP, {metrics} a step", http)
            _tell(f"API in batches, {metrics} a step", _through_api(metrics, steps))
            if peer is not None:
                missed += _compare(http, _trackio(peer, metrics), metrics)
    _tell("folder reader (Trainer's log)", _from_folder(20_000))
    return 1 if missed else 0


def _tell(name: str, rate: Rate) -> bool:
    good = rate.bytes_per_point <= BYTES_TARGET
    print(
        f"{name:<36}{rate.points_per_second:>10,.0f} points/s   {rate.bytes_per_point:6.1f} bytes a point"
        f"   {'ok' if good else 'MISSED'} (≤ {BYTES_TARGET:.0f})",
        flush=True,
    )
    return not good


def _compare(ours: Rate, theirs: Rate, metrics: int) -> bool:
    ratio = ours.points_per_second / theirs.points_per_second
    good = ratio >= TARGET_RATIO[metrics]
    print(
        f"{f'trackio over HTTP, {metrics} a step':<36}{theirs.points_per_second:>10,.0f} points/s   "
        f"{theirs.bytes_per_point:6.1f} bytes a point   ours is {ratio:.2f} times that: "
        f"{'ok' if good else 'MISSED'} (≥ {TARGET_RATIO[metrics]:.0f})",
        flush=True,
    )
    return not good


def _rows(metrics: int, steps: int) -> list[dict[str, float]]:
    chance = random.Random(7)
    names = [f"metric_{number}" for number in range(metrics)]
    return [{name: chance.random() for name in names} for _ in range(steps)]


def _through_callback(metrics: int, steps: int) -> Rate:
    rows = _rows(metrics, steps)
    with served_store() as served:
        sender = Sender(served.url, RunIdentity("bench"), spool_dir=served.folder / "spool")
        sender.log(0, {"metric_0": 0.0})
        served.wait_for_points(1)
        began = time.perf_counter()
        for step, row in enumerate(rows, start=1):
            sender.log(step, row)
        sender.close(timeout_seconds=300)
        seconds = time.perf_counter() - began
        served.wait_for_points(1 + metrics * steps)
        return Rate(metrics * steps / seconds, served.database_bytes() / (metrics * steps))


def _through_api(metrics: int, steps: int) -> Rate:
    rows = list(enumerate(_rows(metrics, steps)))
    with served_store() as served:
        _post(f"{served.url}/api/v1/runs", {"name": "bench"})
        began = time.perf_counter()
        for start in range(0, steps, BATCH_STEPS):
            points = [{"step": step, "metrics": row} for step, row in rows[start : start + BATCH_STEPS]]
            _post(f"{served.url}/api/v1/runs/bench/metrics", {"points": points})
        seconds = time.perf_counter() - began
        return Rate(metrics * steps / seconds, served.database_bytes() / (metrics * steps))


def _from_folder(steps: int) -> Rate:
    chance = random.Random(7)
    names = ("loss", "grad_norm", "learning_rate")
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "runs" / "bench"
        (run / "checkpoint-1").mkdir(parents=True)
        history = [{"step": s, "epoch": s / 100, **{n: chance.random() for n in names}} for s in range(1, steps + 1)]
        state = {"global_step": steps, "epoch": 1.0, "log_history": history}
        (run / "trainer_state.json").write_text(json.dumps(state))
        store = Store(f"sqlite:///{folder}/beyondloss.db")
        upgrade(store)
        began = time.perf_counter()
        report = import_folders(store, [run], project="default", kept_dir=Path(folder) / "kept")
        seconds = time.perf_counter() - began
        store.dispose()
        stored = sum(imported.points for imported in report.imported)
        return Rate(stored / seconds, (Path(folder) / "beyondloss.db").stat().st_size / max(stored, 1))


def _post(address: str, body: object) -> None:
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        answer.read()


@contextmanager
def _peer(*, wanted: bool) -> Iterator[Path | None]:
    """An interpreter with trackio, for as long as it is needed."""
    if not wanted:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "-q", "trackio"], check=True)
        yield python


def _trackio(python: Path, metrics: int) -> Rate:
    script = Path(__file__).with_name("peer_trackio.py")
    done = subprocess.run(
        [python, script, str(metrics), str(PEER_STEPS[metrics])], check=True, capture_output=True, text=True
    )
    told = json.loads(done.stdout.splitlines()[-1])
    return Rate(told["points"] / told["seconds"], told["bytes"] / told["points"])


if __name__ == "__main__":
    sys.exit(main())
