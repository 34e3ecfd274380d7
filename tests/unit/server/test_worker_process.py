"""The server's worker is kept running, and never outlives the server."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from beyondloss.server.worker_process import WorkerProcess

BEAT = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n')"
UNTIL_STDIN_CLOSES = f"{BEAT}; sys.stdin.read()"


def wait_for(condition: Callable[[], object], *, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def pids(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path("/proc/self").exists() else True


def keeper(script: str, path: Path, told: list[str]) -> WorkerProcess:
    return WorkerProcess(
        [sys.executable, "-c", script, str(path)],
        environment=dict(os.environ),
        told=told.append,
        first_wait_seconds=0.01,
    )


def test_it_leaves_when_the_server_stops_it(tmp_path: Path) -> None:
    beats, told = tmp_path / "beats", []
    worker = keeper(UNTIL_STDIN_CLOSES, beats, told)
    worker.start()
    wait_for(lambda: pids(beats))
    worker.stop()
    assert not is_alive(pids(beats)[0])
    assert told == []


def test_it_is_started_again_after_a_crash_and_that_is_said(tmp_path: Path) -> None:
    beats, told = tmp_path / "beats", []
    worker = keeper(UNTIL_STDIN_CLOSES, beats, told)
    worker.start()
    wait_for(lambda: pids(beats))
    os.kill(pids(beats)[0], signal.SIGKILL)
    wait_for(lambda: len(pids(beats)) == 2)
    worker.stop()
    assert "signal 9" in told[0]


def test_one_that_will_not_leave_is_killed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("beyondloss.server.worker_process.LEAVE_SECONDS", 0.1)
    beats = tmp_path / "beats"
    worker = keeper(f"{BEAT}; time.sleep(60)", beats, [])
    worker.start()
    wait_for(lambda: pids(beats))
    worker.stop()
    assert not is_alive(pids(beats)[0])


def test_stopping_one_that_was_never_started_is_nothing(tmp_path: Path) -> None:
    keeper(BEAT, tmp_path / "beats", []).stop()


def test_it_dies_with_a_server_that_was_killed(tmp_path: Path) -> None:
    beats = tmp_path / "beats"
    server = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, sys, time\n"
            "from beyondloss.server.worker_process import WorkerProcess\n"
            f"command = [sys.executable, '-c', {UNTIL_STDIN_CLOSES!r}, sys.argv[1]]\n"
            "WorkerProcess(command, environment=dict(os.environ), told=print).start()\n"
            "time.sleep(60)",
            str(beats),
        ]
    )
    wait_for(lambda: pids(beats))
    server.kill()
    server.wait()
    wait_for(lambda: not is_alive(pids(beats)[0]))
