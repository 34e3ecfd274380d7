"""The run page and what is done on it: rate, comment, undo, ask for answers, say where the base is, delete."""

import json
from dataclasses import replace
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from beyondloss.services import answers, ratings, runs, steering
from beyondloss.web.i18n import gettext as _
from beyondloss.web.live import live_response
from beyondloss.web.render import render, wants_part
from beyondloss.web.run.loading import find_page
from beyondloss.web.run.pages import DeletionPage, Rated, body_hash, find_card, run_path
from beyondloss.web.run.query import RunQuery, read_query
from beyondloss.web.run.rating import RatingInput, record, told
from beyondloss.web.visitors import remember_rater, visitor_of

router = APIRouter(prefix="/runs/{reference}")

_STATE_LIMIT = 8000
State = Annotated[str, Form(max_length=_STATE_LIMIT)]


@router.get("")
def show_run(request: Request, reference: str) -> Response:
    """The page, or its body for htmx: `go` says how its address enters the browser's history."""
    page = find_page(request.app.state.store, visitor_of(request), reference, read_query(request.query_params))
    headers = {
        "push": {"HX-Push-Url": page.here},
        "replace": {"HX-Replace-Url": page.here},
    }.get(request.query_params.get("go", ""))
    return render(request, "run/run.html", page, partial="run/_body.html", headers=headers)


@router.get("/live")
def live(request: Request, reference: str, rev: int = 0) -> Response:
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    steered = steering.steering_of(store, visitor, run.id, run.state)
    last_step = max(checkpoint.step for checkpoint in run.checkpoints)
    facts = {"state": run.state.value, "last_step": last_step, "seen": body_hash(run, steered)}
    return live_response(run.revision, seen=rev, facts=facts)


@router.post("/ratings")
def rate(request: Request, reference: str, given: Annotated[RatingInput, Form()]) -> Response:
    store, visitor = request.app.state.store, visitor_of(request)
    recorded = record(store, visitor, given)
    query = _shown(given.state, kept=given.card)
    page = find_page(store, visitor, reference, query)
    card = find_card(page, answer_id=given.answer_id, reference_id=given.reference_id)
    if card is None or not wants_part(request):
        return _back(page.head.path, given.state, anchor=given.card)
    headers = _event("rated", text=told(recorded), label=_("Undo"))
    return render(request, "run/_rated.html", Rated(page, card), headers=headers)


@router.post("/name")
def give_name(
    request: Request, reference: str, name: Annotated[str, Form(max_length=400)], state: State = ""
) -> Response:
    """A guest says who they are, once."""
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    response = _back(run_path(run.id), state)
    if visitor.link is not None:
        visitor.require_rating()
        remember_rater(response, ratings.ensure_rater(store, name=name, share_link_id=visitor.link.link_id).id)
    return response


@router.post("/undo")
def undo(request: Request, reference: str, state: State = "", kept: State = "") -> Response:
    """Take back the visitor's newest rating in this run."""
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    undone = ratings.undo_last(store, visitor, run.id)
    if not wants_part(request):
        return _back(run_path(run.id), state)
    page = find_page(store, visitor, str(run.id), _shown(state, kept=kept))
    text = _("There is no rating of yours to take back.")
    if undone:
        text = _("Your earlier rating is back.") if undone[1] else _("The rating is taken back.")
    return render(request, "run/_body.html", page, headers=_event("toast", text=text))


@router.post("/answers")
def ask(request: Request, reference: str, state: State = "", step: Annotated[int | None, Form()] = None) -> Response:
    """Ask for what is missing: of one checkpoint, or of all."""
    store, visitor = request.app.state.store, visitor_of(request)
    visitor.require_owner()
    run = runs.find_run(store, reference, visitor)
    jobs = answers.request_answers(store, run.id, steps=None if step is None else [step])
    if not wants_part(request):
        return _back(run_path(run.id), state)
    text = _("Asked. The answers appear as they come in.") if jobs else _("No answer is missing.")
    return Response(status_code=204, headers=_event("toast", text=text))


@router.post("/base")
def map_base(
    request: Request, reference: str, path: Annotated[str, Form(max_length=4000)], state: State = ""
) -> Response:
    """Remember where the run's base model lies, or, where the run does not say it, what its base model is."""
    store, visitor = request.app.state.store, visitor_of(request)
    visitor.require_owner()
    run = runs.find_run(store, reference, visitor)
    if run.base_model:
        runs.map_base_model(store, run.project_id, name=run.base_model, path=path)
    else:
        runs.name_base_model(store, run.id, path)
    return _back(run_path(run.id), state)


@router.get("/delete")
def ask_to_delete(request: Request, reference: str) -> Response:
    store, visitor = request.app.state.store, visitor_of(request)
    visitor.require_owner()
    run = runs.find_run(store, reference, visitor)
    count = runs.count_deletion(store, run.id)
    return render(request, "run/delete.html", DeletionPage(run.name, run_path(run.id), run.output_dir, count))


@router.post("/delete")
def delete(request: Request, reference: str) -> Response:
    store, visitor = request.app.state.store, visitor_of(request)
    visitor.require_owner()
    runs.delete_run(store, runs.find_run(store, reference, visitor).id)
    return RedirectResponse("/", 303)


def _shown(state: str, *, kept: str) -> RunQuery:
    """The page's state as a form carries it, with cards that stay in spite of filters."""
    return replace(read_query(dict(parse_qsl(state))), kept=frozenset(kept.split(",")) - {""})


def _back(path: str, state: str, *, anchor: str = "") -> RedirectResponse:
    """To the page as it was, for a browser without scripts."""
    address = read_query(dict(parse_qsl(state))).href(path)
    return RedirectResponse(f"{address}#card-{anchor}" if anchor.replace("-", "").isalnum() else address, 303)


def _event(name: str, **detail: str) -> dict[str, str]:
    """An event for the page's scripts. Headers are ASCII, so other characters travel escaped."""
    return {"HX-Trigger": json.dumps({name: detail}, ensure_ascii=True)}
