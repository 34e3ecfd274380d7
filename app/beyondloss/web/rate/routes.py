"""Rating mode: one comparison at a time, blind unless asked otherwise. Votes, undo, and the comparisons to come."""

from dataclasses import replace
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from beyondloss.errors import InvalidInput
from beyondloss.services import ratings, rounds, runs, votes
from beyondloss.services.votes import Choice, Vote
from beyondloss.web.i18n import gettext as _
from beyondloss.web.live import live_response
from beyondloss.web.rate.loading import load_page
from beyondloss.web.rate.pages import rate_path, seen_of
from beyondloss.web.rate.query import RateQuery, read_rate_query, read_shown, shown
from beyondloss.web.render import render, wants_part
from beyondloss.web.visitors import remember_rater, visitor_of

router = APIRouter(prefix="/runs/{reference}/rate")

_LARGEST_ID = 2**62
_SPLIT = "split-"
_LIVE_PARTS = {
    "rate-head": "rate/_head.html",
    "rate-progress": "rate/_progress.html",
    "rate-end": "rate/_end.html",
}
_STATE_LIMIT = 8000
State = Annotated[str, Form(max_length=_STATE_LIMIT)]


class VoteInput(BaseModel):
    """The fields of the form, and one `split-<behaviour id>` for each behaviour rated by itself."""

    model_config = ConfigDict(extra="allow")

    pair: str = Field(max_length=80)
    step: int = Field(ge=0, le=_LARGEST_ID)
    verdict: str = Field(default="", max_length=20)
    comment: str = Field(default="", max_length=20_000)
    shown_at: float | None = Field(default=None, allow_inf_nan=False)
    state: str = Field(default="", max_length=_STATE_LIMIT)


@router.get("")
def show(request: Request, reference: str) -> Response:
    store, visitor = request.app.state.store, visitor_of(request)
    page = load_page(store, visitor, reference, read_rate_query(request.query_params))
    return render(request, "rate/rate.html", page, partial=_LIVE_PARTS)


@router.get("/live")
def live(request: Request, reference: str, rev: int = 0) -> Response:
    """Whether anything has changed that this page shows: a training that logs its loss changes nothing here."""
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    if rev == run.revision:
        return live_response(run.revision, seen=rev, facts={})
    query = read_rate_query(request.query_params)
    found = rounds.open_round(
        store, run.id, visitor, step=query.step, against=query.against, sampling=query.sampling or None
    )
    return live_response(run.revision, seen=rev, facts={"seen": seen_of(found)})


@router.get("/next")
def show_next(request: Request, reference: str) -> Response:
    """The comparisons after those that the page holds (`not`), or how the round ends."""
    store, visitor = request.app.state.store, visitor_of(request)
    return render(
        request, "rate/_next.html", load_page(store, visitor, reference, read_rate_query(request.query_params))
    )


@router.post("")
def vote(request: Request, reference: str, given: Annotated[VoteInput, Form()]) -> Response:
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    query = _query(given.state)
    cast = votes.cast_vote(store, visitor, _vote(run.id, given, blind=query.blind))
    last = tuple(rating.id for rating in cast.ratings)
    return _answer(request, run.id, replace(query, last=last, last_check=cast.check.id if cast.check else None))


@router.post("/undo")
def undo(
    request: Request, reference: str, last: Annotated[str, Form(max_length=2000)] = "", state: State = ""
) -> Response:
    """Take back the vote that `last` names, or without it the visitor's newest rating in this run."""
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    said = read_rate_query({"last": last})
    undone = votes.take_back(store, visitor, run.id, said.last, check_id=said.last_check)
    at = shown(undone.answer_id, undone.reference_id, again=undone.again) if undone else None
    return _answer(request, run.id, replace(_query(state), at=at))


@router.post("/name")
def give_name(
    request: Request, reference: str, name: Annotated[str, Form(max_length=400)], state: State = ""
) -> Response:
    """A guest says who they are, once."""
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    response = RedirectResponse(_query(state).href(rate_path(run.id)), 303)
    if visitor.link is not None:
        visitor.require_rating()
        remember_rater(response, ratings.ensure_rater(store, name=name, share_link_id=visitor.link.link_id).id)
    return response


def _answer(request: Request, run_id: int, query: RateQuery) -> Response:
    """What a vote or an undo changed on the page, or, without scripts, the page."""
    if not wants_part(request):
        return RedirectResponse(query.href(rate_path(run_id)), 303)
    page = load_page(request.app.state.store, visitor_of(request), str(run_id), query)
    return render(request, "rate/_after.html", page)


def _query(state: str) -> RateQuery:
    return read_rate_query(dict(parse_qsl(state)))


def _vote(run_id: int, given: VoteInput, *, blind: bool) -> Vote:
    extra = {name: str(value) for name, value in (given.model_extra or {}).items() if name.startswith(_SPLIT) and value}
    splits = {_behaviour_id(name): _choice(value) for name, value in extra.items()}
    whole = given.verdict not in {"", "split"}
    pair = read_shown(given.pair)
    if pair is None:
        raise InvalidInput(_("That is no comparison."), hint=_("Reload the page and rate again."))
    return Vote(
        run_id=run_id,
        step=given.step,
        pair=(pair.low, pair.high),
        again=pair.again,
        choice=_choice(given.verdict) if whole else None,
        splits=splits,
        comment=given.comment,
        blind=blind,
        shown_at=given.shown_at,
    )


def _behaviour_id(name: str) -> int:
    number = name.removeprefix(_SPLIT)
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise InvalidInput(_("That is no behaviour."), hint=_("Reload the page and rate again."))
    return int(number)


def _choice(word: str) -> Choice:
    if word not in set(Choice):
        raise InvalidInput(_("That is no rating."), hint=_("Choose left, right, same, or both bad."))
    return Choice(word)
