"""Claim, generate, record: what one worker does until it is told to leave. Knows no model and no SQL.

The database is held for single rows only, never while the engine computes. Every answer is stored as soon as it is
finished and at most once, so a worker may die anywhere: what it stored stays, what is missing is asked again.
"""

import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from beyondloss.domain.answers import GeneratedAnswer
from beyondloss.domain.engine import Engine, Question
from beyondloss.domain.runs import CheckpointState
from beyondloss.errors import (
    BeyondLossError,
    GenerationFailed,
    MissingDependency,
    ModelNotFound,
    NotFound,
    OutOfMemory,
    StoreUnavailable,
    UnreadableCheckpoint,
)
from beyondloss.services import answers, queue
from beyondloss.services.answers import Work
from beyondloss.services.queue import JobView
from beyondloss.store.engine import Store
from beyondloss.worker.heart import Heart, Lease
from beyondloss.worker.leaving import Leaving, LeftNow
from beyondloss.worker.memory import MemoryNeed, why_wait
from beyondloss.worker.options import WorkerOptions

FIRST_BACK_OFF_SECONDS = 0.2
Result = TypeVar("Result")


def run_worker(store: Store, engine: Engine, options: WorkerOptions, *, leaving: Leaving | None = None) -> None:
    """Work until told to leave; with `options.once`, until there is nothing to take."""
    leaving = leaving or Leaving()
    with Heart(store, options, engine=engine.name, stop=leaving.stop) as heart:
        _Worker(store, engine, options, heart=heart, leaving=leaving).run()


class _Worker:
    def __init__(self, store: Store, engine: Engine, options: WorkerOptions, *, heart: Heart, leaving: Leaving) -> None:
        self._store = store
        self._engine = engine
        self._options = options
        self._heart = heart
        self._leaving = leaving
        self._is_loaded = False
        self._idle_since = time.monotonic()

    def run(self) -> None:
        try:
            while not self._leaving.stop.is_set():
                job = self._patiently(self._claim)
                if job is not None:
                    self._work_on(job)
                    self._idle_since = time.monotonic()
                elif self._options.once:
                    return
                else:
                    self._rest()
        except LeftNow:
            pass
        finally:
            self._release()

    def _claim(self) -> JobView | None:
        return queue.claim_job(
            self._store,
            self._options.name,
            lease_seconds=self._options.lease_seconds,
            job_ids=self._options.job_ids,
        )

    def _rest(self) -> None:
        """Nothing to do. A model nobody needs gives its memory back: soon when paused, after a while when idle."""
        paused = self._patiently(lambda: queue.is_paused(self._store))
        self._heart.say("paused" if paused else "idle")
        if paused or time.monotonic() - self._idle_since > self._options.idle_release_seconds:
            self._release()
        self._leaving.stop.wait(self._options.poll_seconds)

    def _release(self) -> None:
        if self._is_loaded:
            self._engine.release()
            self._is_loaded = False

    def _work_on(self, job: JobView) -> None:
        with self._heart.holding(job) as lease:
            try:
                self._attempt(job, lease)
            except LeftNow:
                with suppress(StoreUnavailable):  # the lease runs out by itself then
                    queue.return_job(self._store, job.id, self._options.name)
                raise
            except Exception as error:  # noqa: BLE001 - the boundary: one job's trouble must not end the worker
                traceback.print_exc(file=sys.stderr)
                self._fail(job, f"{type(error).__name__}: {error}", retry=True)

    def _attempt(self, job: JobView, lease: Lease) -> None:
        work = None
        try:
            work = self._patiently(
                lambda: answers.work_for(self._store, job.checkpoint_id, job.sampling_id, set_name=job.set_name)
            )
            self._answer(job, lease, work)
        except NotFound as error:
            self._drop(job, error.message)
        except UnreadableCheckpoint as error:
            self._set_aside(job, work, error)
        except (ModelNotFound, MissingDependency, OutOfMemory) as error:
            self._fail(job, _sentence(error), retry=False)
        except GenerationFailed as error:
            self._fail(job, _sentence(error), retry=True)

    def _answer(self, job: JobView, lease: Lease, work: Work) -> None:
        if _has_vanished(work):
            self._gone(job, work)
            return
        if work.questions and not self._is_loaded and (reason := why_wait(self._need(work))):
            self._wait_for_memory(job, reason)
            return
        self._heart.begin(lease, done=work.done, total=work.total)
        self._heart.say("answering" if self._is_loaded else "loading the model")
        self._is_loaded = self._is_loaded or bool(work.questions)
        self._generate(lease, work)
        if lease.lost.is_set() or self._leaving.stop.is_set():
            self._patiently(lambda: queue.return_job(self._store, job.id, self._options.name))
        else:
            self._patiently(lambda: queue.finish_job(self._store, job.id, self._options.name))

    def _generate(self, lease: Lease, work: Work) -> None:
        asked = {(q.probe_id, index): q for q in work.questions for index in q.sample_indices}
        with self._leaving.at_once():
            finished = iter(self._engine.answer(work.target, work.questions, work.sampling))
        while not lease.lost.is_set() and not self._leaving.stop.is_set():
            with self._leaving.at_once():
                answer = next(finished, None)
            if answer is None:
                return
            self._heart.say("answering")
            self._record(lease, work, answer, asked=asked[answer.probe_id, answer.sample_index])

    def _record(self, lease: Lease, work: Work, answer: GeneratedAnswer, *, asked: Question) -> None:
        self._patiently(
            lambda: answers.record_answer(self._store, work.target.checkpoint_id, work.sampling_id, answer, asked=asked)
        )
        lease.count(answer)

    def _set_aside(self, job: JobView, work: Work | None, error: UnreadableCheckpoint) -> None:
        """Weights that cannot be read: rotated away while they loaded, or broken. Trying again would not help."""
        if work is not None and _has_vanished(work):
            self._gone(job, work)
            return
        self._mark(job, CheckpointState.UNREADABLE, _sentence(error))
        self._fail(job, _sentence(error), retry=False)

    def _gone(self, job: JobView, work: Work) -> None:
        reason = f"{work.target.path} is not there any more. Its answers so far stay."
        self._mark(job, CheckpointState.GONE, reason)
        self._drop(job, reason)

    def _drop(self, job: JobView, reason: str) -> None:
        self._patiently(lambda: queue.drop_job(self._store, job.id, self._options.name, reason=reason))

    def _mark(self, job: JobView, state: CheckpointState, reason: str) -> None:
        self._patiently(lambda: answers.mark_checkpoint(self._store, job.checkpoint_id, state, reason=reason))

    def _fail(self, job: JobView, error: str, *, retry: bool) -> None:
        delay_seconds = self._options.retry_delay_seconds * 2 ** (job.attempts - 1)
        self._patiently(
            lambda: queue.fail_job(
                self._store, job.id, self._options.name, error=error, retry=retry, delay_seconds=delay_seconds
            )
        )

    def _need(self, work: Work) -> MemoryNeed:
        return MemoryNeed(target=work.target, device=self._options.device, dtype=self._options.dtype)

    def _wait_for_memory(self, job: JobView, reason: str) -> None:
        self._heart.say(f"waiting: {reason}")
        delay_seconds = self._options.wait_for_memory_seconds
        self._patiently(
            lambda: queue.return_job(
                self._store, job.id, self._options.name, waiting_reason=reason, delay_seconds=delay_seconds
            )
        )
        self._leaving.stop.wait(delay_seconds)

    def _patiently(self, action: Callable[[], Result]) -> Result:
        """Do it; while the database is busy or the disk full, wait longer and longer and do it again."""
        back_off_seconds = FIRST_BACK_OFF_SECONDS
        while True:
            try:
                return action()
            except StoreUnavailable as error:
                self._heart.say(f"waiting: {error.message}")
                if self._leaving.stop.wait(back_off_seconds):
                    raise LeftNow from error
                back_off_seconds = min(2 * back_off_seconds, self._options.longest_back_off_seconds)


def _has_vanished(work: Work) -> bool:
    return work.target.path is not None and not work.target.path.exists()


def _sentence(error: BeyondLossError) -> str:
    return f"{error.message} {error.hint}".strip()
