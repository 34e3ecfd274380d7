"""Jobs of the queue: look, cancel, retry."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from beyondloss.domain.access import Visitor
from beyondloss.domain.jobs import JobState
from beyondloss.services import queue
from beyondloss.services.queue import JobView
from beyondloss.store.engine import Store
from beyondloss.web.api.shapes import LARGEST_ID, Asking, Items, Number, Out, OwnerAsking, TheStore, find_run, problems

router = APIRouter(tags=["jobs"])
JobId = Annotated[int, Path(ge=1, le=LARGEST_ID)]


class JobOut(Out):
    """Answers that one checkpoint owes under one sampling."""

    id: int
    kind: str
    run_id: int
    run: str
    checkpoint_id: int
    step: int
    sampling_id: int
    set_name: str | None
    state: JobState
    done: int
    total: int
    attempts: int
    max_attempts: int
    tokens_per_second: Number
    accepted_ratio: Number
    eta_seconds: Number
    waiting_reason: str = Field(description="Why it has not begun.")
    error: str = Field(description="Why it failed, in a sentence.")
    created_at: float
    started_at: float | None
    ended_at: float | None


@router.get("/jobs")
def list_jobs(store: TheStore, visitor: Asking) -> Items[JobOut]:
    """Running, then queued in the order they will be taken, then the last 50 that ended."""
    return Items(items=[JobOut.model_validate(job) for job in queue.queue_view(store, visitor).jobs])


@router.get("/jobs/{job}", responses=problems(404))
def get_job(store: TheStore, visitor: Asking, job: JobId) -> JobOut:
    return JobOut.model_validate(_seen_job(store, visitor, job))


@router.post("/jobs/{job}/cancel", responses=problems(403, 404, 409))
def cancel_job(store: TheStore, _visitor: OwnerAsking, job: JobId) -> JobOut:
    """Stop it, or keep it from beginning. What it has answered stays."""
    return JobOut.model_validate(queue.cancel_job(store, job))


@router.post("/jobs/{job}/retry", responses=problems(403, 404, 409))
def retry_job(store: TheStore, _visitor: OwnerAsking, job: JobId) -> JobOut:
    """Queue a failed or cancelled job again."""
    return JobOut.model_validate(queue.retry_job(store, job))


def _seen_job(store: Store, visitor: Visitor, job_id: int) -> JobView:
    """Raises the same NotFound for a job that is not there and for one of a run outside the visitor's scope."""
    job = queue.find_job(store, job_id)
    find_run(store, str(job.run_id), visitor)
    return job
