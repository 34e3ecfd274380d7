"""Work for the worker: states of a job and the order in which jobs are taken."""

from enum import StrEnum

BASE_PRIORITY = 1_000_000_000
LOOKED_AT_PRIORITY = 2_000_000_000


class JobKind(StrEnum):
    ANSWER = "answer"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in {JobState.DONE, JobState.FAILED, JobState.CANCELLED}


def job_priority(*, checkpoint_id: int, is_base: bool, looked_at: bool) -> int:
    """Higher is sooner: what somebody looks at, then bases, then the newest checkpoint (ids rise with time)."""
    return checkpoint_id + (BASE_PRIORITY if is_base else 0) + (LOOKED_AT_PRIORITY if looked_at else 0)
