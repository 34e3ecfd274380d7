"""The share page, where the owner makes and revokes links, and `/s/{token}`, which a teammate opens."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from beyondloss.domain.access import LinkScope, Visitor
from beyondloss.domain.ratings import LinkRole
from beyondloss.errors import InvalidInput, NotFound
from beyondloss.services import ratings, sharing
from beyondloss.web.addresses import is_local_url, link_url, shared_url
from beyondloss.web.i18n import gettext as _
from beyondloss.web.render import render, wants_part
from beyondloss.web.share.pages import (
    EXPIRIES,
    LinkRow,
    MadeLink,
    NamePage,
    ShareForm,
    SharePage,
    link_row,
    qr_image,
    scope_groups,
)
from beyondloss.web.visitors import link_is_over, remember_link, remember_rater, visitor_of

LARGEST_ID = 2**63 - 1
Field = Annotated[str, Form()]

router = APIRouter()


@router.get("/share")
def show_links(request: Request, run: str = "", project: str = "") -> Response:
    """`?run=ID` or `?project=ID` chooses what the form is about to share."""
    visitor_of(request).require_owner()
    chosen = f"run:{run}" if run else f"project:{project}" if project else ""
    return _render_share(request, ShareForm(scope=chosen))


def typed_form(scope: Field = "", role: Field = "", expires: Field = "", note: Field = "") -> ShareForm:
    return ShareForm(scope=scope, role=role, expires=expires, note=note)


@router.post("/share")
def make_link(request: Request, form: Annotated[ShareForm, Depends(typed_form)]) -> Response:
    """Shows the new link right in the answer: its token is known only now."""
    visitor_of(request).require_owner()
    try:
        made = _made(request, form)
    except (InvalidInput, NotFound) as error:
        return _render_share(request, replace(form, error=error.message, hint=error.hint), status=error.status)
    return _render_share(request, replace(form, note=""), made=made)


@router.post("/share/{link}/revoke")
def revoke_link(request: Request, link: Annotated[int, Path(ge=1, le=LARGEST_ID)]) -> Response:
    visitor_of(request).require_owner()
    sharing.revoke_link(request.app.state.store, link)
    if wants_part(request):
        return _render_share(request, ShareForm())
    return RedirectResponse("/share", 303)


@router.get("/s/{token}")
def open_link(request: Request, token: str) -> Response:
    """A link for viewing leads straight in; one for rating asks for a name, once."""
    scope = _scope_of(request, token)
    visitor = _visitor(request)
    if scope.role is LinkRole.VIEW or _is_known(visitor, scope):
        return _enter(scope)
    return _render_name(request, scope)


@router.post("/s/{token}")
def give_name(request: Request, token: str, name: Field = "") -> Response:
    scope = _scope_of(request, token)
    if scope.role is LinkRole.VIEW:
        return _enter(scope)
    try:
        rater = ratings.ensure_rater(request.app.state.store, name=name, share_link_id=scope.link_id)
    except InvalidInput:
        return _render_name(request, scope, name=name, error=_("Type a name of 1 to 80 characters."))
    response = _enter(scope)
    remember_rater(response, rater.id, link_id=scope.link_id)
    return response


def _made(request: Request, form: ShareForm) -> MadeLink:
    """Raises InvalidInput for what the form cannot have offered, NotFound for what is gone since."""
    kind, _colon, number = form.scope.partition(":")
    if kind not in {"run", "project"} or not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise InvalidInput(_("Choose what to share."))
    if form.role not in {role.value for role in LinkRole} or form.expires not in EXPIRIES:
        raise InvalidInput(_("Choose what the link allows, and for how long."))
    view = sharing.make_link(
        request.app.state.store,
        run_id=int(number) if kind == "run" else None,
        project_id=int(number) if kind == "project" else None,
        role=LinkRole(form.role),
        expires_in_seconds=EXPIRIES[form.expires],
        note=form.note,
    )
    url = link_url(request, view.token or "")
    return MadeLink(url=url, qr=qr_image(url), row=link_row(view))


def _render_share(request: Request, form: ShareForm, *, made: MadeLink | None = None, status: int = 200) -> Response:
    store = request.app.state.store
    rows: list[LinkRow] = [link_row(view) for view in sharing.list_links(store)]
    url = shared_url(request)
    page = SharePage(
        groups=scope_groups(sharing.list_shareable(store)),
        form=form,
        made=made,
        live=tuple(row for row in rows if row.state == "live"),
        ended=tuple(row for row in rows if row.state != "live"),
        only_here=is_local_url(url),
        port=request.url.port or request.app.state.settings.port,
    )
    return render(request, "share/share.html", page, partial="share/_share.html", status=status)


def _scope_of(request: Request, token: str) -> LinkScope:
    """Wrong, expired or revoked: the same words for all three, in the visitor's language."""
    try:
        return sharing.open_link(request.app.state.store, token)
    except NotFound as error:
        raise link_is_over() from error


def _visitor(request: Request) -> Visitor | None:
    """Who they were before; None for somebody new."""
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    return visitor


def _is_known(visitor: Visitor | None, scope: LinkScope) -> bool:
    return (
        visitor is not None
        and visitor.link is not None
        and visitor.link.link_id == scope.link_id
        and visitor.rater_id is not None
    )


def _enter(scope: LinkScope) -> Response:
    """Who may rate starts with the first comparison, blind; a project's guest at the list of its runs."""
    rate = "/rate" if scope.role is LinkRole.RATE else ""
    response = RedirectResponse(f"/runs/{scope.run_id}{rate}" if scope.run_id is not None else "/", 303)
    response.headers["Cache-Control"] = "no-store"
    remember_link(response, scope.link_id)
    return response


def _render_name(request: Request, scope: LinkScope, *, name: str = "", error: str = "") -> Response:
    visitor = _visitor(request)
    page = NamePage(
        name=name,
        scope_name=sharing.scope_name(request.app.state.store, scope),
        is_run=scope.run_id is not None,
        is_owner=visitor is not None and visitor.is_owner,
        error=error,
    )
    return render(request, "share/name.html", page, status=400 if error else 200, headers={"X-Robots-Tag": "noindex"})
