"""Whether the server is well. Anybody may ask: it tells nothing about what is stored."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from beyondloss import __version__
from beyondloss.domain.access import OWNER
from beyondloss.errors import StoreUnavailable
from beyondloss.services import queue
from beyondloss.web.api.shapes import TheStore

router = APIRouter(tags=["health"])


class HealthOut(BaseModel):
    status: str = Field(description="`ok`, or `unavailable` (with status 503).")
    version: str
    database: str = Field(description="`ok`, or what is wrong with it.")
    worker: str = Field(description="`ok` while one is alive, else `none`.")


@router.get("/healthz")
def healthz(store: TheStore, response: Response) -> HealthOut:
    try:
        workers = queue.queue_view(store, OWNER).workers
    except StoreUnavailable as error:
        response.status_code = error.status
        return HealthOut(status="unavailable", version=__version__, database=error.message, worker="none")
    worker = "ok" if any(worker.alive for worker in workers) else "none"
    return HealthOut(status="ok", version=__version__, database="ok", worker=worker)
