"""Quality checks of rating mode: repeats with the sides swapped, and two samples of the base against each other."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from beyondloss.domain.ratings import CheckKind
from beyondloss.domain.runs import BASE_STEP
from beyondloss.store.tables import Answer, Checkpoint, QualityCheck, RatingSettings


@dataclass(frozen=True, slots=True)
class BasePair:
    """Two different answers of the base to one probe, the lower sample first."""

    probe_id: int
    answer_id: int
    reference_id: int


def is_on(session: Session, run_id: int) -> bool:
    found = session.get(RatingSettings, run_id)
    return found is not None and found.quality_checks


def switch(session: Session, run_id: int, *, on: bool) -> None:
    settings = session.get(RatingSettings, run_id) or RatingSettings(run_id=run_id)
    settings.quality_checks = on
    session.add(settings)
    session.flush()


def base_pairs(session: Session, run_id: int, *, sampling_id: int, probe_ids: Collection[int]) -> list[BasePair]:
    """Of the base's current answers: pairs of samples that differ. None where the base answers once, or greedily."""
    other = aliased(Answer)
    query = (
        select(Answer.probe_id, Answer.id, other.id)
        .join(Checkpoint, col(Checkpoint.id) == col(Answer.checkpoint_id))
        .join(other, _is_later_sample(other))
        .where(
            Checkpoint.run_id == run_id,
            Checkpoint.step == BASE_STEP,
            Answer.sampling_id == sampling_id,
            Answer.fingerprint == Checkpoint.fingerprint,
            col(Answer.probe_id).in_(probe_ids),
            col(Answer.text) != col(other.text),
        )
        .order_by(col(Answer.id), col(other.id))
    )
    rows = session.exec(query).all()
    return [BasePair(probe, one, two) for probe, one, two in rows if one is not None and two is not None]


def count_base_pairs(session: Session, run_id: int) -> int:
    """How many pairs of the base's own current answers differ, whatever the sampling."""
    other = aliased(Answer)
    query = (
        select(func.count())
        .select_from(Answer)
        .join(Checkpoint, col(Checkpoint.id) == col(Answer.checkpoint_id))
        .join(other, _is_later_sample(other))
        .where(
            Checkpoint.run_id == run_id,
            Checkpoint.step == BASE_STEP,
            Answer.fingerprint == Checkpoint.fingerprint,
            col(Answer.text) != col(other.text),
        )
    )
    return session.exec(query).one()


def _is_later_sample(other: type[Answer]) -> ColumnElement[bool]:
    """Another answer of the same checkpoint to the same question, with noise of its own."""
    return (
        (col(other.checkpoint_id) == col(Answer.checkpoint_id))
        & (col(other.probe_id) == col(Answer.probe_id))
        & (col(other.sampling_id) == col(Answer.sampling_id))
        & (col(other.fingerprint) == col(Answer.fingerprint))
        & (col(other.sample_index) > col(Answer.sample_index))
    )


def checks_of(session: Session, run_id: int, *, rater_id: int | None = None) -> Sequence[QualityCheck]:
    """Everybody's or one rater's, in the order they were given."""
    query = select(QualityCheck).where(QualityCheck.run_id == run_id).order_by(col(QualityCheck.id))
    if rater_id is not None:
        query = query.where(QualityCheck.rater_id == rater_id)
    return session.exec(query).all()


def get_check(session: Session, check_id: int) -> QualityCheck | None:
    return session.get(QualityCheck, check_id)


def find_check(session: Session, *, rater_id: int, answer_id: int, reference_id: int) -> QualityCheck | None:
    query = select(QualityCheck).where(
        QualityCheck.rater_id == rater_id,
        QualityCheck.answer_id == answer_id,
        QualityCheck.reference_id == reference_id,
    )
    return session.exec(query).first()


def record(session: Session, check: QualityCheck) -> QualityCheck:
    session.add(check)
    session.flush()
    return check


def take_back(session: Session, check: QualityCheck) -> None:
    session.delete(check)
    session.flush()


def base_means(session: Session, run_id: int) -> list[float]:
    """One value per probe of which the base was rated against itself: the mean over its raters and pairs."""
    query = (
        select(Answer.probe_id, QualityCheck.verdict)
        .join(Answer, col(Answer.id) == col(QualityCheck.answer_id))
        .where(QualityCheck.run_id == run_id, QualityCheck.kind == CheckKind.BASE.value)
    )
    by_probe: dict[int, list[int]] = defaultdict(list)
    for probe_id, verdict in session.exec(query).all():
        by_probe[probe_id].append(verdict)
    return [fmean(verdicts) for verdicts in by_probe.values()]
