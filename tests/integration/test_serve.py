"""`beyondloss serve` as a process: it says where it is, follows folders, and leaves cleanly."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.factories.run_folders import hf_run, write_checkpoint

Serve = Callable[..., "Server"]


class Server:
    """A running server and its address."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url

    def get(self, path: str) -> dict:
        with urllib.request.urlopen(self.url + path, timeout=10) as response:
            return json.loads(response.read())

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Exit code and everything it said on stderr."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=20)
        return self.process.returncode, said


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as stack:

        def started(*arguments: object) -> Server:
            command = [
                sys.executable,
                "-m",
                "beyondloss",
                "serve",
                *map(str, arguments),
                "--data-dir",
                tmp_path / "data",
            ]
            process = subprocess.Popen(
                [*command, "--port", "0", "--no-worker"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None
            return Server(process, found[0])

        yield started


def wait_for(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_leaves_cleanly_when_told_to(serve: Serve, number: signal.Signals) -> None:
    server = serve()
    assert server.get("/healthz")["status"] == "ok"
    code, said = server.end(number)
    assert code == 0
    assert said.splitlines()[-1] == "Stopped."
    assert "Traceback" not in said


def test_runs_and_new_checkpoints_appear_by_themselves(serve: Serve, tmp_path: Path) -> None:
    run = hf_run(tmp_path / "saves" / "followed", steps=(10,))
    server = serve(tmp_path / "saves")
    wait_for(lambda: [r["name"] for r in server.get("/api/v1/runs")["items"]] == ["followed"])
    write_checkpoint(run, 20)
    wait_for(lambda: [c["step"] for c in server.get("/api/v1/runs/followed")["checkpoints"]] == [0, 10, 20])
    code, said = server.end(signal.SIGTERM)
    assert (code, "Traceback" in said) == (0, False)


def test_serving_to_others_says_what_that_exposes_and_names_the_owners_key(serve: Serve, tmp_path: Path) -> None:
    server = serve("--host", "0.0.0.0")
    _, said = server.end(signal.SIGTERM)
    key = (tmp_path / "data" / "owner.key").read_text().strip()
    assert f"/?key={key}" in said
    assert "share link" in said


def test_a_second_server_on_the_same_port_is_told(serve: Serve, tmp_path: Path) -> None:
    port = serve().url.rpartition(":")[2]
    command = [sys.executable, "-m", "beyondloss", "serve", "--port", port, "--data-dir", str(tmp_path / "other")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ, timeout=20)
    assert done.returncode == 1
    assert f"Port {port} is in use" in done.stderr
    assert not (tmp_path / "other").exists()
