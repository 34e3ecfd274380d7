"""Jobs: claimed in one statement, leased, renewed, ended. A job is held by at most one live lease.

Every statement that a lease's owner makes names the owner: one whose lease was taken away changes nothing.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, delete, exists, or_, update
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from beyondloss.domain.jobs import LOOKED_AT_PRIORITY, JobState
from beyondloss.domain.runs import CheckpointKind
from beyondloss.store.insert import insert_into
from beyondloss.store.revisions import bump_run
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Checkpoint, Job, Run, Switch

MAX_ATTEMPTS = 3
ENDED = tuple(state.value for state in JobState if state.ended)
PAUSED_SWITCH = "queue_paused"
LOST_WORKER = "The worker was lost every time it tried, without one answer. Its log may say why; then retry."


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job with what it is about."""

    job: Job
    run: Run
    step: int


def requeue(job: Job) -> None:
    """Queue a locked job as if it were new: no attempt counted, nobody's haste remembered."""
    job.state = JobState.QUEUED.value
    job.attempts = 0
    job.priority %= LOOKED_AT_PRIORITY
    job.not_before = 0.0
    job.error = job.waiting_reason = ""
    job.lease_owner = None
    job.lease_until = job.heartbeat_at = job.started_at = job.ended_at = None
    job.tokens_per_second = job.accepted_ratio = None
    job.created_at = time.time()
    job.revision += 1


def get_job(session: Session, job_id: int) -> Job | None:
    return session.get(Job, job_id)


def locked_job(session: Session, job_id: int, *, owner: str | None = None) -> Job | None:
    """The job, locked for a change; with an owner, only if they still hold its lease. Its run is bumped (and so locked)
    first: lock order."""
    run_id = session.exec(select(Job.run_id).where(Job.id == job_id)).first()
    if run_id is None:
        return None
    bump_run(session, run_id)
    query = select(Job).where(Job.id == job_id)
    if owner is not None:
        query = query.where(*_held(owner))
    return session.exec(query.with_for_update().execution_options(populate_existing=True)).first()


def _held(owner: str) -> tuple[ColumnElement[bool], ...]:
    return (col(Job.lease_owner) == owner, col(Job.state) == JobState.RUNNING.value)


def claim(session: Session, owner: str, *, lease_seconds: float, job_ids: Collection[int] | None = None) -> Job | None:
    """Take the first job in one statement. SKIP LOCKED lets workers on PostgreSQL pass; SQLite has one writer."""
    now = time.time()
    first = (
        select(Job.id)
        .where(Job.state == JobState.QUEUED.value, Job.not_before <= now)
        .order_by(col(Job.priority).desc(), col(Job.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if job_ids is not None:
        first = first.where(col(Job.id).in_(job_ids))
    statement = (
        update(Job)
        .where(col(Job.id) == first.scalar_subquery(), _not_paused())
        .values(
            state=JobState.RUNNING.value,
            lease_owner=owner,
            lease_until=now + lease_seconds,
            heartbeat_at=now,
            started_at=now,
            ended_at=None,
            attempts=col(Job.attempts) + 1,
            done_at_start=col(Job.done),
            waiting_reason="",
            revision=col(Job.revision) + 1,
        )
        .returning(Job)
    )
    return session.exec(statement).scalars().first()


def return_expired(session: Session) -> None:
    """Leases that ran out go back to the queue, or end as failed when the last attempt was theirs."""
    now = time.time()
    last = col(Job.attempts) >= col(Job.max_attempts)
    statement = (
        update(Job)
        .where(col(Job.state) == JobState.RUNNING.value, col(Job.lease_until) < now)
        .values(
            state=case((last, JobState.FAILED.value), else_=JobState.QUEUED.value),
            error=case((last, LOST_WORKER), else_=col(Job.error)),
            ended_at=case((last, now), else_=None),
            lease_owner=None,
            lease_until=None,
            revision=col(Job.revision) + 1,
        )
    )
    session.exec(statement)


@dataclass(frozen=True, slots=True)
class Progress:
    done: int
    total: int
    tokens_per_second: float | None = None
    accepted_ratio: float | None = None


def renew(session: Session, job_id: int, owner: str, *, lease_seconds: float, progress: Progress) -> bool:
    """Renew the owner's lease. An attempt that got further is the first again: only fruitless ones add up."""
    now = time.time()
    statement = (
        update(Job)
        .where(col(Job.id) == job_id, *_held(owner), _not_paused())
        .values(
            lease_until=now + lease_seconds,
            heartbeat_at=now,
            attempts=case((col(Job.done) < progress.done, 1), else_=col(Job.attempts)),
            done=progress.done,
            total=progress.total,
            tokens_per_second=progress.tokens_per_second,
            accepted_ratio=progress.accepted_ratio,
            revision=col(Job.revision) + 1,
        )
    )
    return session.exec(statement).rowcount > 0


def end(job: Job, state: JobState, *, error: str = "") -> None:
    """End a locked job."""
    job.state, job.error = state.value, error
    job.lease_owner = job.lease_until = None
    job.ended_at = time.time()
    job.waiting_reason = ""
    job.revision += 1


def put_back(job: Job, *, delay_seconds: float = 0.0, error: str = "", waiting_reason: str = "") -> None:
    """Give a locked, running job back to the queue. What the attempts were stays counted."""
    job.state, job.error, job.waiting_reason = JobState.QUEUED.value, error, waiting_reason
    job.lease_owner = job.lease_until = None
    job.not_before = time.time() + delay_seconds if delay_seconds else 0.0
    job.revision += 1


def work_is_due(session: Session) -> bool:
    """Whether a claim could change anything: a read, so that idle workers never take the write lock."""
    now = time.time()
    expired = (col(Job.state) == JobState.RUNNING.value) & (col(Job.lease_until) < now)
    due = (col(Job.state) == JobState.QUEUED.value) & (col(Job.not_before) <= now) & _not_paused()
    return session.exec(select(Job.id).where(or_(expired, due)).limit(1)).first() is not None


def look_at(session: Session, checkpoint_id: int) -> None:
    """Move the queued jobs of this checkpoint and of its run's base ahead of all that nobody looks at."""
    statement = (
        update(Job)
        .where(col(Job.id).in_(_unseen(checkpoint_id)))
        .values(priority=col(Job.priority) + LOOKED_AT_PRIORITY, revision=col(Job.revision) + 1)
    )
    session.exec(statement)


def waits_unseen(session: Session, checkpoint_id: int) -> bool:
    """Whether `look_at` would change anything."""
    return session.exec(_unseen(checkpoint_id).limit(1)).first() is not None


def _unseen(checkpoint_id: int) -> SelectOfScalar[int | None]:
    run_id = select(Checkpoint.run_id).where(Checkpoint.id == checkpoint_id).scalar_subquery()
    is_base = col(Checkpoint.kind) == CheckpointKind.BASE.value
    return (
        select(col(Job.id))
        .join(Checkpoint, col(Checkpoint.id) == Job.checkpoint_id)
        .where(
            Job.run_id == run_id,
            Job.state == JobState.QUEUED.value,
            Job.priority < LOOKED_AT_PRIORITY,
            or_(col(Job.checkpoint_id) == checkpoint_id, is_base),
        )
    )


def _not_paused() -> ColumnElement[bool]:
    return ~exists().where(col(Switch.name) == PAUSED_SWITCH)


def is_paused(session: Session) -> bool:
    return session.get(Switch, PAUSED_SWITCH) is not None


def set_paused(session: Session, *, paused: bool) -> None:
    if paused:
        statement = insert_into(session, Switch).values(name=PAUSED_SWITCH, value="1")
        session.exec(statement.on_conflict_do_nothing(index_elements=["name"]))
    else:
        session.exec(delete(Switch).where(col(Switch.name) == PAUSED_SWITCH))


def open_jobs(session: Session) -> list[JobRecord]:
    """Running first, then queued in the order in which they will be taken."""
    open_states = (JobState.RUNNING.value, JobState.QUEUED.value)
    query = _records().where(col(Job.state).in_(open_states))
    order = (case((col(Job.state) == JobState.RUNNING.value, 0), else_=1), col(Job.priority).desc(), col(Job.id))
    return [JobRecord(*found) for found in session.exec(query.order_by(*order)).all()]


def ended_jobs(session: Session, *, limit: int) -> list[JobRecord]:
    """The last ended first."""
    query = _records().where(col(Job.state).in_(ENDED)).order_by(col(Job.ended_at).desc(), col(Job.id).desc())
    return [JobRecord(*found) for found in session.exec(query.limit(limit)).all()]


def failed_ids(session: Session) -> list[int]:
    query = select(col(Job.id)).where(Job.state == JobState.FAILED.value).order_by(col(Job.id))
    return [stored_id(job_id) for job_id in session.exec(query).all()]


def job_record(session: Session, job_id: int) -> JobRecord | None:
    found = session.exec(_records().where(Job.id == job_id)).first()
    return None if found is None else JobRecord(*found)


def _records() -> Select[Job, Run, int]:
    return (
        select(Job, Run, Checkpoint.step)
        .join(Run, col(Run.id) == Job.run_id)
        .join(Checkpoint, col(Checkpoint.id) == Job.checkpoint_id)
    )
