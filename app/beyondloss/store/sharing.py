"""Share links by the hash of their token. The token itself never reaches the store."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, update
from sqlmodel import Session, col, select

from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Project, Rater, Run, ShareLink


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """A link with the name of what it opens and the names given through it, in the order of their first visit."""

    link: ShareLink
    run_name: str | None
    project_name: str | None
    raters: tuple[str, ...]


def get_link(session: Session, link_id: int) -> ShareLink | None:
    return session.get(ShareLink, link_id)


def link_by_hash(session: Session, token_hash: str) -> ShareLink | None:
    return session.exec(select(ShareLink).where(ShareLink.token_hash == token_hash)).first()


def link_records(session: Session, *, link_id: int | None = None) -> list[LinkRecord]:
    """All links, newest first, or one of them. Two queries."""
    query = (
        select(ShareLink, Run.name, Project.name)
        .outerjoin(Run, col(Run.id) == ShareLink.run_id)
        .outerjoin(Project, col(Project.id) == ShareLink.project_id)
        .order_by(col(ShareLink.id).desc())
    )
    if link_id is not None:
        query = query.where(ShareLink.id == link_id)
    rows: Sequence[tuple[ShareLink, str | None, str | None]] = session.exec(query).all()
    names = _rater_names(session, [stored_id(link.id) for link, _, _ in rows])
    return [LinkRecord(link, run, project, tuple(names[stored_id(link.id)])) for link, run, project in rows]


def _rater_names(session: Session, link_ids: Collection[int]) -> dict[int, list[str]]:
    query = (
        select(Rater.share_link_id, Rater.name).where(col(Rater.share_link_id).in_(link_ids)).order_by(col(Rater.id))
    )
    names: dict[int, list[str]] = defaultdict(list)
    for link_id, name in session.exec(query).all():
        names[stored_id(link_id)].append(name)
    return names


def add_link(session: Session, link: ShareLink) -> ShareLink:
    session.add(link)
    session.flush()
    return link


def revoke(session: Session, link_id: int, *, now: float) -> None:
    """Once revoked stays revoked, at the first moment."""
    session.exec(
        update(ShareLink)
        .where(col(ShareLink.id) == link_id, col(ShareLink.revoked_at).is_(None))
        .values(revoked_at=now)
    )


def note_use(session: Session, link_id: int, *, now: float, every_seconds: float) -> None:
    """Remember that the link was used, unless that was remembered less than `every_seconds` ago."""
    used = col(ShareLink.last_used_at)
    session.exec(
        update(ShareLink)
        .where(col(ShareLink.id) == link_id, or_(used.is_(None), used <= now - every_seconds))
        .values(last_used_at=now)
    )
