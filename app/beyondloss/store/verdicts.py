"""What verdicts count: pairs of answers, equal or not, and the ratings in force. No text leaves the database."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from beyondloss.domain.runs import BASE_STEP
from beyondloss.store.tables import Answer, Checkpoint, Rating


@dataclass(frozen=True, slots=True)
class PairRecord:
    """One probe's (and sample's) answer at `step` with its reference."""

    step: int
    probe_id: int
    answer_id: int
    reference_id: int
    changed: bool


@dataclass(frozen=True, slots=True)
class GivenRating:
    """One rating in force, as numbers."""

    rater_id: int
    answer_id: int
    reference_id: int
    behaviour_id: int | None
    verdict: int
    rated_at: float
    both_bad: bool = False


def answer_pairs(
    session: Session,
    run_id: int,
    *,
    sampling_id: int,
    probe_ids: Collection[int],
    against_step: int,
    against_run_id: int | None = None,
    step: int | None = None,
) -> list[PairRecord]:
    """Current answers of one step, or of every step, beside those of `against_step`; probes without both left out.

    `against_run_id` is the run of the reference, this one by default.
    """
    reference, reference_point = aliased(Answer), aliased(Checkpoint)
    changed = col(Answer.text) != col(reference.text)
    query = (
        select(Checkpoint.step, Answer.probe_id, Answer.id, reference.id, changed)  # type: ignore[call-overload]
        .select_from(Checkpoint)
        .join(Answer, col(Answer.checkpoint_id) == col(Checkpoint.id))
        .join(
            reference_point,
            (col(reference_point.run_id) == (against_run_id or run_id)) & (col(reference_point.step) == against_step),
        )
        .join(
            reference,
            (col(reference.checkpoint_id) == col(reference_point.id))
            & (col(reference.probe_id) == col(Answer.probe_id))
            & (col(reference.sampling_id) == col(Answer.sampling_id))
            & (col(reference.sample_index) == col(Answer.sample_index))
            & (col(reference.fingerprint) == col(reference_point.fingerprint)),
        )
        .where(
            Checkpoint.run_id == run_id,
            col(Checkpoint.id) != col(reference_point.id),
            Answer.sampling_id == sampling_id,
            Answer.fingerprint == Checkpoint.fingerprint,
            col(Answer.probe_id).in_(probe_ids),
        )
    )
    if step is not None:
        query = query.where(Checkpoint.step == step)
    return [
        PairRecord(at, probe_id, answer_id, reference_id, bool(differs))
        for at, probe_id, answer_id, reference_id, differs in session.exec(query).all()
        if answer_id is not None and reference_id is not None
    ]


def rated_steps(session: Session, run_id: int) -> list[int]:
    """Steps of a run whose answers have ratings in force, the newest first."""
    query = (
        select(Checkpoint.step)
        .join(Answer, col(Answer.checkpoint_id) == col(Checkpoint.id))
        .join(Rating, col(Rating.answer_id) == col(Answer.id))
        .where(Rating.run_id == run_id, col(Rating.superseded_by).is_(None), col(Rating.verdict).is_not(None))
        .where(Checkpoint.run_id == run_id, Checkpoint.step != BASE_STEP)
        .distinct()
        .order_by(col(Checkpoint.step).desc())
    )
    return list(session.exec(query).all())


def given_ratings(session: Session, run_id: int) -> list[GivenRating]:
    """Every rating in force of a run, whoever gave it, in the order they were given."""
    query = (
        select(
            Rating.rater_id,
            Rating.answer_id,
            Rating.reference_id,
            Rating.behaviour_id,
            Rating.verdict,
            Rating.rated_at,
            Rating.both_bad,
        )  # type: ignore[call-overload]
        .where(Rating.run_id == run_id, col(Rating.superseded_by).is_(None), col(Rating.verdict).is_not(None))
        .order_by(col(Rating.rated_at), col(Rating.id))
    )
    return [GivenRating(*row) for row in session.exec(query).all()]
