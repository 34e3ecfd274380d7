"""One worker as a child process: started, restarted when it crashes, ended with the server.

Invariant: the child never outlives the server. Its standard input is a pipe that only the server holds; when the server
dies, even by SIGKILL, the pipe closes and the child leaves. Nothing is lost then: its job's lease runs out.
"""

import importlib.util
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
LEAVE_SECONDS = 5.0
WORKER_MODULES = ("torch", "transformers", "peft")


def can_work() -> bool:
    """Whether what generating answers needs is installed. Looks, imports nothing."""
    return all(importlib.util.find_spec(name) for name in WORKER_MODULES)


class WorkerProcess:
    """Keeps `command` running between `start` and `stop`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        told: Callable[[str], None],
        first_wait_seconds: float = FIRST_WAIT_SECONDS,
    ) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self._told = told
        self._first_wait_seconds = first_wait_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_running, name="worker-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the child to leave, then make it. Returns when it is gone."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _keep_running(self) -> None:
        wait_seconds = self._first_wait_seconds
        while not self._stopping.is_set():
            began = time.monotonic()
            code = self._run_once()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > LONGEST_WAIT_SECONDS:
                wait_seconds = self._first_wait_seconds
            self._told(f"The worker ended ({_manner(code)}); starting it again in {wait_seconds:.0f} s.")
            self._stopping.wait(wait_seconds)
            wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)

    def _run_once(self) -> int:
        # Its own session: Ctrl-C in the terminal reaches the server alone, which then ends the worker in order.
        child = subprocess.Popen(  # noqa: S603
            self._command, stdin=subprocess.PIPE, env=self._environment, start_new_session=True
        )
        while child.poll() is None:
            if self._stopping.wait(0.2):
                _end(child)
        if child.stdin is not None:
            child.stdin.close()
        return child.returncode


def worker_command() -> list[str]:
    return [sys.executable, "-m", "beyondloss", "worker", "--until-stdin-closes"]


def _end(child: subprocess.Popen[bytes]) -> None:
    """Closing its input asks; five seconds later it is not asked."""
    if child.stdin is not None:
        child.stdin.close()
    try:
        child.wait(LEAVE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _manner(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
