"""The people who rate: one owner per store, and visitors by name within a share link."""

import time
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from beyondloss.store.insert import insert_into
from beyondloss.store.tables import Rater, Rating


@dataclass(frozen=True, slots=True)
class RaterRecord:
    """A rater with the number of their ratings in force."""

    rater: Rater
    ratings: int


def ensure_owner(session: Session, name: str) -> Rater:
    """The one owner; `name` is only used to make it. Two processes may ask at once: the unique index decides."""
    query = select(Rater).where(col(Rater.is_owner))
    found = session.exec(query).first()
    if found is None:
        _insert(session, name=name, share_link_id=None, is_owner=True)
        found = session.exec(query).one()
    return found


def ensure_guest(session: Session, name: str, share_link_id: int | None) -> Rater:
    """The link's rater of this name, in whatever letter case, made when missing."""
    query = (
        select(Rater)
        .where(
            Rater.share_link_id == share_link_id,
            ~col(Rater.is_owner),
            func.lower(Rater.name) == func.lower(name),
        )
        .order_by(col(Rater.id))
        .limit(1)
    )
    found = session.exec(query).first()
    if found is None:
        _insert(session, name=name, share_link_id=share_link_id, is_owner=False)
        found = session.exec(query).one()
    return found


def _insert(session: Session, *, name: str, share_link_id: int | None, is_owner: bool) -> None:
    statement = insert_into(session, Rater).values(
        name=name, share_link_id=share_link_id, is_owner=is_owner, created_at=time.time()
    )
    session.exec(statement.on_conflict_do_nothing())


def get_rater(session: Session, rater_id: int) -> Rater | None:
    return session.get(Rater, rater_id)


def with_count(session: Session, rater: Rater) -> RaterRecord:
    count = select(func.count()).where(
        Rating.rater_id == rater.id, col(Rating.superseded_by).is_(None), col(Rating.verdict).is_not(None)
    )
    return RaterRecord(rater, session.exec(count).one())
