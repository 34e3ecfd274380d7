"""Ratings: give, take back, list; and the name that a guest gives them under."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from beyondloss.domain.ratings import RatingDraft, Side, Verdict
from beyondloss.errors import Conflict
from beyondloss.services import ratings
from beyondloss.web.api.shapes import (
    LARGEST_ID,
    After,
    Asking,
    Id,
    In,
    Items,
    Limit,
    Out,
    Text,
    TheStore,
    find_run,
    problems,
)
from beyondloss.web.visitors import remember_rater

router = APIRouter(tags=["ratings"])


class RatingOut(Out):
    """One person's judgement: this answer against its reference is closer to what is wanted (1), as close, or less."""

    id: int
    run_id: int
    rater_id: int
    rater: str
    answer_id: int
    reference_id: int
    behaviour_id: int | None = Field(description="Null counts for every behaviour the probe examines.")
    verdict: Verdict
    both_bad: bool
    comment: str
    blind: bool
    side: Side | None
    shown_at: float | None
    rated_at: float


class RatingIn(In):
    answer_id: Id
    reference_id: Id
    behaviour_id: Id | None = None
    verdict: Verdict
    both_bad: bool = False
    comment: Annotated[Text, Field(max_length=20_000)] = ""
    blind: bool = False
    side: Annotated[Side | None, Field(description="Where the answer stood when it was rated.")] = None
    shown_at: Annotated[float | None, Field(ge=0, le=1e11, allow_inf_nan=False)] = None


class Undone(BaseModel):
    """`in_force` is the earlier rating that counts again, if there was one."""

    undone: int
    in_force: RatingOut | None


class RaterIn(In):
    name: Annotated[Text, Field(min_length=1, max_length=80)]


class RaterOut(Out):
    id: int
    name: str


@router.post("/ratings", status_code=201, responses=problems(400, 403, 404, 409, 422))
def post_rating(store: TheStore, visitor: Asking, body: RatingIn) -> RatingOut:
    """Give a rating. It supersedes the visitor's earlier one of the same comparison and behaviour."""
    visitor.require_rating()
    if visitor.rater_id is None:
        raise Conflict(
            "Ratings are given by name.", hint="Send your name to POST /api/v1/raters first.", code="no_name"
        )
    return RatingOut.model_validate(ratings.record_rating(store, visitor, RatingDraft(**body.model_dump())))


@router.get("/ratings", responses=problems(404, 422))
def list_ratings(
    *,
    store: TheStore,
    visitor: Asking,
    after: After,
    run: Annotated[str, Query(max_length=4096, description="Id or name.")],
    limit: Limit = 500,
) -> Items[RatingOut]:
    """Ratings in force, by id. A guest sees only their own."""
    run_id = find_run(store, run, visitor).id
    found = ratings.list_ratings(store, visitor, run_id, after=after, limit=limit + 1)
    items = [RatingOut.model_validate(rating) for rating in found[:limit]]
    return Items(items=items, next=str(items[-1].id) if len(found) > limit else None)


@router.delete("/ratings/{rating}", responses=problems(403, 404))
def undo_rating(store: TheStore, visitor: Asking, rating: Annotated[int, Path(ge=1, le=LARGEST_ID)]) -> Undone:
    """Take back one's own rating."""
    visitor.require_rating()
    in_force = ratings.undo_rating(store, visitor, rating)
    return Undone(undone=rating, in_force=RatingOut.model_validate(in_force) if in_force else None)


@router.post("/raters", status_code=201, responses=problems(403, 422))
def post_rater(store: TheStore, visitor: Asking, body: RaterIn, response: Response) -> RaterOut:
    """Say under which name a guest rates; kept in a cookie."""
    visitor.require_rating()
    if visitor.link is None:
        return RaterOut(id=visitor.rater_id or 0, name=visitor.rater_name)
    rater = ratings.ensure_rater(store, name=body.name, share_link_id=visitor.link.link_id)
    remember_rater(response, rater.id)
    return RaterOut.model_validate(rater)
