"""Jobs: claimed in one statement, leased, renewed, ended. A job is held by at most one live lease.

Every statement that a lease's owner makes names the owner: one whose lease was taken away changes nothing.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, delete, exists, func, or_, update
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from beyondloss.domain.jobs import LOOKED_AT_PRIORITY, JobState
from beyondloss.domain.runs import CheckpointKind
from beyondloss.store.insert import insert_into
from beyondloss.store.tables import Checkpoint, Job, Run, Switch

MAX_ATTEMPTS = 3
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


def get_job(session: Session, job_id: int, *, lock: bool = False) -> Job | None:
    query = select(Job).where(Job.id == job_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.exec(query).first()


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
        .where(*_owned(job_id, owner))
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


def owned_job(session: Session, job_id: int, owner: str) -> Job | None:
    """The job, locked, if this owner still holds it."""
    query = select(Job).where(*_owned(job_id, owner)).with_for_update().execution_options(populate_existing=True)
    return session.exec(query).first()


def _owned(job_id: int, owner: str) -> tuple[ColumnElement[bool], ...]:
    return (col(Job.id) == job_id, col(Job.lease_owner) == owner, col(Job.state) == JobState.RUNNING.value)


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


def put_back_all(session: Session) -> None:
    """Take every running job from its worker; each notices at its next heartbeat, and no attempt is counted."""
    statement = (
        update(Job)
        .where(col(Job.state) == JobState.RUNNING.value)
        .values(
            state=JobState.QUEUED.value,
            lease_owner=None,
            lease_until=None,
            attempts=col(Job.attempts) - 1,
            revision=col(Job.revision) + 1,
        )
    )
    session.exec(statement)


def work_is_due(session: Session) -> bool:
    """Whether a claim could change anything: a read, so that idle workers never take the write lock."""
    now = time.time()
    expired = (col(Job.state) == JobState.RUNNING.value) & (col(Job.lease_until) < now)
    due = (col(Job.state) == JobState.QUEUED.value) & (col(Job.not_before) <= now) & _not_paused()
    return session.exec(select(Job.id).where(or_(expired, due)).limit(1)).first() is not None


def look_at(session: Session, checkpoint_id: int, *, run_id: int) -> None:
    """Move the queued jobs of this checkpoint and of its run's base ahead of all that nobody looks at."""
    statement = (
        update(Job)
        .where(col(Job.id).in_(_unseen(checkpoint_id, run_id)))
        .values(priority=col(Job.priority) + LOOKED_AT_PRIORITY, revision=col(Job.revision) + 1)
    )
    session.exec(statement)


def waits_unseen(session: Session, checkpoint_id: int, *, run_id: int) -> bool:
    """Whether `look_at` would change anything."""
    return session.exec(_unseen(checkpoint_id, run_id).limit(1)).first() is not None


def _unseen(checkpoint_id: int, run_id: int) -> SelectOfScalar[int | None]:
    return (
        select(col(Job.id))
        .join(Checkpoint, col(Checkpoint.id) == Job.checkpoint_id)
        .where(
            Job.state == JobState.QUEUED.value,
            Job.priority < LOOKED_AT_PRIORITY,
            or_(
                col(Job.checkpoint_id) == checkpoint_id,
                (col(Job.run_id) == run_id) & (col(Checkpoint.kind) == CheckpointKind.BASE.value),
            ),
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
        put_back_all(session)
    else:
        session.exec(delete(Switch).where(col(Switch.name) == PAUSED_SWITCH))


def job_records(
    session: Session,
    *,
    states: Collection[JobState],
    limit: int | None = None,
    run_id: int | None = None,
    newest: bool = False,
) -> list[JobRecord]:
    """Jobs in the order in which they are taken, or the last ended first."""
    order = (col(Job.ended_at).desc(), col(Job.id).desc()) if newest else (col(Job.priority).desc(), col(Job.id))
    query = _records().where(col(Job.state).in_([state.value for state in states])).order_by(*order)
    if run_id is not None:
        query = query.where(Job.run_id == run_id)
    if limit is not None:
        query = query.limit(limit)
    return [JobRecord(job, run, step) for job, run, step in session.exec(query).all()]


def job_record(session: Session, job_id: int) -> JobRecord | None:
    found = session.exec(_records().where(Job.id == job_id)).first()
    return None if found is None else JobRecord(*found)


def _records() -> Select[Job, Run, int]:
    return (
        select(Job, Run, Checkpoint.step)
        .join(Run, col(Run.id) == Job.run_id)
        .join(Checkpoint, col(Checkpoint.id) == Job.checkpoint_id)
    )


def count_in_state(session: Session, state: JobState) -> int:
    return session.exec(select(func.count()).select_from(Job).where(Job.state == state.value)).one()
