"""Which adapters to keep a copy of, and where the copies lie."""

from dataclasses import dataclass

from sqlmodel import Session, col, select, update

from beyondloss.domain.jobs import JobState
from beyondloss.domain.runs import CheckpointKind, CheckpointState, RunState
from beyondloss.store.revisions import bump_run
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Checkpoint, Job, Run

_WANTS_WEIGHTS = (JobState.QUEUED.value, JobState.RUNNING.value, JobState.FAILED.value)


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """An adapter that is kept or should be. `wanted`: some job has not got all its answers yet."""

    checkpoint_id: int
    run_id: int
    path: str
    stamp: str
    kept_path: str | None
    is_present: bool
    wanted: bool
    is_training: bool


def kept_records(session: Session) -> list[KeptRecord]:
    """Every adapter with a copy, and every present one whose answers are still wanted; newest first."""
    wanting = select(Job.checkpoint_id).where(col(Job.state).in_(_WANTS_WEIGHTS))
    rows = session.exec(
        select(Checkpoint, col(Checkpoint.id).in_(wanting), Run.state)
        .join(Run, col(Run.id) == Checkpoint.run_id)
        .where(
            Checkpoint.kind == CheckpointKind.ADAPTER.value,
            col(Checkpoint.path).is_not(None),
            col(Checkpoint.kept_path).is_not(None)
            | ((col(Checkpoint.state) == CheckpointState.PRESENT.value) & col(Checkpoint.id).in_(wanting)),
        )
        .order_by(col(Checkpoint.id).desc())
    ).all()
    return [
        KeptRecord(
            checkpoint_id=stored_id(row.id),
            run_id=row.run_id,
            path=row.path or "",
            stamp=row.stamp,
            kept_path=row.kept_path,
            is_present=row.state == CheckpointState.PRESENT.value,
            wanted=bool(wanted),
            is_training=state == RunState.TRAINING.value,
        )
        for row, wanted, state in rows
    ]


def set_kept_path(session: Session, record: KeptRecord, kept_path: str | None) -> bool:
    """False if the checkpoint was rewritten meanwhile: then the copy is of weights that it no longer names."""
    # The run first, as everywhere: see revisions.
    bump_run(session, record.run_id)
    statement = (
        update(Checkpoint)
        .where(col(Checkpoint.id) == record.checkpoint_id, col(Checkpoint.stamp) == record.stamp)
        .values(kept_path=kept_path)
    )
    return session.exec(statement).rowcount == 1
