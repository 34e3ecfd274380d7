"""What a comparison needs beyond answers and ratings: which steps can be compared, and answers by their own ids."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import exists
from sqlmodel import Session, col, select

from beyondloss.domain.runs import CheckpointState
from beyondloss.store.answers import AnswerRecord
from beyondloss.store.tables import Answer, Checkpoint, Probe, Run


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One checkpoint of a run. `answered`: it has at least one current answer under the sampling asked for."""

    step: int
    present: bool
    answered: bool


def steps_of(session: Session, run_id: int, *, sampling_id: int | None) -> Sequence[StepRecord]:
    """By rising step, the base first."""
    answered = exists().where(
        col(Answer.checkpoint_id) == col(Checkpoint.id),
        col(Answer.sampling_id) == sampling_id,
        col(Answer.fingerprint) == col(Checkpoint.fingerprint),
    )
    query = (
        select(Checkpoint.step, Checkpoint.state, answered)
        .where(Checkpoint.run_id == run_id)
        .order_by(col(Checkpoint.step))
    )
    rows = session.exec(query).all()
    return [StepRecord(step, state == CheckpointState.PRESENT.value, bool(has)) for step, state, has in rows]


@dataclass(frozen=True, slots=True)
class PlacedAnswer:
    """An answer by its id, with the project it belongs to."""

    record: AnswerRecord
    project_id: int


def answers_by_id(session: Session, answer_ids: Collection[int]) -> dict[int, PlacedAnswer]:
    """By answer id, current or not; ids that do not exist are left out."""
    query = (
        select(Answer, Probe, Checkpoint.step, Run)
        .join(Checkpoint, col(Checkpoint.id) == Answer.checkpoint_id)
        .join(Probe, col(Probe.id) == Answer.probe_id)
        .join(Run, col(Run.id) == Checkpoint.run_id)
        .where(col(Answer.id).in_(answer_ids))
    )
    return {
        answer.id: PlacedAnswer(AnswerRecord(answer, probe, run.id, step), run.project_id)
        for answer, probe, step, run in session.exec(query).all()
        if answer.id is not None and run.id is not None
    }
