"""The door to the JSON API. It is built on its first request: importing its models costs more than answering a page."""

from threading import Lock
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from beyondloss.web.problems import API_PREFIX

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.applications import Starlette

_lock = Lock()


class LazyApi:
    """Passes `/api/…` (and `/healthz`) to the API, everything else on."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["path"].startswith(API_PREFIX) or scope["path"] == "/healthz"):
            await self.build(scope["app"])(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    @staticmethod
    def build(main: "Starlette") -> "FastAPI":
        """The API of this application, made once. It shares the application's state."""
        with _lock:
            if not hasattr(main.state, "api"):
                from beyondloss.web.api.app import create_api

                main.state.api = create_api(main.state)
            api: FastAPI = main.state.api
            return api
