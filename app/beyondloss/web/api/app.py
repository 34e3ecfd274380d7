"""The JSON API as an application of its own: one router per resource, OpenAPI, and the page that shows it."""

from fastapi import FastAPI
from starlette.datastructures import State

from beyondloss import __version__
from beyondloss.web import problems


def create_api(state: State) -> FastAPI:
    """`state` is the main application's: store, settings, templates."""
    api = FastAPI(
        title="BeyondLoss", version=__version__, openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None
    )
    api.state = state
    problems.install(api)
    return api
