"""Asking for answers: what is missing becomes jobs. What is asked while a job ends is never lost, on either database.

Asking and finishing both lock the job's row before they look at what is missing, so one of them sees the other's work.
Lock order everywhere: run, then checkpoint, then job.
"""

import time
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import or_
from sqlmodel import Session, col, select

from beyondloss.domain.jobs import LOOKED_AT_PRIORITY, JobKind, JobState, job_priority
from beyondloss.domain.runs import CheckpointKind, CheckpointState
from beyondloss.store.answers import AnswerCount, count_current_answers, count_for_job
from beyondloss.store.insert import insert_into
from beyondloss.store.jobs import MAX_ATTEMPTS, requeue
from beyondloss.store.revisions import bump_run
from beyondloss.store.rows import stored_id
from beyondloss.store.samplings import ensure_run_sampling
from beyondloss.store.tables import Checkpoint, Job, Run, Sampling


def queue_missing(
    session: Session,
    run: Run,
    *,
    checkpoint_ids: Collection[int] | None = None,
    sampling: Sampling | None = None,
    set_name: str | None = None,
    looked_at: bool = False,
) -> list[int]:
    """Queue every checkpoint of the run (or of those given) that can answer and lacks answers. Gives job ids, rising.

    The active sets are asked, or one of them; by the run's own sampling unless another is given. Idempotent: a queued
    or running job stays one job, an ended one is queued anew under the same id.
    """
    run_id = stored_id(run.id)
    locked_run(session, run_id)
    sampling = sampling or ensure_run_sampling(session, run)
    checkpoints = answering_checkpoints(session, run, checkpoint_ids)
    counts = count_current_answers(
        session, checkpoints, project_id=run.project_id, sampling=sampling, set_name=set_name
    )
    lacking = [row for row in checkpoints if counts[stored_id(row.id)].done < counts[stored_id(row.id)].total]
    if not lacking:
        return []
    sampling_id, payload = stored_id(sampling.id), {} if set_name is None else {"set": set_name}
    changed = [
        _insert(session, row, sampling_id=sampling_id, payload=payload, count=counts[stored_id(row.id)])
        for row in lacking
    ]
    jobs = _locked(session, [stored_id(row.id) for row in lacking], sampling_id)
    changed += [_ask_again(job, payload, looked_at=looked_at) for job in jobs]
    for job in jobs:
        # A job that was asked of two sets counts more than what this call counted.
        count = counts[job.checkpoint_id] if job.payload == payload else count_for_job(session, job)
        job.done, job.total = count.done, count.total
    session.flush()
    if any(changed):
        bump_run(session, run_id)
    return [stored_id(job.id) for job in jobs]


def locked_run(session: Session, run_id: int) -> Run | None:
    """The first lock of every transaction that writes under a run."""
    query = select(Run).where(Run.id == run_id)
    return session.exec(query.with_for_update().execution_options(populate_existing=True)).first()


def checkpoints_by_step(session: Session, run_id: int) -> dict[int, Checkpoint]:
    query = select(Checkpoint).where(Checkpoint.run_id == run_id).order_by(col(Checkpoint.step))
    return {row.step: row for row in session.exec(query).all()}


def queue_missing_of_project(session: Session, project_id: int) -> None:
    """The same for every run of a project, after its probes changed."""
    runs = session.exec(select(Run).where(Run.project_id == project_id, ~col(Run.archived)).order_by(col(Run.id)))
    for run in runs.all():
        queue_missing(session, run)


def answering_checkpoints(
    session: Session, run: Run, checkpoint_ids: Collection[int] | None = None
) -> Sequence[Checkpoint]:
    """Those that have weights to answer with: present, or gone but kept; and the base once somebody has named it."""
    query = (
        select(Checkpoint)
        .where(
            Checkpoint.run_id == run.id,
            or_(
                col(Checkpoint.state) == CheckpointState.PRESENT.value,
                (col(Checkpoint.state) == CheckpointState.GONE.value) & col(Checkpoint.kept_path).is_not(None),
            ),
        )
        .order_by(col(Checkpoint.id))
    )
    if run.base_model is None:
        query = query.where(Checkpoint.kind != CheckpointKind.BASE.value)
    if checkpoint_ids is not None:
        query = query.where(col(Checkpoint.id).in_(checkpoint_ids))
    return session.exec(query).all()


def _insert(
    session: Session, checkpoint: Checkpoint, *, sampling_id: int, payload: dict[str, Any], count: AnswerCount
) -> bool:
    """Whether a row was made."""
    is_base = checkpoint.kind == CheckpointKind.BASE.value
    statement = insert_into(session, Job).values(
        kind=JobKind.ANSWER.value,
        run_id=checkpoint.run_id,
        checkpoint_id=checkpoint.id,
        sampling_id=sampling_id,
        payload=payload,
        state=JobState.QUEUED.value,
        priority=job_priority(checkpoint_id=stored_id(checkpoint.id), is_base=is_base, looked_at=False),
        attempts=0,
        max_attempts=MAX_ATTEMPTS,
        not_before=0.0,
        done=count.done,
        total=count.total,
        done_at_start=count.done,
        waiting_reason="",
        error="",
        revision=1,
        created_at=time.time(),
    )
    statement = statement.on_conflict_do_nothing(index_elements=["checkpoint_id", "sampling_id"])
    return session.exec(statement.returning(col(Job.id))).first() is not None


def _locked(session: Session, checkpoint_ids: Collection[int], sampling_id: int) -> Sequence[Job]:
    query = (
        select(Job)
        .where(col(Job.checkpoint_id).in_(checkpoint_ids), Job.sampling_id == sampling_id)
        .order_by(col(Job.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session.exec(query).all()


def _ask_again(job: Job, payload: dict[str, Any], *, looked_at: bool) -> bool:
    """Bring a locked job to a state in which everything asked will be answered. Whether that changed it."""
    before = (job.state, job.priority, job.payload)
    if JobState(job.state).ended:
        requeue(job)
        job.payload = payload
    elif job.payload != payload:
        job.payload = {}  # two sets asked of one job: it answers all active ones
    if looked_at and job.priority < LOOKED_AT_PRIORITY:
        job.priority += LOOKED_AT_PRIORITY
    return before != (job.state, job.priority, job.payload)
