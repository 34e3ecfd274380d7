"""Real worker processes on one database: killed at any moment, told to leave, and left alone by their parent."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from sqlmodel import select

from beyondloss.domain.access import OWNER
from beyondloss.domain.engine import Question
from beyondloss.domain.jobs import JobState
from beyondloss.domain.probes import Message, MessageRole, ProbeFile, ProbeSpec
from beyondloss.services import answers, projects, queue
from beyondloss.store.engine import Store
from beyondloss.store.tables import Answer, Run
from tests.factories.projects import a_project
from tests.factories.runs import a_checkpoint, a_run, checkpoints_of
from tests.fakes.engine import fake_answer
from tests.fakes.worker_process import work

KILLS = 50
STEPS = tuple(range(10, 130, 10))
PROBES = 8
SECONDS_PER_ANSWER = 0.01

# A server that has the worker's modules loaded already: a killed worker is replaced in some ten milliseconds.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.fakes.worker_process"])


@pytest.fixture
def started() -> Iterator[Callable[[Store, float], BaseProcess]]:
    """Starts workers; none outlives the test."""
    running: list[BaseProcess] = []

    def start(store: Store, seconds_per_answer: float = SECONDS_PER_ANSWER) -> BaseProcess:
        url = store.engine.url.render_as_string(hide_password=False)
        process = processes.Process(target=work, args=(url, seconds_per_answer), daemon=True)
        process.start()
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.join()


def a_run_to_probe(store: Store, folder: Path, *, steps: tuple[int, ...] = STEPS) -> Run:
    run = a_run(store, a_project(store, name="support"), steps=())
    for step in steps:
        (folder / f"checkpoint-{step}").mkdir()
        a_checkpoint(store, run, step=step, path=str(folder / f"checkpoint-{step}"), fingerprint="")
    return run


def ask_more(store: Store, number: int, *, probes: int) -> None:
    """Grow the probe set: every checkpoint is asked."""
    specs = [ProbeSpec(f"{number}-{i}", (Message(MessageRole.USER, f"{number}, {i}?"),)) for i in range(probes)]
    projects.add_probes(store, "support", ProbeFile((), tuple(specs)))


def open_jobs(store: Store) -> int:
    return sum(not job.state.ended for job in queue.queue_view(store, OWNER).jobs)


def until(condition: Callable[[], bool], *, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def retry_lost(store: Store) -> None:
    """What a person does with a job whose workers were killed three times before their first answer."""
    for job in queue.queue_view(store, OWNER).jobs:
        if job.state is JobState.FAILED:
            assert "worker was lost" in job.error
            queue.retry_job(store, job.id)


def test_workers_killed_at_any_moment_lose_nothing_and_answer_nothing_twice(
    any_store: Store, tmp_path: Path, started: Callable[[Store], BaseProcess]
) -> None:
    run = a_run_to_probe(any_store, tmp_path)
    chance = random.Random(20)
    workers = [started(any_store), started(any_store)]
    asked = 0
    for _ in range(KILLS):
        if not open_jobs(any_store):
            ask_more(any_store, asked, probes=PROBES)
            asked += 1
        time.sleep(chance.uniform(0.01, 0.2))
        victim = chance.randrange(2)
        os.kill(workers[victim].pid or 0, signal.SIGKILL)
        workers[victim].join()
        workers[victim] = started(any_store)
    until(lambda: retry_lost(any_store) or not open_jobs(any_store))
    _every_answer_is_there_once(any_store, run, probes=PROBES * asked)
    _leave(workers)


def _every_answer_is_there_once(store: Store, run: Run, *, probes: int) -> None:
    with store.read() as session:
        rows = session.exec(select(Answer.checkpoint_id, Answer.probe_id)).all()
    assert len(rows) == len(set(rows)) == probes * (1 + len(STEPS))
    assert {job.state for job in queue.queue_view(store, OWNER).jobs} == {JobState.DONE}
    for checkpoint in checkpoints_of(store, run):
        work = answers.work_for(store, checkpoint.id, queue.queue_view(store, OWNER).jobs[0].sampling_id)
        assert (work.questions, work.done) == ((), probes)
    for view in answers.list_answers(store, run.id, limit=100_000):
        target = answers.work_for(store, view.checkpoint_id, view.sampling_id).target

        assert view.text == fake_answer(target, Question(view.probe.id, view.probe.messages)).text


def _leave(workers: list[BaseProcess]) -> None:
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(5)
        assert worker.exitcode == 0


def test_a_worker_told_to_leave_breaks_its_answer_off_and_returns_the_job_at_once(
    any_store: Store, tmp_path: Path, started: Callable[..., BaseProcess]
) -> None:
    a_run_to_probe(any_store, tmp_path, steps=())
    ask_more(any_store, 0, probes=1)
    worker = started(any_store, 60.0)
    until(lambda: queue.queue_view(any_store, OWNER).jobs[0].state is JobState.RUNNING)
    time.sleep(0.1)
    _leave([worker])
    (job,) = queue.queue_view(any_store, OWNER).jobs
    assert (job.state, job.attempts, job.lease_owner) == (JobState.QUEUED, 0, None)
    assert queue.queue_view(any_store, OWNER).workers == ()


@contextmanager
def a_child(store: Store, seconds_per_answer: float) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.fakes.worker_process", str(store.engine.url), str(seconds_per_answer)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def test_a_worker_leaves_when_its_parent_is_gone(store: Store, tmp_path: Path) -> None:
    a_run_to_probe(store, tmp_path, steps=())
    ask_more(store, 0, probes=1)
    with a_child(store, 60.0) as child:
        until(lambda: queue.queue_view(store, OWNER).jobs[0].state is JobState.RUNNING)
        assert child.stdin is not None
        child.stdin.close()  # as the system does for a parent that died
        assert child.wait(5) == 0
    assert queue.queue_view(store, OWNER).jobs[0].state is JobState.QUEUED
