"""Which checkpoints were chosen: rows that are only ever added, of which each run's last one counts."""

import time
from collections.abc import Collection, Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from beyondloss.domain.choices import ChoiceMade, Chosen
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Checkpoint, Choice


def chosen_by_run(session: Session, run_ids: Collection[int]) -> dict[int, Chosen]:
    """By run id; runs of which nothing is chosen are left out."""
    latest = (
        select(func.max(col(Choice.id)))
        .where(col(Choice.run_id).in_(run_ids))
        .group_by(col(Choice.run_id))
        .scalar_subquery()
    )
    query = (
        select(Choice, Checkpoint.step)
        .join(Checkpoint, col(Checkpoint.id) == col(Choice.checkpoint_id))
        .where(col(Choice.id).in_(latest))
    )
    return {row.run_id: Chosen(step, row.note, row.chosen_at) for row, step in session.exec(query)}


def choices_made(session: Session, run_id: int, *, limit: int) -> Sequence[ChoiceMade]:
    """Newest first."""
    query = (
        select(Choice, Checkpoint.step)
        .join(Checkpoint, col(Checkpoint.id) == col(Choice.checkpoint_id), isouter=True)
        .where(Choice.run_id == run_id)
        .order_by(col(Choice.id).desc())
        .limit(limit)
    )
    return [ChoiceMade(stored_id(row.id), step, row.note, row.chosen_at) for row, step in session.exec(query)]


def add_choice(session: Session, run_id: int, *, checkpoint_id: int | None, note: str) -> None:
    """`checkpoint_id` None: nothing is chosen any more."""
    session.add(Choice(run_id=run_id, checkpoint_id=checkpoint_id, note=note, chosen_at=time.time()))
    session.flush()


def checkpoint_at(session: Session, run_id: int, step: int) -> int | None:
    """The id of the run's checkpoint at this step."""
    return session.exec(select(Checkpoint.id).where(Checkpoint.run_id == run_id, Checkpoint.step == step)).first()
