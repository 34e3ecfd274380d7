"""The first page: runs, newest first, by project."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from beyondloss.web.render import render

router = APIRouter()


@dataclass(frozen=True, slots=True)
class RunsPage:
    pass


@router.get("/")
def list_runs(request: Request) -> Response:
    return render(request, "runs/runs.html", RunsPage())
