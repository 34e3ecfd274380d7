"""The page of choosing, and what is done on it: choose, and take the choice back. Works without scripts."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from beyondloss.services import choosing, runs
from beyondloss.web.choosing.pages import load_page
from beyondloss.web.render import render
from beyondloss.web.visitors import visitor_of

router = APIRouter(prefix="/runs/{reference}/choose")

_LARGEST_STEP = 2**53 - 1


@router.get("")
def show(request: Request, reference: str) -> Response:
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    return render(request, "choosing/choosing.html", load_page(store, visitor, run))


@router.post("")
def choose(
    request: Request,
    reference: str,
    step: Annotated[int, Form(ge=0, le=_LARGEST_STEP)],
    note: Annotated[str, Form(max_length=10_000)] = "",
) -> Response:
    """Choose a checkpoint; the earlier choice stays in the history."""
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    choosing.choose(store, visitor, run.id, step=step, note=note)
    return RedirectResponse(f"/runs/{run.id}/choose", 303)


@router.post("/clear")
def clear(request: Request, reference: str) -> Response:
    """Nothing is chosen any more."""
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    choosing.unchoose(store, visitor, run.id)
    return RedirectResponse(f"/runs/{run.id}/choose", 303)
