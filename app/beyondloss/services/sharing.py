"""Share links: made once shown once, hashed in the store, scoped, expiring, revocable."""

import hashlib
import secrets
import time
from dataclasses import dataclass, replace

from sqlmodel import Session

from beyondloss.domain.access import LinkScope
from beyondloss.domain.ratings import LinkRole
from beyondloss.domain.text import storable
from beyondloss.errors import InvalidInput, NotFound
from beyondloss.store import scopes, sharing
from beyondloss.store.engine import Store
from beyondloss.store.rows import stored_id
from beyondloss.store.scopes import ProjectRuns
from beyondloss.store.sharing import LinkRecord
from beyondloss.store.tables import ShareLink

TOKEN_BYTES = 32
USE_NOTED_EVERY_SECONDS = 60.0
LONGEST_LIFE_SECONDS = 100 * 365 * 24 * 3600.0
MOST_NOTE_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class ShareLinkView:
    """`token` is set only in the answer that made the link. `state`: live, expired, revoked."""

    id: int
    role: LinkRole
    run_id: int | None
    project_id: int | None
    scope: str
    """In words: "run support-v3" or "project default"."""
    note: str
    state: str
    created_at: float
    expires_at: float | None
    last_used_at: float | None
    raters: tuple[str, ...]
    token: str | None = None
    scope_name: str = ""
    """The name alone of the run or project."""


def list_shareable(store: Store) -> list[ProjectRuns]:
    """Everything a link can open: projects by name, each with its runs, newest first; archived runs left out."""
    with store.read() as session:
        return scopes.projects_with_runs(session)


def scope_name(store: Store, scope: LinkScope) -> str:
    """The name of the run or project that a link opens."""
    with store.read() as session:
        if scope.run_id is not None:
            return scopes.run_name(session, scope.run_id) or ""
        return scopes.project_name(session, scope.project_id or 0) or ""


def make_link(
    store: Store,
    *,
    run_id: int | None,
    project_id: int | None,
    role: LinkRole,
    expires_in_seconds: float | None,
    note: str = "",
) -> ShareLinkView:
    """Raises InvalidInput unless exactly one of run_id and project_id is given, NotFound if it does not exist."""
    if (run_id is None) == (project_id is None):
        raise InvalidInput("A link opens one run or one project.", hint="Give either a run or a project.")
    if expires_in_seconds is not None and not 0 < expires_in_seconds <= LONGEST_LIFE_SECONDS:
        raise InvalidInput("That expiry cannot be.", hint="Choose a time ahead of at most a hundred years, or never.")
    note = " ".join(storable(note).split())
    if len(note) > MOST_NOTE_CHARACTERS:
        raise InvalidInput("The note is too long.", hint=f"Use at most {MOST_NOTE_CHARACTERS} characters.")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    now = time.time()
    with store.write() as session:
        _require_scope(session, run_id=run_id, project_id=project_id)
        link = sharing.add_link(
            session,
            ShareLink(
                token_hash=_hash(token),
                run_id=run_id,
                project_id=project_id,
                role=role.value,
                note=note,
                expires_at=None if expires_in_seconds is None else now + expires_in_seconds,
                created_at=now,
            ),
        )
        return replace(_find(session, stored_id(link.id)), token=token)


def list_links(store: Store) -> list[ShareLinkView]:
    """Newest first."""
    now = time.time()
    with store.read() as session:
        return [_view(record, now) for record in sharing.link_records(session)]


def revoke_link(store: Store, link_id: int) -> ShareLinkView:
    """Ends the link at once, also for those who have opened it. Revoking twice changes nothing."""
    with store.write() as session:
        sharing.revoke(session, link_id, now=time.time())
        return _find(session, link_id)


def open_link(store: Store, token: str) -> LinkScope:
    """Raises the same NotFound for a wrong, expired or revoked token. Notes the use."""
    now = time.time()
    with store.read() as session:
        link = sharing.link_by_hash(session, _hash(token))
        scope = _scope_in_force(link, now)
        stale = _use_is_stale(link, now)
    if stale:
        _note_use(store, scope.link_id, now)
    return scope


def link_in_force(store: Store, link_id: int) -> LinkScope:
    """For a visitor who opened the link earlier. Raises NotFound once it expired or was revoked. Notes the use."""
    now = time.time()
    with store.read() as session:
        link = sharing.get_link(session, link_id)
        scope = _scope_in_force(link, now)
        stale = _use_is_stale(link, now)
    if stale:
        _note_use(store, scope.link_id, now)
    return scope


def _hash(token: str) -> str:
    """The token has 256 random bits, so a plain hash is as good as a slow one, and its look-up tells nothing."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _scope_in_force(link: ShareLink | None, now: float) -> LinkScope:
    if link is None or _state(link, now) != "live":
        raise NotFound(
            "This link does not work (any more).", hint="Ask the person who shared it for a new one.", code="no_link"
        )
    return LinkScope(
        link_id=stored_id(link.id), role=LinkRole(link.role), run_id=link.run_id, project_id=link.project_id
    )


def _use_is_stale(link: ShareLink | None, now: float) -> bool:
    return link is not None and (link.last_used_at is None or now - link.last_used_at >= USE_NOTED_EVERY_SECONDS)


def _note_use(store: Store, link_id: int, now: float) -> None:
    with store.write() as session:
        sharing.note_use(session, link_id, now=now, every_seconds=USE_NOTED_EVERY_SECONDS)


def _state(link: ShareLink, now: float) -> str:
    if link.revoked_at is not None:
        return "revoked"
    return "expired" if link.expires_at is not None and link.expires_at <= now else "live"


def _require_scope(session: Session, *, run_id: int | None, project_id: int | None) -> None:
    if run_id is not None and scopes.run_name(session, run_id) is None:
        raise NotFound("There is no such run.", hint="The runs list shows every run.")
    if project_id is not None and scopes.project_name(session, project_id) is None:
        raise NotFound("There is no such project.", hint="The runs list names every project.")


def _find(session: Session, link_id: int) -> ShareLinkView:
    for record in sharing.link_records(session, link_id=link_id):
        return _view(record, time.time())
    raise NotFound("There is no such link.", hint="Reload the page: it may be gone.")


def _view(record: LinkRecord, now: float) -> ShareLinkView:
    link = record.link
    name = record.run_name if link.run_id is not None else record.project_name
    return ShareLinkView(
        id=stored_id(link.id),
        role=LinkRole(link.role),
        run_id=link.run_id,
        project_id=link.project_id,
        scope=f"{'run' if link.run_id is not None else 'project'} {name}",
        note=link.note,
        state=_state(link, now),
        created_at=link.created_at,
        expires_at=link.expires_at,
        last_used_at=link.last_used_at,
        raters=record.raters,
        scope_name=name or "",
    )
