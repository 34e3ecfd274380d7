"""Answering a run here and now: ask, work until every job has ended, and show how far it is meanwhile."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from beyondloss.domain.jobs import JobState
from beyondloss.domain.sampling import Sampling
from beyondloss.errors import Conflict
from beyondloss.services import queue
from beyondloss.services.answers import request_answers
from beyondloss.services.queue import JobView
from beyondloss.services.runs import RunView
from beyondloss.settings import Settings
from beyondloss.store.engine import Store
from beyondloss.web.template_words import doubt_advice, doubt_sentence, is_warning
from beyondloss.worker.loop import run_worker
from beyondloss.worker.main import build_engine, options_of

LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of it. `failures` holds one sentence per checkpoint that could not be answered in full."""

    run: str
    checkpoints: int
    answers: int
    wall_seconds: float
    failures: tuple[str, ...]

    @property
    def sentence(self) -> str:
        if not self.checkpoints:
            return f"{self.run}: every answer is there already."
        return f"{self.run}: {self.answers} answers of {self.checkpoints} checkpoints in {self.wall_seconds:.0f} s."


@dataclass(frozen=True, slots=True)
class Asked:
    """Which answers of a run."""

    run: RunView
    steps: Sequence[int] | None
    sampling: Sampling | None
    set_name: str | None


def answer_now(settings: Settings, store: Store, asked: Asked, *, show: bool) -> Answered:
    """Raises Conflict while the queue is paused, for then nothing would ever happen."""
    if queue.is_paused(store):
        raise Conflict("The queue is paused.", hint="Resume it on the page /queue.")
    began = time.monotonic()
    job_ids = request_answers(store, asked.run.id, steps=asked.steps, sampling=asked.sampling, set_name=asked.set_name)
    done_before = sum(job.done for job in _jobs(store, job_ids))
    if job_ids:
        with _progress(store, job_ids) if show else _silence():
            _work_until_ended(settings, store, job_ids)
    jobs = _jobs(store, job_ids)
    return Answered(
        run=asked.run.name,
        checkpoints=len(jobs),
        answers=sum(job.done for job in jobs) - done_before,
        wall_seconds=time.monotonic() - began,
        failures=tuple(f"step {job.step}: {job.error}" for job in jobs if job.state is not JobState.DONE),
    )


def doubts_of(run: RunView) -> list[str]:
    """Warnings that probes are not asked as the run was trained."""
    trained = run.trained_with
    return [f"{doubt_sentence(doubt, trained)} {doubt_advice(doubt)}" for doubt in trained.doubts if is_warning(doubt)]


def _work_until_ended(settings: Settings, store: Store, job_ids: Sequence[int]) -> None:
    """A job may be another worker's already, or wait to be tried again: until all have ended, look again."""
    engine = build_engine(settings)
    options = replace(options_of(settings, engine, once=True), job_ids=job_ids, retry_delay_seconds=0.0)
    while True:
        run_worker(store, engine, options)
        if all(job.state.ended for job in _jobs(store, job_ids)):
            return
        time.sleep(LOOK_SECONDS)


def _jobs(store: Store, job_ids: Sequence[int]) -> list[JobView]:
    return [queue.find_job(store, job_id) for job_id in job_ids]


@contextmanager
def _silence() -> Iterator[None]:
    yield


@contextmanager
def _progress(store: Store, job_ids: Sequence[int]) -> Iterator[None]:
    """A bar over all answers on stderr, fed from the store by a thread."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("answers", total=None, pace="")

        def look() -> None:
            jobs = _jobs(store, job_ids)
            progress.update(
                task,
                description=_where(jobs),
                completed=sum(job.done for job in jobs),
                total=sum(job.total for job in jobs),
                pace=_pace(jobs),
            )

        with _every(LOOK_SECONDS, look):
            yield


def _where(jobs: Sequence[JobView]) -> str:
    running = next((job for job in jobs if job.state is JobState.RUNNING), None)
    if running is not None:
        return "base" if running.step == 0 else f"step {running.step}"
    states = Counter(job.state for job in jobs)
    return "done" if states[JobState.QUEUED] == 0 else "waiting"


def _pace(jobs: Sequence[JobView]) -> str:
    running = [job for job in jobs if job.state is JobState.RUNNING and job.tokens_per_second]
    kept = [job.accepted_ratio for job in running if job.accepted_ratio is not None]
    pace = f"{sum(job.tokens_per_second or 0.0 for job in running):.0f} tokens/s" if running else ""
    return f"{pace}, {sum(kept) / len(kept):.0%} of drafts kept" if kept else pace


@contextmanager
def _every(seconds: float, action: Callable[[], None]) -> Iterator[None]:
    """Do it now and again in a thread, and once more at the end."""
    stop = threading.Event()

    def repeat() -> None:
        while not stop.wait(seconds):
            action()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        action()
