"""The queue: claim, lease, progress, retry, cancel, pause. Invariant: one job is held by at most one live lease."""

import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from beyondloss.domain.access import Visitor
from beyondloss.domain.jobs import JobState
from beyondloss.errors import Conflict, NotFound
from beyondloss.store import answers, jobs, workers
from beyondloss.store.engine import Store
from beyondloss.store.jobs import JobRecord, Progress
from beyondloss.store.revisions import bump_run
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Job, WorkerState

ENDED_SHOWN = 50
NOT_ALL_ANSWERED = "The engine ended without an answer to every question. Retry; if it stays so, look at the log."
WORKER_SILENT_SECONDS = 20.0
"""A worker that said nothing for so long is not shown as alive; they speak every few seconds."""


@dataclass(frozen=True, slots=True)
class JobView:
    id: int
    kind: str
    run_id: int
    run: str
    checkpoint_id: int
    step: int
    sampling_id: int
    set_name: str | None
    state: JobState
    done: int
    total: int
    attempts: int
    max_attempts: int
    tokens_per_second: float | None
    accepted_ratio: float | None
    eta_seconds: float | None
    waiting_reason: str
    error: str
    created_at: float
    started_at: float | None
    ended_at: float | None
    lease_owner: str | None
    retry_at: float | None = None
    """When a job that failed and goes on trying may be taken again."""


@dataclass(frozen=True, slots=True)
class WorkerView:
    name: str
    engine: str
    device: str
    status: str
    alive: bool
    heartbeat_at: float


@dataclass(frozen=True, slots=True)
class QueueView:
    jobs: tuple[JobView, ...]
    """Running, then queued in the order they will be taken, then the last 50 that ended."""
    workers: tuple[WorkerView, ...]
    paused: bool
    queued: int
    failed: int
    eta_seconds: float | None


def queue_view(store: Store, visitor: Visitor) -> QueueView:
    """Everything at once, in a fixed number of queries; a link's visitor sees the jobs of what the link opens."""
    with store.read() as session:
        ended = jobs.ended_jobs(session, limit=ENDED_SHOWN)
        pace = _pace_seconds([record.job for record in ended])
        shown = [
            job_view(record, pace_seconds=pace)
            for record in (*jobs.open_jobs(session), *ended)
            if visitor.sees(run_id=record.job.run_id, project_id=record.run.project_id)
        ]
        alive = tuple(map(_worker_view, workers.all_workers(session)))
        paused = jobs.is_paused(session)
    return QueueView(
        jobs=tuple(shown),
        workers=alive if visitor.is_owner else (),
        paused=paused,
        queued=sum(job.state is JobState.QUEUED for job in shown),
        failed=sum(job.state is JobState.FAILED for job in shown),
        eta_seconds=None if paused else _eta_seconds(shown, workers=sum(worker.alive for worker in alive)),
    )


def find_job(store: Store, job_id: int) -> JobView:
    with store.read() as session:
        return _view_of(jobs.job_record(session, job_id), jobs.ended_jobs(session, limit=ENDED_SHOWN))


def claim_job(
    store: Store, owner: str, *, lease_seconds: float, job_ids: Collection[int] | None = None
) -> JobView | None:
    """Take the next job in one statement. Leases that ran out go back to queued first (or failed, after max_attempts).

    With `job_ids`, only one of those. An idle queue costs one read.
    """
    with store.read() as session:
        if not jobs.work_is_due(session):
            return None
    with store.write() as session:
        jobs.return_expired(session)
        job = jobs.claim(session, owner, lease_seconds=lease_seconds, job_ids=job_ids)
        job_id = None if job is None else stored_id(job.id)
    if job_id is None:
        return None
    with store.write() as session:  # apart, because the run is locked before its jobs everywhere
        record = jobs.job_record(session, job_id)
        if record is None:
            return None
        bump_run(session, record.job.run_id)
        return job_view(record)


def heartbeat(
    store: Store,
    job_id: int,
    owner: str,
    *,
    lease_seconds: float,
    done: int,
    total: int,
    tokens_per_second: float | None = None,
    accepted_ratio: float | None = None,
) -> bool:
    """Renew the lease and tell progress. False: the job was cancelled or is no longer ours; stop working on it."""
    progress = Progress(done, total, tokens_per_second=tokens_per_second, accepted_ratio=accepted_ratio)
    with store.write() as session:
        return jobs.renew(session, job_id, owner, lease_seconds=lease_seconds, progress=progress)


def finish_job(store: Store, job_id: int, owner: str) -> bool:
    """Only the lease's owner can. Done if every answer is there, else queued again."""
    with store.write() as session:
        job = jobs.locked_job(session, job_id, owner=owner)
        if job is None:
            return False
        # Counted under the job's lock: whoever asked for more meanwhile was before us, or will queue it again.
        count = answers.count_for_job(session, job)
        job.done, job.total = count.done, count.total
        if count.done >= count.total:
            jobs.end(job, JobState.DONE)
        elif job.attempts >= job.max_attempts and count.done <= job.done_at_start:
            jobs.end(job, JobState.FAILED, error=NOT_ALL_ANSWERED)
        else:
            jobs.put_back(job)
        return True


def fail_job(store: Store, job_id: int, owner: str, *, error: str, retry: bool, delay_seconds: float = 0.0) -> None:
    """With `retry` and attempts left it is queued again after the delay; otherwise it failed, reason on screen."""
    with store.write() as session:
        job = jobs.locked_job(session, job_id, owner=owner)
        if job is None:
            return
        if retry and job.attempts < job.max_attempts:
            jobs.put_back(job, delay_seconds=delay_seconds, error=error)
        else:
            jobs.end(job, JobState.FAILED, error=error)


def return_job(store: Store, job_id: int, owner: str, *, waiting_reason: str = "", delay_seconds: float = 0.0) -> None:
    """Give the lease back unused: the attempt does not count, another worker may go on at once (or after the delay)."""
    with store.write() as session:
        job = jobs.locked_job(session, job_id, owner=owner)
        if job is not None:
            job.attempts -= 1
            jobs.put_back(job, delay_seconds=delay_seconds, waiting_reason=waiting_reason)


def drop_job(store: Store, job_id: int, owner: str, *, reason: str) -> None:
    """The owner ends a job that has nothing to work on any more."""
    with store.write() as session:
        job = jobs.locked_job(session, job_id, owner=owner)
        if job is not None:
            jobs.end(job, JobState.CANCELLED, error=reason)


def cancel_job(store: Store, job_id: int) -> JobView:
    """What is answered already stays. Raises Conflict for a job that is done or failed."""
    with store.write() as session:
        job = _found(jobs.locked_job(session, job_id))
        if job.state in {JobState.DONE, JobState.FAILED}:
            raise Conflict(f"This job is {job.state}; there is nothing to cancel.")
        if job.state != JobState.CANCELLED:
            jobs.end(job, JobState.CANCELLED)
        return _view_of(jobs.job_record(session, job_id), [])


def retry_job(store: Store, job_id: int) -> JobView:
    """Queue a failed or cancelled job again, attempts from zero. Raises Conflict for one that is queued or running."""
    with store.write() as session:
        job = _found(jobs.locked_job(session, job_id))
        if not JobState(job.state).ended:
            raise Conflict(f"This job is {job.state} already.", hint="Wait for it, or cancel it first.")
        jobs.requeue(job)
        count = answers.count_for_job(session, job)
        job.done, job.total = count.done, count.total
        return _view_of(jobs.job_record(session, job_id), [])


def retry_failed(store: Store) -> int:
    """Queue everything again that failed. Gives how many jobs that were."""
    with store.read() as session:
        failed = jobs.failed_ids(session)
    retried = 0
    for job_id in failed:
        with suppress(Conflict, NotFound):  # somebody was quicker
            retry_job(store, job_id)
            retried += 1
    return retried


def set_paused(store: Store, *, paused: bool) -> None:
    """While paused no job is taken and no lease renewed: workers stop after the answer they are at, losing none."""
    with store.write() as session:
        jobs.set_paused(session, paused=paused)


def is_paused(store: Store) -> bool:
    with store.read() as session:
        return jobs.is_paused(session)


def tell_worker_state(store: Store, *, name: str, engine: str, device: str, status: str) -> None:
    with store.write() as session:
        workers.report(session, workers.WorkerReport(name=name, engine=engine, device=device, status=status))


def forget_worker(store: Store, name: str) -> None:
    """A worker that left in order is not shown as lost."""
    with store.write() as session:
        workers.forget(session, name)


def look_at(store: Store, checkpoint_id: int) -> None:
    """Somebody is looking at this checkpoint: its job (and its base's) jumps ahead. Cheap when there is none."""
    with store.read() as session:
        if not jobs.waits_unseen(session, checkpoint_id):
            return
    with store.write() as session:
        jobs.look_at(session, checkpoint_id)


def job_view(record: JobRecord, *, pace_seconds: float | None = None) -> JobView:
    """What pages show of a job. `pace_seconds` per answer serves where the job has no pace of its own yet."""
    job = record.job
    return JobView(
        id=stored_id(job.id),
        kind=job.kind,
        run_id=job.run_id,
        run=record.run.name,
        checkpoint_id=job.checkpoint_id,
        step=record.step,
        sampling_id=job.sampling_id,
        set_name=job.payload.get("set"),
        state=JobState(job.state),
        done=job.done,
        total=job.total,
        attempts=job.attempts,
        max_attempts=job.max_attempts,
        tokens_per_second=job.tokens_per_second,
        accepted_ratio=job.accepted_ratio,
        eta_seconds=_job_eta_seconds(job, pace_seconds),
        waiting_reason=job.waiting_reason,
        error=job.error,
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        lease_owner=job.lease_owner,
        retry_at=job.not_before if job.state == JobState.QUEUED and job.not_before > time.time() else None,
    )


def _found(job: Job | None) -> Job:
    if job is None:
        raise NotFound("There is no such job.", hint="The queue page lists them.")
    return job


def _view_of(record: JobRecord | None, ended: Sequence[JobRecord]) -> JobView:
    if record is None:
        raise NotFound("There is no such job.", hint="The queue page lists them.")
    return job_view(record, pace_seconds=_pace_seconds([other.job for other in ended]))


def _worker_view(row: WorkerState) -> WorkerView:
    return WorkerView(
        name=row.name,
        engine=row.engine,
        device=row.device,
        status=row.status,
        alive=time.time() - row.heartbeat_at < WORKER_SILENT_SECONDS,
        heartbeat_at=row.heartbeat_at,
    )


def _pace_seconds(ended: Sequence[Job]) -> float | None:
    """Seconds an answer took in the jobs that were done last."""
    spent, answered = 0.0, 0
    for job in ended:
        if job.state == JobState.DONE and job.started_at is not None and job.ended_at is not None:
            spent += job.ended_at - job.started_at
            answered += job.total - job.done_at_start
    return spent / answered if answered > 0 else None


def _job_eta_seconds(job: Job, pace_seconds: float | None) -> float | None:
    if JobState(job.state).ended:
        return None
    gained = job.done - job.done_at_start
    if job.state == JobState.RUNNING and job.started_at is not None and gained > 0:
        pace_seconds = (time.time() - job.started_at) / gained
    return None if pace_seconds is None else max(0, job.total - job.done) * pace_seconds


def _eta_seconds(shown: Sequence[JobView], *, workers: int) -> float | None:
    """Until all is answered, by the workers that are alive; None while nothing tells how fast they are."""
    etas = [job.eta_seconds for job in shown if not job.state.ended]
    if not etas or not workers or any(eta is None for eta in etas):
        return None
    return sum(eta for eta in etas if eta is not None) / workers
