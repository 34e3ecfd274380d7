"""Pages behind the first one: imported when somebody goes there, or a second after the start, whichever is sooner.

Reading answers needs numbers, diffs and Markdown, whose libraries cost more to import than the first page to answer.
"""

from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    from fastapi import FastAPI

FEATURES = ("run", "projects", "queue", "share")
"""Each is a module `beyondloss.web.<feature>.routes` with a `router`."""
EARLY_PATHS = frozenset({"/", "/live", "/leave", "/robots.txt", "/favicon.ico"})

_lock = Lock()


class LateRoutes:
    """Before a request for any other page: make sure that the other pages are there."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in EARLY_PATHS and not scope["path"].startswith("/static/"):
            main: FastAPI = scope["app"]
            if not getattr(main.state, "has_late_routes", False):
                await run_in_threadpool(self.include, main)
        await self.app(scope, receive, send)

    @staticmethod
    def include(main: "FastAPI") -> None:
        """Add the routers, once."""
        with _lock:
            if getattr(main.state, "has_late_routes", False):
                return
            for feature in FEATURES:
                main.include_router(import_module(f"beyondloss.web.{feature}.routes").router)
            main.state.has_late_routes = True
