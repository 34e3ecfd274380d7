"""How one worker works: its name, its patience and what it may take."""

import os
import secrets
import socket
from collections.abc import Collection
from dataclasses import dataclass, field


def worker_name() -> str:
    """Unlike any other worker's, also that of an earlier process with the same number."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """`job_ids` limits the worker to those jobs; `once` lets it leave when there is nothing to take."""

    name: str = field(default_factory=worker_name)
    device: str = "auto"
    dtype: str = "auto"
    lease_seconds: float = 60.0
    idle_release_seconds: float = 600.0
    poll_seconds: float = 0.5
    once: bool = False
    job_ids: Collection[int] | None = None
    longest_back_off_seconds: float = 10.0
    retry_delay_seconds: float = 5.0
    wait_for_memory_seconds: float = 15.0

    @property
    def heartbeat_seconds(self) -> float:
        """Often enough for a live progress bar, and for three beats within a lease."""
        return min(2.0, self.lease_seconds / 3)
