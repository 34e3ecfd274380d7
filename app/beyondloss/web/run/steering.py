"""Asking a training to save or to stop: first a page that says what will happen, then the request. The owner's only."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from beyondloss.domain.steering import Order
from beyondloss.services import runs, steering
from beyondloss.web.render import render
from beyondloss.web.run.pages import run_path
from beyondloss.web.visitors import visitor_of

router = APIRouter(prefix="/runs/{reference}/steer")


@dataclass(frozen=True, slots=True)
class SteerPage:
    """Asks before the training is told. `listening`: somebody is there to hear it."""

    name: str
    path: str
    order: Order
    listening: bool


@router.get("/{order}")
def confirm(request: Request, reference: str, order: Order) -> Response:
    store, visitor = request.app.state.store, visitor_of(request)
    visitor.require_owner()
    run = runs.find_run(store, reference, visitor)
    steered = steering.steering_of(store, visitor, run.id, run.state)
    page = SteerPage(run.name, run_path(run.id), order, listening=steered is not None and steered.listening)
    return render(request, "run/steer.html", page)


@router.post("/{order}")
def ask(request: Request, reference: str, order: Order) -> Response:
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    steering.ask(store, visitor, run.id, order)
    return RedirectResponse(run_path(run.id), 303)
