"""`/runs/{run}/probes/{probe}`: one answer through all checkpoints. It only shows."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from beyondloss.services import runs
from beyondloss.web.render import render
from beyondloss.web.run.query import read_query
from beyondloss.web.strip.pages import load_page
from beyondloss.web.visitors import visitor_of

router = APIRouter()


@router.get("/runs/{reference}/probes/{probe:path}")
def show_strip(request: Request, reference: str, probe: str) -> Response:
    """The page, or its body for htmx: `go` says how its address enters the browser's history."""
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    page = load_page(store, visitor, run, probe, query=read_query(request.query_params))
    headers = {
        "push": {"HX-Push-Url": page.here},
        "replace": {"HX-Replace-Url": page.here},
    }.get(request.query_params.get("go", ""))
    return render(request, "strip/strip.html", page, partial="strip/_strip.html", headers=headers)
