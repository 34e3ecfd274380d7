"""Every error as what its reader can use: problem+json for programs, a plain page for people, a toast for htmx.

This is the web's one boundary: nothing below it catches broadly, nothing above it sees a traceback.
"""

import json
import logging
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from beyondloss.errors import BeyondLossError
from beyondloss.web.i18n import gettext as _
from beyondloss.web.render import render

API_PREFIX = "/api/"
_log = logging.getLogger(__name__)

_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, as one page or one JSON object."""

    status: int
    code: str
    detail: str
    hint: str


def install(app: Starlette) -> None:
    """Make `app` answer every error as a problem."""
    app.add_exception_handler(BeyondLossError, _on_error)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_crash)


async def refuse(error: BeyondLossError | HTTPException, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request from inside a middleware, before any route has it."""
    request = Request(scope, receive)
    answer = _on_error if isinstance(error, BeyondLossError) else _on_http
    await (await answer(request, error))(scope, receive, send)


def problem_response(request: Request, problem: Problem) -> Response:
    if _speaks_json(request):
        body = {
            "type": "about:blank",
            "title": problem.code.replace("_", " "),
            "status": problem.status,
            "code": problem.code,
            "detail": problem.detail,
            "hint": problem.hint,
        }
        return Response(
            json.dumps(body, ensure_ascii=True), status_code=problem.status, media_type="application/problem+json"
        )
    # htmx shows the text as a toast and leaves the page as it is: see static/js/app.js.
    headers = {"HX-Reswap": "none", "BL-Problem": "1"} if request.headers.get("hx-request") else None
    return render(
        request,
        "_problem.html",
        problem,
        partial="_problem_text.html",
        status=problem.status,
        headers=headers,
    )


def _speaks_json(request: Request) -> bool:
    return request.url.path.startswith(API_PREFIX) or (
        "text/html" not in request.headers.get("accept", "") and "application/json" in request.headers.get("accept", "")
    )


def _problem_of(error: BeyondLossError) -> Problem:
    return Problem(error.status, error.code, error.message, error.hint)


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, BeyondLossError)  # noqa: S101
    if error.status >= 500:
        _log.warning("%s: %s", error.code, error.message)
    return problem_response(request, _problem_of(error))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    status = error.status_code
    details = {404: _("There is nothing at this address."), 405: _("This address does not take that method.")}
    hints = {
        404: _("Check the address, or start from the list of runs."),
        413: _("Send it in smaller parts."),
    }
    problem = Problem(
        status,
        _HTTP_CODES.get(status, "http_error"),
        details.get(status, error.detail),
        hints.get(status, ""),
    )
    response = problem_response(request, problem)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def _on_crash(request: Request, error: Exception) -> Response:
    # Starlette re-raises the error after this answer, so the server's log has the traceback.
    return problem_response(
        request,
        Problem(
            500,
            "internal_error",
            _("Something went wrong inside BeyondLoss."),
            _("Look at the server's log, and please report it."),
        ),
    )
