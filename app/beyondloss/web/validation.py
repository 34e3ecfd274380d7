"""What FastAPI refuses before a route sees it, told as every other problem. The first page needs none of this."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from beyondloss.web import problems
from beyondloss.web.i18n import gettext as _
from beyondloss.web.problems import Problem, problem_response


def install(app: FastAPI) -> None:
    """Make `app` answer every error as a problem, wrong parameters too."""
    problems.install(app)
    app.add_exception_handler(RequestValidationError, _on_validation)


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return problem_response(
        request,
        Problem(422, "invalid_input", _validation_sentence(error), _("Check what was sent against /api/docs.")),
    )


def _validation_sentence(error: RequestValidationError) -> str:
    """The first thing that is wrong, with where it is, without echoing what was sent."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in {"body", "query", "path"})
    return f"{where}: {first['msg']}." if where else f"{first['msg']}."
