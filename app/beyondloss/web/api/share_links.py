"""Share links: make, list, revoke. The owner's alone."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import Field

from beyondloss.domain.ratings import LinkRole
from beyondloss.services import sharing
from beyondloss.services.sharing import ShareLinkView
from beyondloss.web.addresses import link_url
from beyondloss.web.api.shapes import LARGEST_ID, Id, In, Items, Out, OwnerAsking, Text, TheStore, problems

router = APIRouter(tags=["share links"])
DAY_SECONDS = 86400


class ShareLinkOut(Out):
    """`token` and `url` are given once, by the call that made the link."""

    id: int
    url: str | None
    token: str | None
    role: LinkRole
    run_id: int | None
    project_id: int | None
    scope: str
    note: str
    state: str = Field(description="live, expired or revoked")
    created_at: float
    expires_at: float | None
    last_used_at: float | None
    raters: list[str]


class ShareLinkIn(In):
    """Exactly one of `run_id` and `project_id`."""

    run_id: Id | None = None
    project_id: Id | None = None
    role: LinkRole = LinkRole.VIEW
    expires_in_days: Annotated[float | None, Field(gt=0, le=36_500, allow_inf_nan=False)] = None
    note: Annotated[Text, Field(max_length=500)] = ""


@router.post("/share-links", status_code=201, responses=problems(400, 403, 404, 422))
def post_link(request: Request, store: TheStore, _visitor: OwnerAsking, body: ShareLinkIn) -> ShareLinkOut:
    """Make a link. Anybody who has it gets in, so treat it like a key."""
    days = body.expires_in_days
    link = sharing.make_link(
        store,
        run_id=body.run_id,
        project_id=body.project_id,
        role=body.role,
        expires_in_seconds=None if days is None else days * DAY_SECONDS,
        note=body.note,
    )
    return _link_out(request, link)


@router.get("/share-links", responses=problems(403))
def list_links(request: Request, store: TheStore, _visitor: OwnerAsking) -> Items[ShareLinkOut]:
    """Newest first."""
    return Items(items=[_link_out(request, link) for link in sharing.list_links(store)])


@router.delete("/share-links/{link}", responses=problems(403, 404))
def revoke_link(
    request: Request, store: TheStore, _visitor: OwnerAsking, link: Annotated[int, Path(ge=1, le=LARGEST_ID)]
) -> ShareLinkOut:
    """Revoke it: from now on it leads nowhere."""
    return _link_out(request, sharing.revoke_link(store, link))


def _link_out(request: Request, view: ShareLinkView) -> ShareLinkOut:
    fields = {name: getattr(view, name) for name in ShareLinkOut.model_fields if name != "url"}
    return ShareLinkOut.model_validate(fields | {"url": link_url(request, view.token) if view.token else None})
