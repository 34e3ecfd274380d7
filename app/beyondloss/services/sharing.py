"""Share links: made once shown once, hashed in the store, scoped, expiring, revocable."""

from dataclasses import dataclass

from beyondloss.domain.access import LinkScope
from beyondloss.domain.ratings import LinkRole
from beyondloss.store.engine import Store


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
    raise NotImplementedError


def list_links(store: Store) -> list[ShareLinkView]:
    """Newest first."""
    raise NotImplementedError


def revoke_link(store: Store, link_id: int) -> ShareLinkView:
    raise NotImplementedError


def open_link(store: Store, token: str) -> LinkScope:
    """Raises the same NotFound for a wrong, expired or revoked token. Notes the use."""
    raise NotImplementedError


def link_in_force(store: Store, link_id: int) -> LinkScope:
    """For a visitor who opened the link earlier. Raises NotFound once it expired or was revoked."""
    raise NotImplementedError
