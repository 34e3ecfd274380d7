"""The way out of a share link, and the few addresses that belong to no feature."""

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from beyondloss.web.visitors import forget_link

router = APIRouter()


@router.post("/leave")
def leave(request: Request) -> Response:
    """Stop being a link's guest; on the owner's machine that makes one the owner again."""
    response = RedirectResponse("/", 303)
    forget_link(response)
    return response


@router.get("/robots.txt")
def robots() -> Response:
    return PlainTextResponse("User-agent: *\nDisallow: /\n")


@router.get("/favicon.ico")
def favicon(request: Request) -> Response:
    return RedirectResponse(request.app.state.static.url("favicon.svg"), 301)
