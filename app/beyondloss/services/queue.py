"""The queue: claim, lease, progress, retry, cancel, pause. Invariant: one job is held by at most one live lease."""

from dataclasses import dataclass

from beyondloss.domain.access import Visitor
from beyondloss.domain.jobs import JobState
from beyondloss.store.engine import Store


@dataclass(frozen=True, slots=True)
class JobView:
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
    tokens_per_second: float | None
    accepted_ratio: float | None
    eta_seconds: float | None
    waiting_reason: str
    error: str
    created_at: float
    started_at: float | None
    ended_at: float | None
    lease_owner: str | None


@dataclass(frozen=True, slots=True)
class WorkerView:
    name: str
    engine: str
    device: str
    status: str
    alive: bool
    heartbeat_at: float


@dataclass(frozen=True, slots=True)
class QueueView:
    jobs: tuple[JobView, ...]
    """Running, then queued in the order they will be taken, then the last 50 that ended."""
    workers: tuple[WorkerView, ...]
    paused: bool
    queued: int
    failed: int
    eta_seconds: float | None


def queue_view(store: Store, visitor: Visitor) -> QueueView:
    raise NotImplementedError


def find_job(store: Store, job_id: int) -> JobView:
    raise NotImplementedError


def claim_job(store: Store, owner: str, *, lease_seconds: float) -> JobView | None:
    """Take the next job in one statement. Leases that ran out go back to queued first (or failed, after max_attempts)."""
    raise NotImplementedError


def heartbeat(
    store: Store,
    job_id: int,
    owner: str,
    *,
    lease_seconds: float,
    done: int,
    total: int,
    tokens_per_second: float | None = None,
    accepted_ratio: float | None = None,
) -> bool:
    """Renew the lease and tell progress. False: the job was cancelled or is no longer ours; stop working on it."""
    raise NotImplementedError


def finish_job(store: Store, job_id: int, owner: str) -> bool:
    """Only the lease's owner can. Done if every answer is there, else queued again."""
    raise NotImplementedError


def fail_job(store: Store, job_id: int, owner: str, *, error: str, retry: bool, delay_seconds: float = 0.0) -> None:
    """With `retry` and attempts left it goes back to the queue after the delay; otherwise it failed, reason on screen."""
    raise NotImplementedError


def cancel_job(store: Store, job_id: int) -> JobView:
    raise NotImplementedError


def retry_job(store: Store, job_id: int) -> JobView:
    """Queue a failed or cancelled job again, attempts from zero. Raises Conflict for one that is queued or running."""
    raise NotImplementedError


def set_paused(store: Store, *, paused: bool) -> None:
    raise NotImplementedError


def tell_worker_state(store: Store, *, name: str, engine: str, device: str, status: str) -> None:
    raise NotImplementedError


def look_at(store: Store, checkpoint_id: int) -> None:
    """Somebody is looking at this checkpoint: its job (and its base's) jumps ahead. Cheap when there is none."""
    raise NotImplementedError
