"""The raters' page of a run."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from beyondloss.services import checks, runs
from beyondloss.services.agreement import agreement_of
from beyondloss.web.live import live_response
from beyondloss.web.raters.pages import RatersQuery, build_page, seen_of
from beyondloss.web.render import render
from beyondloss.web.visitors import visitor_of

router = APIRouter(prefix="/runs/{reference}/raters")

_LARGEST_STEP = 2**53 - 1
Step = Annotated[int | None, Query(ge=0, le=_LARGEST_STEP)]
Against = Annotated[str, Query(max_length=400)]
Everything = Annotated[str, Query(alias="all", max_length=4)]


@router.get("")
def show(
    request: Request, reference: str, *, step: Step = None, against: Against = "base", everything: Everything = ""
) -> Response:
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    query = RatersQuery(step, against, everything=everything == "1")
    found = agreement_of(store, run.id, visitor, step=step, against=against, everything=query.everything)
    settings = checks.check_settings(store, visitor, run.id)
    page = build_page(run, found, query, visitor=visitor, settings=settings)
    return render(request, "raters/raters.html", page, partial="raters/_body.html")


@router.post("/checks")
def switch_checks(request: Request, reference: str, on: Annotated[bool, Form()]) -> Response:
    """Whether everybody who rates this run is asked quality checks."""
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    checks.switch_checks(store, visitor, run.id, on=on)
    return RedirectResponse(f"/runs/{run.id}/raters#checks", 303)


@router.get("/live")
def live(
    request: Request,
    reference: str,
    *,
    rev: int = 0,
    seen: Annotated[str, Query(max_length=40)] = "",
    step: Step = None,
    against: Against = "base",
    everything: Everything = "",
) -> Response:
    """Which parts of the page have changed: none, when the run only got points of its curve."""
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    if rev == run.revision:
        return live_response(run.revision, seen=rev, facts={})
    found = agreement_of(store, run.id, visitor, step=step, against=against, everything=everything == "1")
    return live_response(run.revision, seen=rev, facts={"regions": [] if seen == seen_of(found) else ["raters-body"]})
