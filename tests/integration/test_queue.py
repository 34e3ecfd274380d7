"""The queue: who gets which job when, and what becomes of it, on both databases."""

import threading
import time

import pytest
from sqlmodel import select

from beyondloss.domain.access import OWNER, LinkScope, Visitor
from beyondloss.domain.jobs import JobState
from beyondloss.domain.probes import Message, MessageRole, ProbeSpec
from beyondloss.domain.ratings import LinkRole
from beyondloss.errors import Conflict, NotFound
from beyondloss.services import answers, projects, queue
from beyondloss.services.queue import JobView
from beyondloss.store.engine import Store
from beyondloss.store.tables import Job, Project, Run, WorkerState
from tests.factories.answers import a_job, a_sampling, an_answer
from tests.factories.projects import a_probe, a_project
from tests.factories.runs import a_run, checkpoints_of
from tests.fakes.engine import fake_answer

LEASE = 60.0


def an_asked_run(store: Store, *, steps: tuple[int, ...] = (10, 20)) -> Run:
    project = a_project(store)
    a_probe(store, project)
    run = a_run(store, project, steps=steps)
    answers.request_answers(store, run.id)
    return run


def claimed(store: Store, owner: str = "worker", *, lease_seconds: float = LEASE) -> JobView:
    job = queue.claim_job(store, owner, lease_seconds=lease_seconds)
    assert job is not None
    return job


def steps_in_order(store: Store) -> list[tuple[str, int]]:
    return [(job.run, job.step) for job in queue.queue_view(store, OWNER).jobs]


def change(store: Store, job_id: int, **fields: object) -> None:
    with store.write() as session:
        job = session.get_one(Job, job_id)
        for name, value in fields.items():
            setattr(job, name, value)


def answer_everything(store: Store, job: JobView) -> None:
    work = answers.work_for(store, job.checkpoint_id, job.sampling_id)
    for question in work.questions:
        answers.record_answer(store, job.checkpoint_id, job.sampling_id, fake_answer(work.target, question))


def test_bases_come_first_then_the_newest_checkpoint(any_store: Store) -> None:
    old, new = an_asked_run(any_store), an_asked_run(any_store)
    order = [(old.name, 0), (new.name, 0), (new.name, 20), (new.name, 10), (old.name, 20), (old.name, 10)]
    bases_newest_first = [order[1], order[0], *order[2:]]
    assert steps_in_order(any_store) == bases_newest_first
    assert [(job.run, job.step) for job in (claimed(any_store) for _ in range(6))] == bases_newest_first
    assert queue.claim_job(any_store, "worker", lease_seconds=LEASE) is None


def test_what_somebody_looks_at_jumps_ahead_with_its_base(any_store: Store) -> None:
    old, new = an_asked_run(any_store), an_asked_run(any_store)
    _, first, _ = checkpoints_of(any_store, old)
    queue.look_at(any_store, first.id)
    queue.look_at(any_store, first.id)
    assert steps_in_order(any_store)[:3] == [(old.name, 0), (old.name, 10), (new.name, 0)]


def test_a_job_is_claimed_by_one_of_many(any_store: Store) -> None:
    run = an_asked_run(any_store, steps=tuple(range(10, 130, 10)))
    taken: list[int] = []

    def take(owner: str) -> None:
        while job := queue.claim_job(any_store, owner, lease_seconds=LEASE):
            taken.append(job.id)

    threads = [threading.Thread(target=take, args=(f"worker {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == len(checkpoints_of(any_store, run))


def test_asking_from_many_sides_at_once_leaves_one_job_each(any_store: Store) -> None:
    project = a_project(any_store)
    a_probe(any_store, project)
    run = a_run(any_store, project, steps=(10, 20, 30))
    a_sampling(any_store)
    together = threading.Barrier(4)
    said: list[list[int]] = []

    def ask() -> None:
        together.wait()
        said.append(answers.request_answers(any_store, run.id))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with any_store.read() as session:
        assert sorted(session.exec(select(Job.id)).all()) == said[0]
    assert len(said[0]) == 4
    assert all(ids == said[0] for ids in said)


def test_a_lease_that_ran_out_goes_to_the_next_and_the_first_owner_hears_of_it(any_store: Store) -> None:
    an_asked_run(any_store, steps=())
    first = claimed(any_store, "slow", lease_seconds=-1)
    second = claimed(any_store, "quick")
    assert (second.id, second.attempts, second.lease_owner) == (first.id, 2, "quick")
    assert not queue.heartbeat(any_store, first.id, "slow", lease_seconds=LEASE, done=0, total=1)
    assert not queue.finish_job(any_store, first.id, "slow")
    queue.fail_job(any_store, first.id, "slow", error="too late", retry=False)
    queue.return_job(any_store, first.id, "slow")
    queue.drop_job(any_store, first.id, "slow", reason="too late")
    assert queue.find_job(any_store, first.id).state is JobState.RUNNING
    assert queue.heartbeat(any_store, first.id, "quick", lease_seconds=LEASE, done=0, total=1)


def test_a_job_that_loses_every_worker_without_an_answer_ends_as_failed(any_store: Store) -> None:
    an_asked_run(any_store, steps=())
    job = [claimed(any_store, lease_seconds=-1) for _ in range(3)][-1]
    assert queue.claim_job(any_store, "worker", lease_seconds=LEASE) is None
    ended = queue.find_job(any_store, job.id)
    assert ended.state is JobState.FAILED
    assert "without one answer" in ended.error


def test_an_attempt_that_got_further_does_not_count_against_the_job(any_store: Store) -> None:
    an_asked_run(any_store, steps=())
    change(any_store, claimed(any_store, lease_seconds=-1).id, total=20)
    for answered in range(1, 6):
        job = claimed(any_store, lease_seconds=LEASE)
        assert queue.heartbeat(any_store, job.id, "worker", lease_seconds=-1, done=answered, total=20)
    assert claimed(any_store).attempts == 2


def test_progress_speed_and_eta_are_shown(any_store: Store) -> None:
    an_asked_run(any_store, steps=(10,))
    job = claimed(any_store)
    change(any_store, job.id, total=10, started_at=time.time() - 20)
    queue.tell_worker_state(any_store, name="worker", engine="fake", device="cpu", status="answering")
    assert queue.queue_view(any_store, OWNER).eta_seconds is None  # nothing tells yet how fast it is
    queue.heartbeat(
        any_store, job.id, "worker", lease_seconds=LEASE, done=2, total=10, tokens_per_second=12.5, accepted_ratio=0.5
    )
    shown = queue.queue_view(any_store, OWNER)
    running, queued = shown.jobs
    assert (running.done, running.total, running.tokens_per_second, running.accepted_ratio) == (2, 10, 12.5, 0.5)
    assert running.eta_seconds == pytest.approx(80, rel=0.1)
    assert (queued.state, queued.eta_seconds, shown.queued) == (JobState.QUEUED, None, 1)
    done_at = time.time()
    change(any_store, job.id, state="done", done=10, total=10, started_at=done_at - 30, ended_at=done_at)
    assert queue.queue_view(any_store, OWNER).eta_seconds == pytest.approx(3, rel=0.1)


def test_finishing_with_answers_missing_queues_the_job_again(any_store: Store) -> None:
    run = an_asked_run(any_store, steps=())
    job = claimed(any_store)
    answer_everything(any_store, job)
    with any_store.read() as session:
        project = session.get_one(Project, run.project_id)
        session.expunge_all()
    a_probe(any_store, project)  # asked while the worker was at its last answer
    assert queue.finish_job(any_store, job.id, "worker")
    again = queue.find_job(any_store, job.id)
    assert (again.state, again.done, again.total) == (JobState.QUEUED, 1, 2)
    job = claimed(any_store)
    answer_everything(any_store, job)
    assert queue.finish_job(any_store, job.id, "worker")
    assert queue.find_job(any_store, job.id).state is JobState.DONE


def test_an_engine_that_leaves_questions_out_is_not_asked_for_ever(any_store: Store) -> None:
    an_asked_run(any_store, steps=())
    for _ in range(3):
        job = claimed(any_store)
        assert queue.finish_job(any_store, job.id, "worker")
    assert queue.find_job(any_store, job.id).state is JobState.FAILED
    assert queue.claim_job(any_store, "worker", lease_seconds=LEASE) is None


def test_what_is_asked_while_a_job_ends_is_never_lost(any_store: Store) -> None:
    run = an_asked_run(any_store, steps=())
    job = claimed(any_store)
    answer_everything(any_store, job)
    assert queue.finish_job(any_store, job.id, "worker")
    for number in range(8):
        together = threading.Barrier(2)
        job = queue.claim_job(any_store, "worker", lease_seconds=LEASE) or job

        def add(number: int = number, together: threading.Barrier = together) -> None:
            together.wait()
            spec = ProbeSpec(f"late-{number}", (Message(MessageRole.USER, f"Question {number}?"),))
            projects.save_probe(any_store, run.project_id, "main", spec)

        adding = threading.Thread(target=add)
        adding.start()
        answer_everything(any_store, job)
        together.wait()
        queue.finish_job(any_store, job.id, "worker")
        adding.join()
        assert queue.find_job(any_store, job.id).state is JobState.QUEUED


def test_a_failure_is_tried_again_later_and_then_stays_on_screen(any_store: Store) -> None:
    an_asked_run(any_store, steps=())
    job = claimed(any_store)
    queue.fail_job(any_store, job.id, "worker", error="out of luck", retry=True, delay_seconds=60)
    waiting = queue.find_job(any_store, job.id)
    assert (waiting.state, waiting.error) == (JobState.QUEUED, "out of luck")
    assert waiting.retry_at == pytest.approx(time.time() + 60, abs=5)
    assert queue.claim_job(any_store, "worker", lease_seconds=LEASE) is None
    for _ in range(2):
        change(any_store, job.id, not_before=0.0)
        queue.fail_job(any_store, claimed(any_store).id, "worker", error="out of luck", retry=True, delay_seconds=60)
    ended = queue.find_job(any_store, job.id)
    assert (ended.state, ended.error, ended.attempts) == (JobState.FAILED, "out of luck", 3)
    assert queue.retry_job(any_store, job.id).state is JobState.QUEUED
    assert (claimed(any_store).attempts, queue.find_job(any_store, job.id).error) == (1, "")


def test_a_failure_that_cannot_mend_itself_is_not_tried_again(any_store: Store) -> None:
    an_asked_run(any_store, steps=())
    job = claimed(any_store)
    queue.fail_job(any_store, job.id, "worker", error="no such model", retry=False)
    assert queue.find_job(any_store, job.id).state is JobState.FAILED
    assert queue.queue_view(any_store, OWNER).failed == 1


def test_a_cancelled_job_tells_its_worker_and_can_be_asked_again(any_store: Store) -> None:
    run = an_asked_run(any_store, steps=())
    job = claimed(any_store)
    assert queue.cancel_job(any_store, job.id).state is JobState.CANCELLED
    assert queue.cancel_job(any_store, job.id).state is JobState.CANCELLED
    assert not queue.heartbeat(any_store, job.id, "worker", lease_seconds=LEASE, done=0, total=1)
    assert answers.request_answers(any_store, run.id) == [job.id]
    assert queue.find_job(any_store, job.id).state is JobState.QUEUED


def test_jobs_are_cancelled_and_retried_only_where_that_means_something(store: Store) -> None:
    project = a_project(store)
    run = a_run(store, project, steps=(10, 20))
    base, first, second = checkpoints_of(store, run)
    done = a_job(store, base, state="done")
    queued = a_job(store, first)
    failed = a_job(store, second, state="failed")
    for call in (
        lambda: queue.cancel_job(store, done.id),
        lambda: queue.cancel_job(store, failed.id),
        lambda: queue.retry_job(store, queued.id),
    ):
        with pytest.raises(Conflict):
            call()
    for missing in (queue.find_job, queue.cancel_job, queue.retry_job):
        with pytest.raises(NotFound):
            missing(store, 99)


def test_a_paused_queue_gives_nothing_and_takes_running_jobs_back(any_store: Store) -> None:
    an_asked_run(any_store, steps=())
    job = claimed(any_store)
    queue.set_paused(any_store, paused=True)
    queue.set_paused(any_store, paused=True)
    assert not queue.heartbeat(any_store, job.id, "worker", lease_seconds=LEASE, done=0, total=1)
    queue.return_job(any_store, job.id, "worker")
    assert queue.claim_job(any_store, "worker", lease_seconds=LEASE) is None
    view = queue.queue_view(any_store, OWNER)
    assert (view.paused, view.queued, view.eta_seconds) == (True, 1, None)
    queue.set_paused(any_store, paused=False)
    assert claimed(any_store).attempts == 1  # handing it back was nobody's failure


def test_a_worker_that_waits_says_why_on_its_job(any_store: Store) -> None:
    an_asked_run(any_store, steps=())
    job = claimed(any_store)
    queue.return_job(any_store, job.id, "worker", waiting_reason="GPU 0 is full.", delay_seconds=30)
    (shown,) = queue.queue_view(any_store, OWNER).jobs
    assert (shown.waiting_reason, shown.attempts) == ("GPU 0 is full.", 0)
    change(any_store, job.id, not_before=0.0)
    assert claimed(any_store).waiting_reason == ""


def test_workers_are_alive_while_they_speak(any_store: Store) -> None:
    for status in ("idle", "answering"):
        queue.tell_worker_state(any_store, name="worker", engine="fake", device="cpu", status=status)
    (worker,) = queue.queue_view(any_store, OWNER).workers
    assert (worker.name, worker.status, worker.alive) == ("worker", "answering", True)
    with any_store.write() as session:
        session.exec(select(WorkerState)).one().heartbeat_at -= 60
    assert not queue.queue_view(any_store, OWNER).workers[0].alive
    queue.forget_worker(any_store, "worker")
    assert queue.queue_view(any_store, OWNER).workers == ()


def test_a_worker_for_some_jobs_takes_only_those(any_store: Store) -> None:
    run = an_asked_run(any_store)
    wanted = answers.request_answers(any_store, run.id, steps=[10])[1:]
    job = queue.claim_job(any_store, "worker", lease_seconds=LEASE, job_ids=wanted)
    assert job is not None
    assert job.step == 10
    assert queue.claim_job(any_store, "worker", lease_seconds=LEASE, job_ids=wanted) is None


def test_a_guest_sees_the_jobs_of_their_run_only(store: Store) -> None:
    mine, _ = an_asked_run(store), an_asked_run(store)
    queue.tell_worker_state(store, name="worker", engine="fake", device="cpu", status="idle")
    guest = Visitor(LinkScope(link_id=1, role=LinkRole.VIEW, run_id=mine.id, project_id=None))
    view = queue.queue_view(store, guest)
    assert {job.run for job in view.jobs} == {mine.name}
    assert view.workers == ()


def test_looking_where_nothing_waits_writes_nothing(store: Store) -> None:
    project = a_project(store)
    probe = a_probe(store, project)
    run = a_run(store, project, steps=(10,))
    for checkpoint in checkpoints_of(store, run):
        an_answer(store, checkpoint, probe)
    assert answers.request_answers(store, run.id) == []
    with store.write():  # the write lock is taken: a write would wait for it
        queue.look_at(store, checkpoints_of(store, run)[1].id)
        assert queue.claim_job(store, "worker", lease_seconds=LEASE) is None
