"""The first page: runs, newest first, by project. Plain Starlette: importing FastAPI costs more than the answer."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from beyondloss.errors import InvalidInput
from beyondloss.services import runs
from beyondloss.web.live import live_response
from beyondloss.web.render import render
from beyondloss.web.runs.pages import ImportForm, RunsPage, runs_page
from beyondloss.web.visitors import visitor_of

MOST_REVISION_DIGITS = 18


def list_runs(request: Request) -> Response:
    page = runs_page(
        request.app.state.store,
        visitor_of(request),
        form=ImportForm(is_open="import" in request.query_params),
        show_all=request.query_params.get("show") == "all",
    )
    return render_list(request, page)


def live(request: Request) -> Response:
    """What an open list of runs asks: is anything new?"""
    revision = runs.runs_revision(request.app.state.store, visitor_of(request))
    return live_response(revision, seen=_seen(request.query_params.get("rev")), facts={})


def _seen(rev: str | None) -> int | None:
    if rev is None:
        return None
    if not (rev.isascii() and rev.isdecimal() and len(rev) <= MOST_REVISION_DIGITS):
        raise InvalidInput("rev is no revision.", hint="Reload the page.")
    return int(rev)


def render_list(request: Request, page: RunsPage, *, status: int = 200) -> Response:
    return render(request, "runs/runs.html", page, partial={"runs": "runs/_runs.html"}, status=status)


ROUTES = (Route("/", list_runs), Route("/live", live))
