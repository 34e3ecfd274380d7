"""What a comparison needs beyond answers and ratings: which steps can be compared, and answers by their own ids."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import exists
from sqlmodel import Session, col, select

from beyondloss.domain.runs import CheckpointState
from beyondloss.store.answers import AnswerRecord
from beyondloss.store.tables import Answer, Checkpoint, Probe, Rating, Run


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


@dataclass(frozen=True, slots=True)
class AnswerPlace:
    """Where an answer belongs, without its text."""

    run_id: int
    run: str
    step: int
    probe_id: int

    def other_run(self, run_id: int) -> str:
        """The run's name, empty if it is this one."""
        return "" if self.run_id == run_id else self.run


def rated_places(session: Session, run_id: int) -> dict[int, AnswerPlace]:
    """By answer id, both answers of everything that was ever rated in a run."""
    rated, references = (
        select(column).where(Rating.run_id == run_id) for column in (Rating.answer_id, Rating.reference_id)
    )
    query = (
        select(Answer.id, Run.id, Run.name, Checkpoint.step, Answer.probe_id)  # type: ignore[call-overload]
        .join(Checkpoint, col(Checkpoint.id) == Answer.checkpoint_id)
        .join(Run, col(Run.id) == Checkpoint.run_id)
        .where(col(Answer.id).in_(rated) | col(Answer.id).in_(references))
    )
    return {answer_id: AnswerPlace(*place) for answer_id, *place in session.exec(query).all()}
