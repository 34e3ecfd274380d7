"""One worker's loop with an engine that needs no model: what it does with answers, trouble and being told to leave."""

import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlmodel import select

from beyondloss.domain.access import OWNER
from beyondloss.domain.engine import Target
from beyondloss.domain.jobs import JobState
from beyondloss.domain.runs import CheckpointState
from beyondloss.errors import (
    GenerationFailed,
    MissingDependency,
    ModelNotFound,
    OutOfMemory,
    StoreUnavailable,
    UnreadableCheckpoint,
)
from beyondloss.services import answers, queue
from beyondloss.services.queue import JobView
from beyondloss.store.engine import Store
from beyondloss.store.tables import Answer, Job, Run, WorkerState
from beyondloss.worker import loop
from beyondloss.worker.leaving import Leaving
from beyondloss.worker.loop import run_worker
from beyondloss.worker.options import WorkerOptions
from tests.factories.projects import a_probe, a_project
from tests.factories.runs import a_checkpoint, a_run, checkpoints_of
from tests.fakes.engine import FakeEngine

ONCE = WorkerOptions(name="worker", once=True, retry_delay_seconds=0.0, lease_seconds=6.0)
STAYING = WorkerOptions(name="worker", poll_seconds=0.01, retry_delay_seconds=0.0, lease_seconds=0.3)


def an_asked_run(store: Store, folder: Path, *, steps: tuple[int, ...] = (10,), probes: int = 2) -> Run:
    """With checkpoint folders that are really there."""
    project = a_project(store)
    for number in range(probes):
        a_probe(store, project, prompt=f"Question {number}?")
    run = a_run(store, project, steps=())
    for step in steps:
        path = folder / f"checkpoint-{step}"
        path.mkdir()
        a_checkpoint(store, run, step=step, path=str(path), fingerprint="")
    answers.request_answers(store, run.id)
    return run


def job_at(store: Store, step: int) -> JobView:
    return next(job for job in queue.queue_view(store, OWNER).jobs if job.step == step)


@dataclass
class Running:
    leaving: Leaving
    thread: threading.Thread


@contextmanager
def a_worker(store: Store, engine: FakeEngine, options: WorkerOptions = STAYING):
    """A worker in a thread, told to leave at the end."""
    leaving = Leaving()
    thread = threading.Thread(target=run_worker, args=(store, engine, options), kwargs={"leaving": leaving})
    thread.start()
    try:
        yield Running(leaving, thread)
    finally:
        leaving.stop.set()
        thread.join(10)
        assert not thread.is_alive()


def until(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_a_worker_answers_everything_base_first(any_store: Store, tmp_path: Path) -> None:
    run = an_asked_run(any_store, tmp_path, steps=(10, 20))
    engine = FakeEngine()
    run_worker(any_store, engine, ONCE)
    assert [target.step for target, _, _ in engine.calls] == [0, 20, 10]
    assert len(answers.list_answers(any_store, run.id)) == 6
    shown = queue.queue_view(any_store, OWNER)
    assert {(job.state, job.done, job.total) for job in shown.jobs} == {(JobState.DONE, 2, 2)}
    assert (engine.released, shown.workers) == (1, ())


def test_only_what_is_missing_is_asked(store: Store, tmp_path: Path) -> None:
    run = an_asked_run(store, tmp_path, steps=(), probes=3)

    def second_fails(target: Target, number: int) -> None:
        if number == 1 and len(engine.calls) == 1:
            raise GenerationFailed("It stumbled.")

    engine = FakeEngine(trouble=second_fails)
    run_worker(store, engine, ONCE)
    assert [len(questions) for _, questions, _ in engine.calls] == [3, 2]
    assert len(answers.list_answers(store, run.id)) == 3


def test_broken_weights_are_said_once_and_not_tried_again(any_store: Store, tmp_path: Path) -> None:
    run = an_asked_run(any_store, tmp_path)

    def nan(target: Target, number: int) -> None:
        if target.step == 10:
            raise UnreadableCheckpoint("The weights are not numbers.", hint="Look at the loss.")

    engine = FakeEngine(trouble=nan)
    run_worker(any_store, engine, ONCE)
    job, checkpoint = job_at(any_store, 10), checkpoints_of(any_store, run)[1]
    assert (job.state, job.error, job.attempts) == (
        JobState.FAILED,
        "The weights are not numbers. Look at the loss.",
        1,
    )
    assert (checkpoint.state, checkpoint.reason) == (CheckpointState.UNREADABLE, job.error)
    assert job_at(any_store, 0).state is JobState.DONE


def test_a_vanished_checkpoint_keeps_its_answers(any_store: Store, tmp_path: Path) -> None:
    run = an_asked_run(any_store, tmp_path, steps=(10,), probes=3)

    def rotated_away(target: Target, number: int) -> None:
        if target.step == 10 and number == 1:
            (tmp_path / "checkpoint-10").rmdir()
            raise UnreadableCheckpoint("adapter_model.safetensors cannot be opened.")

    run_worker(any_store, FakeEngine(trouble=rotated_away), ONCE)
    checkpoint = checkpoints_of(any_store, run)[1]
    assert checkpoint.state == CheckpointState.GONE
    assert job_at(any_store, 10).state is JobState.CANCELLED
    assert "not there any more" in job_at(any_store, 10).error
    assert len(answers.list_answers(any_store, run.id, step=10)) == 1


def test_a_checkpoint_that_vanished_before_its_turn_is_gone(store: Store, tmp_path: Path) -> None:
    run = an_asked_run(store, tmp_path)
    (tmp_path / "checkpoint-10").rmdir()
    engine = FakeEngine()
    run_worker(store, engine, ONCE)
    assert [target.step for target, _, _ in engine.calls] == [0]
    assert checkpoints_of(store, run)[1].state == CheckpointState.GONE


@pytest.mark.parametrize(
    "error",
    [
        ModelNotFound("The base model is not on this machine.", hint="Map it on the run's page."),
        MissingDependency("bitsandbytes is not installed.", hint="pip install bitsandbytes"),
        OutOfMemory("One answer does not fit.", hint="Choose bfloat16."),
    ],
)
def test_trouble_that_stays_is_told_with_what_would_help(store: Store, tmp_path: Path, error: GenerationFailed) -> None:
    run = an_asked_run(store, tmp_path, steps=())

    def always(target: Target, number: int) -> None:
        raise error

    engine = FakeEngine(trouble=always)
    run_worker(store, engine, ONCE)
    job = job_at(store, 0)
    assert (job.state, job.error) == (JobState.FAILED, f"{error.message} {error.hint}")
    assert len(engine.calls) == 1
    assert checkpoints_of(store, run)[0].state == CheckpointState.PRESENT


def test_trouble_nobody_foresaw_is_tried_three_times_and_the_worker_goes_on(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    an_asked_run(store, tmp_path)

    def surprise(target: Target, number: int) -> None:
        if target.step == 0:
            raise ZeroDivisionError("by zero")

    engine = FakeEngine(trouble=surprise)
    run_worker(store, engine, ONCE)
    assert (job_at(store, 0).error, job_at(store, 0).attempts) == ("ZeroDivisionError: by zero", 3)
    assert job_at(store, 10).state is JobState.DONE
    assert "Traceback" in capsys.readouterr().err


def test_a_busy_database_or_full_disk_is_waited_for(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = an_asked_run(store, tmp_path, steps=())
    failures = {"record_answer": 2, "work_for": 2, "finish_job": 1}

    def flaky(module: object, name: str) -> None:
        real = getattr(module, name)

        def sometimes(*arguments: object, **named: object) -> object:
            failures[name] -= 1
            if failures[name] >= 0:
                raise StoreUnavailable("The disk is full: nothing more can be stored.")
            return real(*arguments, **named)

        monkeypatch.setattr(module, name, sometimes)

    flaky(answers, "record_answer")
    flaky(answers, "work_for")
    flaky(queue, "finish_job")
    monkeypatch.setattr(loop, "FIRST_BACK_OFF_SECONDS", 0.001)
    engine = FakeEngine()
    run_worker(store, engine, ONCE)
    assert (len(engine.calls), len(answers.list_answers(store, run.id))) == (1, 2)
    assert job_at(store, 0).state is JobState.DONE


def test_a_cancelled_job_is_left_after_the_answer_at_hand(store: Store, tmp_path: Path) -> None:
    run = an_asked_run(store, tmp_path, steps=(), probes=40)
    engine = FakeEngine(seconds_per_answer=0.05)
    with a_worker(store, engine):
        until(lambda: len(answers.list_answers(store, run.id)) >= 1)
        queue.cancel_job(store, job_at(store, 0).id)
        until(lambda: _status(store) == "idle")
        assert 1 <= len(answers.list_answers(store, run.id)) < 40
    assert job_at(store, 0).state is JobState.CANCELLED


def test_a_paused_worker_gives_job_and_memory_back_and_goes_on_later(store: Store, tmp_path: Path) -> None:
    run = an_asked_run(store, tmp_path, steps=(), probes=12)
    engine = FakeEngine(seconds_per_answer=0.05)
    with a_worker(store, engine):
        until(lambda: len(answers.list_answers(store, run.id)) >= 1)
        queue.set_paused(store, paused=True)
        until(lambda: engine.released == 1 and _status(store) == "paused")
        assert job_at(store, 0).state is JobState.QUEUED
        queue.set_paused(store, paused=False)
        until(lambda: job_at(store, 0).state is JobState.DONE)
    assert len(answers.list_answers(store, run.id)) == 12
    assert len(engine.calls) == 2


def test_a_worker_told_to_leave_returns_its_job_at_once(store: Store, tmp_path: Path) -> None:
    run = an_asked_run(store, tmp_path, steps=(), probes=40)
    with a_worker(store, FakeEngine(seconds_per_answer=0.05)):
        until(lambda: len(answers.list_answers(store, run.id)) >= 1)
    job = job_at(store, 0)
    assert (job.state, job.attempts, job.lease_owner) == (JobState.QUEUED, 0, None)
    run_worker(store, FakeEngine(), ONCE)
    assert len(answers.list_answers(store, run.id)) == 40


def test_an_idle_worker_gives_the_memory_back_and_loads_again(store: Store, tmp_path: Path) -> None:
    run = an_asked_run(store, tmp_path, steps=())
    engine = FakeEngine()
    options = WorkerOptions(name="worker", poll_seconds=0.01, idle_release_seconds=0.05, lease_seconds=0.3)
    with a_worker(store, engine, options):
        until(lambda: engine.released == 1)
        project = a_project(store)
        a_probe(store, project)
        other = a_run(store, project, steps=())
        answers.request_answers(store, other.id)
        until(lambda: engine.released == 2)
    assert len(answers.list_answers(store, run.id)) == 2
    assert len(answers.list_answers(store, other.id)) == 1


def test_a_lease_is_kept_while_one_answer_takes_longer_than_it(store: Store, tmp_path: Path) -> None:
    an_asked_run(store, tmp_path, steps=(), probes=1)
    engine = FakeEngine(seconds_per_answer=0.8)
    with a_worker(store, engine):  # its lease is 0.3 s
        until(lambda: bool(engine.calls))
        time.sleep(0.5)
        assert queue.claim_job(store, "other", lease_seconds=60) is None
        until(lambda: job_at(store, 0).state is JobState.DONE)
    assert len(engine.calls) == 1


def test_a_worker_that_lost_its_lease_stops_and_its_answers_still_count_once(store: Store, tmp_path: Path) -> None:
    run = an_asked_run(store, tmp_path, steps=(), probes=30)
    engine = FakeEngine(seconds_per_answer=0.02)
    with a_worker(store, engine):
        until(lambda: len(answers.list_answers(store, run.id)) >= 1)
        with store.write() as session:  # as if it had been silent for too long
            job = session.exec(select(Job)).one()
            job.lease_owner, job.lease_until = "other", time.time() + 60
        until(lambda: _status(store) == "idle")
    assert job_at(store, 0).lease_owner == "other"
    with store.read() as session:
        rows = session.exec(select(Answer.probe_id)).all()
    assert len(rows) == len(set(rows)) < 30


def test_a_deleted_run_does_not_stop_the_worker(store: Store, tmp_path: Path) -> None:
    run = an_asked_run(store, tmp_path, steps=(), probes=5)

    def deleted(target: Target, number: int) -> None:
        if number == 1 and target.checkpoint_id == base.id:
            with store.write() as session:
                session.delete(session.get_one(Run, run.id))

    (base,) = checkpoints_of(store, run)
    run_worker(store, FakeEngine(trouble=deleted), ONCE)
    assert queue.queue_view(store, OWNER).jobs == ()


def test_a_worker_waits_for_memory_and_says_so(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = an_asked_run(store, tmp_path, steps=())
    said = iter(["GPU 0 has 1.0 GiB free.", ""])
    monkeypatch.setattr(loop, "why_wait", lambda need: next(said, ""))
    options = WorkerOptions(
        name="worker", poll_seconds=0.01, lease_seconds=0.3, wait_for_memory_seconds=0.5, retry_delay_seconds=0.0
    )
    with a_worker(store, FakeEngine(), options):
        until(lambda: _status(store) == "waiting: GPU 0 has 1.0 GiB free.")
        until(lambda: job_at(store, 0).waiting_reason == "GPU 0 has 1.0 GiB free.")
        until(lambda: job_at(store, 0).state is JobState.DONE)
    assert len(answers.list_answers(store, run.id)) == 2


def test_progress_and_speed_are_told_while_it_works(store: Store, tmp_path: Path) -> None:
    an_asked_run(store, tmp_path, steps=(), probes=30)
    with a_worker(store, FakeEngine(seconds_per_answer=0.03)):
        until(lambda: 0 < job_at(store, 0).done < 30)
        until(lambda: job_at(store, 0).tokens_per_second is not None)
        shown = job_at(store, 0)
        assert shown.accepted_ratio == pytest.approx(0.75)
        assert shown.eta_seconds is not None


def _status(store: Store) -> str:
    with store.read() as session:
        row = session.exec(select(WorkerState)).first()
        return "" if row is None else row.status
