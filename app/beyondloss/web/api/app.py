"""The JSON API as an application of its own: one router per resource, OpenAPI, and the page that shows it."""

from fastapi import FastAPI
from starlette.datastructures import State

from beyondloss import __version__
from beyondloss.web import validation
from beyondloss.web.api import (
    agreement,
    alarms,
    answers,
    choices,
    docs,
    exports,
    health,
    jobs,
    metrics,
    probes,
    ratings,
    runs,
    share_links,
    steering,
    verdicts,
)
from beyondloss.web.problems import API_PREFIX

V1 = f"{API_PREFIX}v1"
RESOURCES = (
    health,
    runs,
    metrics,
    alarms,
    answers,
    probes,
    jobs,
    ratings,
    exports,
    share_links,
    steering,
    verdicts,
    agreement,
    choices,
)
DESCRIPTION = """\
Step 0 is the base everywhere. `{run}` is an id or a name. Lists come as `{"items": […], "next": cursor | null}`.
Errors are `application/problem+json` with `code`, `detail` and `hint`. Numbers that are not finite are null.
On this machine no key is needed; from elsewhere send `Authorization: Bearer OWNER_KEY`.
"""


def create_api(state: State) -> FastAPI:
    """`state` is the main application's: store, settings, templates."""
    api = FastAPI(
        title="BeyondLoss",
        version=__version__,
        description=DESCRIPTION,
        openapi_url=f"{V1}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    api.state = state
    validation.install(api)
    for resource in RESOURCES:
        api.include_router(resource.router, prefix=V1)
    api.include_router(health.router, include_in_schema=False)
    api.include_router(docs.router)
    return api
