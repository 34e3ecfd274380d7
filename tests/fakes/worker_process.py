"""A real worker process with the engine that needs no model: `python -m tests.fakes.worker_process URL SECONDS`."""

import sys

from beyondloss.store.engine import Store
from beyondloss.worker.main import work_with
from beyondloss.worker.options import WorkerOptions
from tests.fakes.engine import FakeEngine

LEASE_SECONDS = 0.6


def work(url: str, seconds_per_answer: float, *, until_stdin_closes: bool = False) -> None:
    """Until a signal, or the end of standard input."""
    store = Store(url)
    options = WorkerOptions(poll_seconds=0.02, lease_seconds=LEASE_SECONDS)
    work_with(store, FakeEngine(seconds_per_answer), options, until_stdin_closes=until_stdin_closes)


if __name__ == "__main__":
    work(sys.argv[1], float(sys.argv[2]), until_stdin_closes=True)
