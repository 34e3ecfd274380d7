"""`/compare`: choose checkpoints of two runs; the run page then shows one against the other."""

from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from beyondloss.web.compare.pages import build_page
from beyondloss.web.render import render
from beyondloss.web.visitors import visitor_of

router = APIRouter()


@router.get("/compare")
def choose(request: Request, this: str = "", other: str = "") -> Response:
    """`this` and `other` are RUN@STEP. With both, on to the diffs; with one, it is chosen already."""
    page = build_page(request.app.state.store, visitor_of(request), this=this, other=other)
    if page.is_ready:
        run, _, step = page.this.rpartition("@")
        query = urlencode({"step": step, "against": page.other}, safe="@")
        return RedirectResponse(f"/runs/{quote(run, safe='')}?{query}", 303)
    return render(request, "compare/compare.html", page, status=400 if page.problem else 200)
