"""Pages behind the first one: imported when somebody goes there, or a second after the start, whichever is sooner.

Reading answers needs numbers, diffs and Markdown, and typed forms need FastAPI: importing those costs more than
answering the first page.
"""

from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.applications import Starlette

FEATURES = (
    "runs.importing",
    "run",
    "rate",
    "run.steering",
    "run.alarms",
    "report",
    "choosing",
    "projects",
    "queue",
    "share",
    "compare",
    "raters",
    "curves",
    "matrix",
    "strip",
)
"""Each is a module `beyondloss.web.<feature>.routes` with a `router`, or that module itself where a dot names it."""
EARLY_PATHS = frozenset({"/", "/live", "/leave", "/robots.txt", "/favicon.ico"})

_lock = Lock()


class LatePages:
    """Passes the first page and what belongs to it on, every other address to the other pages."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in EARLY_PATHS and not scope["path"].startswith("/static/"):
            pages = await run_in_threadpool(self.build, scope["app"])
            await pages(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    @staticmethod
    def build(main: "Starlette") -> "FastAPI":
        """The other pages of this application, made once. They share the application's state."""
        with _lock:
            if not hasattr(main.state, "pages"):
                from fastapi import FastAPI

                from beyondloss.web import validation

                pages = FastAPI(openapi_url=None)
                pages.state = main.state
                validation.install(pages)
                for feature in FEATURES:
                    module = feature if "." in feature else f"{feature}.routes"
                    pages.include_router(import_module(f"beyondloss.web.{module}").router)
                main.state.pages = pages
            made: FastAPI = main.state.pages
            return made
