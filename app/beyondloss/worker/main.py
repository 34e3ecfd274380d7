"""The worker as a process: its engine, its signals, and the end of it."""

import os
import signal
import threading
from types import FrameType

from beyondloss.domain.engine import Engine
from beyondloss.errors import InvalidInput, MissingDependency
from beyondloss.settings import Settings
from beyondloss.store.engine import Store
from beyondloss.worker.leaving import Leaving
from beyondloss.worker.loop import run_worker
from beyondloss.worker.options import WorkerOptions

ENGINES = ("transformers",)
NICENESS = 5
"""Of a server's own worker. Training on the same two cores keeps 0.7 of its speed, without this 0.2."""
SPINS_BEFORE_SLEEP = "10000"
"""OpenMP threads spin that long for more work. Its own choice, seconds, starves whoever shares the cores."""


def work(settings: Settings, store: Store, *, once: bool = False, until_stdin_closes: bool = False) -> None:
    """Answer what is queued until SIGTERM or SIGINT; or until nothing is queued; or until the parent is gone.

    To be called in the main thread: a signal breaks an answer off, and its job goes back to the queue at once.
    """
    if until_stdin_closes:
        _give_way()
    engine = build_engine(settings)
    work_with(store, engine, options_of(settings, engine, once=once), until_stdin_closes=until_stdin_closes)


def work_with(store: Store, engine: Engine, options: WorkerOptions, *, until_stdin_closes: bool = False) -> None:
    """The same with any engine."""
    leaving = Leaving()
    _leave_on_signals(leaving)
    if until_stdin_closes:
        threading.Thread(target=_leave_with_parent, name="parent-watch", daemon=True).start()
    run_worker(store, engine, options, leaving=leaving)


def build_engine(settings: Settings) -> Engine:
    """The engine that the settings name. Heavy libraries are imported here and not before."""
    if settings.engine not in ENGINES:
        raise InvalidInput(f"There is no engine {settings.engine!r}.", hint=f"Choose one of: {', '.join(ENGINES)}.")
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS_BEFORE_SLEEP)  # read once, when torch is imported
    try:
        from beyondloss.generation.engine import TransformersEngine
    except ModuleNotFoundError as error:
        raise MissingDependency(
            f"{error.name} is not installed, so no answers can be made here.",
            hint="pip install 'beyondloss[worker]'",
        ) from error
    return TransformersEngine(
        device=settings.device,
        dtype=settings.dtype,
        max_batch=settings.max_batch,
        gpu_memory_ratio=settings.gpu_memory_ratio,
        cache_dir=settings.cache_dir,
        threads=settings.threads,
    )


def _give_way() -> None:
    """Training and the pages go first where they share this worker's cores."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)


def options_of(settings: Settings, engine: Engine, *, once: bool = False) -> WorkerOptions:
    return WorkerOptions(
        device=str(getattr(engine, "device", settings.device)),
        dtype=settings.dtype,
        lease_seconds=settings.lease_seconds,
        idle_release_seconds=settings.idle_release_seconds,
        once=once,
    )


def _leave_on_signals(leaving: Leaving) -> None:
    def leave(number: int, frame: FrameType | None) -> None:
        leaving.now()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)


def _leave_with_parent() -> None:
    """Standard input is a pipe that only the parent holds: it ends with the parent, however that ends."""
    while os.read(0, 4096):  # not sys.stdin: its lock, held here, would abort the interpreter's shutdown
        pass
    os.kill(os.getpid(), signal.SIGTERM)
