"""How many answers of each checkpoint differ from the base's: counted by the database, no text leaves it."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import case, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from beyondloss.domain.runs import BASE_STEP
from beyondloss.store.tables import Answer, Checkpoint


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """Of `compared` answers that both have, `changed` differ."""

    step: int
    compared: int
    changed: int


def changes_by_step(
    session: Session, run_id: int, *, sampling_id: int, probe_ids: Collection[int]
) -> list[ChangeRecord]:
    """Current answers of every checkpoint against the base's, by rising step; steps without a pair are left out."""
    base_answer, base = aliased(Answer), aliased(Checkpoint)
    differs = func.sum(case((col(Answer.text) != col(base_answer.text), 1), else_=0))
    query = (
        select(Checkpoint.step, func.count(), differs)
        .join(Answer, col(Answer.checkpoint_id) == col(Checkpoint.id))
        .join(base, (col(base.run_id) == col(Checkpoint.run_id)) & (col(base.step) == BASE_STEP))
        .join(
            base_answer,
            (col(base_answer.checkpoint_id) == col(base.id))
            & (col(base_answer.probe_id) == col(Answer.probe_id))
            & (col(base_answer.sampling_id) == col(Answer.sampling_id))
            & (col(base_answer.sample_index) == col(Answer.sample_index))
            & (col(base_answer.fingerprint) == col(base.fingerprint)),
        )
        .where(
            Checkpoint.run_id == run_id,
            Checkpoint.step != BASE_STEP,
            Answer.sampling_id == sampling_id,
            Answer.fingerprint == Checkpoint.fingerprint,
            col(Answer.probe_id).in_(probe_ids),
        )
        .group_by(col(Checkpoint.step))
        .order_by(col(Checkpoint.step))
    )
    return [ChangeRecord(step, compared, int(changed)) for step, compared, changed in session.exec(query).all()]
