"""Run by a peer's interpreter, not ours: logs metrics with trackio and prints how long it took to be in its database.

python peer_trackio.py METRICS STEPS        → {"seconds": …, "points": …, "bytes": …} as the last line
"""

import contextlib
import io
import json
import os
import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

metrics, steps = int(sys.argv[1]), int(sys.argv[2])
folder = tempfile.mkdtemp()
os.environ["TRACKIO_DIR"] = folder
os.environ["HF_HUB_OFFLINE"] = "1"

import trackio  # noqa: E402 - reads its folder from the environment

names = [f"metric_{number}" for number in range(metrics)]
rows = [{name: random.random() for name in names} for _ in range(steps)]


def stored() -> int:
    rows_there = 0
    for path in Path(folder).rglob("*.db"):
        with contextlib.suppress(sqlite3.Error), sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            rows_there += database.execute("select count(*) from metrics").fetchone()[0]
    return rows_there


with contextlib.redirect_stdout(io.StringIO()):
    trackio.init(project="bench", name="run", embed=False)
    trackio.log({names[0]: 0.0}, step=0)  # the server is up once this one is in
    while stored() < 1:
        time.sleep(0.05)
    began = time.perf_counter()
    for step, row in enumerate(rows, start=1):
        trackio.log(row, step=step)
    deadline = time.monotonic() + 120
    while stored() < steps + 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    seconds = time.perf_counter() - began
    count = stored() - 1
size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
print(json.dumps({"seconds": seconds, "points": count * metrics, "bytes": size}), flush=True)
os._exit(0)  # its server's threads have nothing more to say
