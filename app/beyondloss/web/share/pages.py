"""What the share pages show. Knows no database and no request."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from beyondloss.services.sharing import ShareLinkView
from beyondloss.store.scopes import ProjectRuns
from beyondloss.web.i18n import gettext as _
from beyondloss.web.i18n import ngettext

DAY_SECONDS = 24 * 3600.0
HOUR_SECONDS = 3600.0
MINUTE_SECONDS = 60.0
EXPIRIES: dict[str, float | None] = {"1": DAY_SECONDS, "7": 7 * DAY_SECONDS, "30": 30 * DAY_SECONDS, "never": None}
USUAL_EXPIRY = "7"


@dataclass(frozen=True, slots=True)
class ShareForm:
    """The form as typed. `scope` is `run:ID` or `project:ID`, as are the options it is chosen from."""

    scope: str = ""
    role: str = "rate"
    expires: str = USUAL_EXPIRY
    note: str = ""
    error: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class ScopeGroup:
    """One project's things to share."""

    project: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A new link, shown this once. `qr` is an image as a data address."""

    url: str
    qr: str
    row: "LinkRow"


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One link of the list. `href` leads to what it opens, as the owner sees it."""

    id: int
    name: str
    is_run: bool
    href: str
    may_rate: bool
    state: str
    note: str
    expiry: str
    created_at: float
    last_used_at: float | None
    raters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SharePage:
    """`only_here`: the address of new links leads teammates to their own machines; `port` is what they would need."""

    groups: tuple[ScopeGroup, ...]
    form: ShareForm
    made: MadeLink | None
    live: tuple[LinkRow, ...]
    ended: tuple[LinkRow, ...]
    only_here: bool
    port: int


@dataclass(frozen=True, slots=True)
class NamePage:
    """What a teammate sees who may rate and has not said who they are."""

    name: str
    scope_name: str
    is_run: bool
    is_owner: bool
    error: str = ""


def scope_groups(shareable: Sequence[ProjectRuns]) -> tuple[ScopeGroup, ...]:
    return tuple(
        ScopeGroup(
            project.name,
            (
                *(Choice(f"run:{run.id}", run.name) for run in project.runs),
                Choice(f"project:{project.id}", _("all runs of %(project)s") % {"project": project.name}),
            ),
        )
        for project in shareable
    )


def link_row(view: ShareLinkView) -> LinkRow:
    is_run = view.run_id is not None
    return LinkRow(
        id=view.id,
        name=view.scope_name,
        is_run=is_run,
        href=f"/runs/{view.run_id}" if is_run else f"/projects/{view.project_id}",
        may_rate=view.role == "rate",
        state=view.state,
        note=view.note,
        expiry=expiry_text(view.expires_at, state=view.state),
        created_at=view.created_at,
        last_used_at=view.last_used_at,
        raters=view.raters,
    )


def expiry_text(expires_at: float | None, *, state: str, now: float | None = None) -> str:
    """When the link ends, in words; empty once it has."""
    if state != "live":
        return ""
    if expires_at is None:
        return _("never ends")
    seconds = max(0.0, expires_at - (time.time() if now is None else now))
    if seconds >= DAY_SECONDS:
        n = round(seconds / DAY_SECONDS)
        return ngettext("ends in %(n)s day", "ends in %(n)s days", n) % {"n": n}
    if seconds >= HOUR_SECONDS:
        n = round(seconds / HOUR_SECONDS)
        return ngettext("ends in %(n)s hour", "ends in %(n)s hours", n) % {"n": n}
    n = round(seconds / MINUTE_SECONDS)
    return ngettext("ends in %(n)s minute", "ends in %(n)s minutes", n) % {"n": n}


def qr_image(url: str) -> str:
    """The QR code of an address as a `data:` address, dark on white whatever the page's colours: cameras want that."""
    import segno

    return str(segno.make(url, micro=False, error="m").svg_data_uri(scale=4, border=4, dark="#000", light="#fff"))
