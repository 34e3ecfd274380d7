"""Ratings: an append-only log. Whoever appends has bumped the run first, so two of them never see the same head."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Answer, Behaviour, Checkpoint, ProbeBehaviour, Rater, Rating, Run


@dataclass(frozen=True, slots=True)
class RatingRecord:
    """A rating with the name of who gave it."""

    rating: Rating
    rater_name: str


@dataclass(frozen=True, slots=True)
class RatedAnswer:
    """Where an answer belongs: what must hold of it before it is rated."""

    answer_id: int
    probe_id: int
    run_id: int
    project_id: int


def rated_answers(session: Session, answer_ids: Collection[int]) -> dict[int, RatedAnswer]:
    """By answer id; ids that do not exist are left out."""
    query = (
        select(Answer.id, Answer.probe_id, Checkpoint.run_id, Run.project_id)
        .join(Checkpoint, col(Checkpoint.id) == Answer.checkpoint_id)
        .join(Run, col(Run.id) == Checkpoint.run_id)
        .where(col(Answer.id).in_(answer_ids))
    )
    rows = session.exec(query).all()
    return {
        stored_id(answer): RatedAnswer(stored_id(answer), probe, run, project) for answer, probe, run, project in rows
    }


def examines(session: Session, probe_id: int, behaviour_id: int) -> bool:
    """Whether the probe examines this behaviour, and nobody has archived it."""
    query = (
        select(Behaviour.id)
        .join(ProbeBehaviour, col(ProbeBehaviour.behaviour_id) == Behaviour.id)
        .where(ProbeBehaviour.probe_id == probe_id, Behaviour.id == behaviour_id, ~col(Behaviour.archived))
    )
    return session.exec(query).first() is not None


def get_rating(session: Session, rating_id: int) -> Rating | None:
    """Read anew: the run may have been locked since it was last seen."""
    return session.get(Rating, rating_id, populate_existing=True)


def head(
    session: Session, *, rater_id: int, answer_id: int, reference_id: int, behaviour_id: int | None
) -> Rating | None:
    """The last entry of one person's log for one comparison and behaviour, in force or undone."""
    query = select(Rating).where(
        Rating.rater_id == rater_id,
        Rating.answer_id == answer_id,
        Rating.reference_id == reference_id,
        Rating.behaviour_id == behaviour_id,
        col(Rating.superseded_by).is_(None),
    )
    return session.exec(query).first()


def shown_before(session: Session, *, rater_id: int, answer_id: int, reference_id: int, shown_at: float | None) -> bool:
    """Whether this person has rated this comparison, or taken a rating back, in an earlier showing than this one."""
    query = select(Rating.shown_at).where(
        Rating.rater_id == rater_id, Rating.answer_id == answer_id, Rating.reference_id == reference_id
    )
    return any(earlier is None or earlier != shown_at for earlier in session.exec(query).all())


def append(session: Session, rating: Rating, *, superseding: Rating | None) -> Rating:
    """Put a rating at the end of its log."""
    session.add(rating)
    session.flush()
    if superseding is not None:
        superseding.superseded_by = rating.id
        session.add(superseding)
        session.flush()
    return rating


def undo(session: Session, rating: Rating) -> Rating:
    """Append what was in force before this rating, or the mark that nothing was. Gives the appended row."""
    before = session.get(Rating, rating.replaces) if rating.replaces is not None else None
    kept: dict[str, Any] = (before or rating).model_dump(exclude={"id", "superseded_by", "replaces"})
    if before is None:
        kept |= {"verdict": None, "both_bad": False, "comment": "", "rated_at": time.time()}
    return append(session, Rating(**kept, replaces=before.replaces if before else None), superseding=rating)


def newest_in_force(session: Session, *, run_id: int, rater_id: int) -> Rating | None:
    """The person's last rating of a run that is in force: an undo's copy counts at its first moment."""
    query = (
        select(Rating)
        .where(Rating.run_id == run_id, Rating.rater_id == rater_id, *_in_force())
        .order_by(col(Rating.rated_at).desc(), col(Rating.id).desc())
        .limit(1)
    )
    return session.exec(query).first()


def rating_records(
    session: Session, *, run_id: int, rater_id: int | None = None, after: int = 0, limit: int | None = None
) -> list[RatingRecord]:
    """Ratings in force of a run by id, of everybody or of one rater."""
    query = _records().where(Rating.run_id == run_id, col(Rating.id) > after)
    if rater_id is not None:
        query = query.where(Rating.rater_id == rater_id)
    return _all(session, query.limit(limit))


def rating_record(session: Session, rating_id: int) -> RatingRecord | None:
    return next(iter(_all(session, _records().where(Rating.id == rating_id))), None)


def comparison_ratings(session: Session, *, rater_id: int, answer_ids: Collection[int]) -> list[RatingRecord]:
    """One person's ratings in force of these answers, against whatever reference, by id."""
    return _all(session, _records().where(Rating.rater_id == rater_id, col(Rating.answer_id).in_(answer_ids)))


def _records() -> Select[Rating, str]:
    return select(Rating, Rater.name).join(Rater, col(Rater.id) == Rating.rater_id).where(*_in_force())


def _all(session: Session, query: Select[Rating, str]) -> list[RatingRecord]:
    return [RatingRecord(rating, name) for rating, name in session.exec(query.order_by(col(Rating.id))).all()]


def _in_force() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(Rating.superseded_by).is_(None), col(Rating.verdict).is_not(None)
