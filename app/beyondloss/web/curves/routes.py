"""Curves of chosen runs over one axis, and how their settings differ."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from beyondloss.web.curves.pages import Axis, curves_page
from beyondloss.web.render import render
from beyondloss.web.visitors import visitor_of

router = APIRouter()
Reference = Annotated[str, Query(max_length=400)]


@router.get("/curves")
def show_curves(
    request: Request,
    run: Annotated[list[Reference], Query(max_length=50)] = [],  # noqa: B006 - FastAPI copies it
    by: Axis = Axis.STEP,
    metric: Annotated[str, Query(min_length=1, max_length=200)] = "loss",
) -> Response:
    page = curves_page(request.app.state.store, visitor_of(request), run, axis=by, metric=metric)
    return render(request, "curves/curves.html", page, partial="curves/_curves.html")
