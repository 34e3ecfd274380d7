"""The queue page and its buttons, for the owner. Every button is a form; with htmx the page changes in place."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import RedirectResponse, Response

from beyondloss.services import queue
from beyondloss.web.queue.pages import queue_page
from beyondloss.web.render import render, wants_part
from beyondloss.web.visitors import visitor_of

JobId = Annotated[int, Path(ge=1, le=2**63 - 1)]

router = APIRouter()


@router.get("/queue")
def show_queue(request: Request) -> Response:
    visitor_of(request).require_owner()
    return _render(request)


@router.post("/queue/pause")
def pause(request: Request) -> Response:
    visitor_of(request).require_owner()
    queue.set_paused(request.app.state.store, paused=True)
    return _done(request)


@router.post("/queue/resume")
def resume(request: Request) -> Response:
    visitor_of(request).require_owner()
    queue.set_paused(request.app.state.store, paused=False)
    return _done(request)


@router.post("/queue/retry-failed")
def retry_failed(request: Request) -> Response:
    visitor_of(request).require_owner()
    queue.retry_failed(request.app.state.store)
    return _done(request)


@router.post("/queue/jobs/{job}/cancel")
def cancel(request: Request, job: JobId) -> Response:
    visitor_of(request).require_owner()
    queue.cancel_job(request.app.state.store, job)
    return _done(request)


@router.post("/queue/jobs/{job}/retry")
def retry(request: Request, job: JobId) -> Response:
    visitor_of(request).require_owner()
    queue.retry_job(request.app.state.store, job)
    return _done(request)


def _done(request: Request) -> Response:
    return _render(request) if wants_part(request) else RedirectResponse("/queue", 303)


def _render(request: Request) -> Response:
    page = queue_page(request.app.state.store)
    return render(request, "queue/queue.html", page, partial="queue/_queue.html")
