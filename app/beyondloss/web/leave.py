"""The way out of a share link, and the few addresses that belong to no feature."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from beyondloss.web.visitors import forget_link


def leave(_request: Request) -> Response:
    """Stop being a link's guest; on the owner's machine that makes one the owner again."""
    response = RedirectResponse("/", 303)
    forget_link(response)
    return response


def robots(_request: Request) -> Response:
    return PlainTextResponse("User-agent: *\nDisallow: /\n")


def favicon(request: Request) -> Response:
    return RedirectResponse(request.app.state.static.url("favicon.svg"), 301)


ROUTES = (
    Route("/leave", leave, methods=["POST"]),
    Route("/robots.txt", robots),
    Route("/favicon.ico", favicon),
)
