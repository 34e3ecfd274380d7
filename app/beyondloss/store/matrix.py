"""Every current answer of a run at once, with what a cell of the matrix needs of it and no more. Writes nothing."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlmodel import Session, col, select

from beyondloss.store.tables import Answer, Checkpoint


@dataclass(frozen=True, slots=True)
class SaidRecord:
    """One answer. `signals` as stored."""

    step: int
    probe_id: int
    sample_index: int
    answer_id: int
    text: str
    signals: list[dict[str, str]]


def all_said(session: Session, run_id: int, *, sampling_id: int, probe_ids: Collection[int]) -> list[SaidRecord]:
    """By rising step. Token ids, margins and provenance, most of an answer's bytes, stay where they are."""
    query = (
        select(  # type: ignore[call-overload]
            Checkpoint.step, Answer.probe_id, Answer.sample_index, Answer.id, Answer.text, Answer.signals
        )
        .join(Answer, col(Answer.checkpoint_id) == col(Checkpoint.id))
        .where(
            Checkpoint.run_id == run_id,
            Answer.sampling_id == sampling_id,
            Answer.fingerprint == Checkpoint.fingerprint,
            col(Answer.probe_id).in_(probe_ids),
        )
        .order_by(col(Checkpoint.step), col(Answer.id))
    )
    return [SaidRecord(*row) for row in session.exec(query).all()]
