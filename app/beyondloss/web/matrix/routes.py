"""`/runs/{run}/matrix`: every probe at every checkpoint. It only shows; a cell leads to its diff on the run page."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from beyondloss.services import runs
from beyondloss.web.matrix.pages import load_page
from beyondloss.web.render import render
from beyondloss.web.run.query import read_query
from beyondloss.web.visitors import visitor_of

router = APIRouter()


@router.get("/runs/{reference}/matrix")
def show_matrix(request: Request, reference: str) -> Response:
    """The page, or its matrix for htmx: `go` says how its address enters the browser's history."""
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    page = load_page(store, visitor, run, read_query(request.query_params))
    headers = {
        "push": {"HX-Push-Url": page.here},
        "replace": {"HX-Replace-Url": page.here},
    }.get(request.query_params.get("go", ""))
    return render(request, "matrix/matrix.html", page, partial="matrix/_matrix.html", headers=headers)
