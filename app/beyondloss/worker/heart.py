"""The worker's heartbeat: a thread that renews the lease and says what the worker does, however long an answer takes.

It talks to the database while the main thread generates, so that neither ever waits for the other.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from beyondloss.domain.answers import GeneratedAnswer
from beyondloss.errors import StoreUnavailable
from beyondloss.services import queue
from beyondloss.store.engine import Store
from beyondloss.worker.options import WorkerOptions


class Lease:
    """A job in this worker's hands. `lost` is set once it is not: cancelled, paused, or taken over."""

    def __init__(self, job: queue.JobView) -> None:
        self.job = job
        self.lost = threading.Event()
        self.done = job.done
        self.total = job.total
        self.tokens = 0
        self.verified = 0.0
        self.accepted = 0.0
        self._began = time.monotonic()

    def begin(self, *, done: int, total: int) -> None:
        """From now on speed is measured."""
        self.done, self.total = done, total
        self._began = time.monotonic()

    def count(self, answer: GeneratedAnswer) -> None:
        self.done = min(self.done + 1, self.total)
        self.tokens += len(answer.token_ids)
        self.verified += answer.provenance.stats.get("verified", 0.0)
        self.accepted += answer.provenance.stats.get("accepted", 0.0)

    @property
    def tokens_per_second(self) -> float | None:
        seconds = time.monotonic() - self._began
        return self.tokens / seconds if self.tokens and seconds > 0 else None

    @property
    def accepted_ratio(self) -> float | None:
        return self.accepted / self.verified if self.verified else None


class Heart:
    """Beats from `with` to its end. Only the main thread calls it; only its own thread renews leases."""

    def __init__(self, store: Store, options: WorkerOptions, *, engine: str, stop: threading.Event) -> None:
        self._store = store
        self._options = options
        self._engine = engine
        self._stop = stop
        self._status = "idle"
        self._lease: Lease | None = None
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()  # a lease that was let go is never renewed or returned by a late beat
        self._thread = threading.Thread(target=self._beat_on, name="heart", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._wake.set()
        self._thread.join()
        with suppress(StoreUnavailable):
            queue.forget_worker(self._store, self._options.name)

    def begin(self, lease: Lease, *, done: int, total: int) -> None:
        """Work on the lease begins. Told at once: answers that an earlier, lost attempt left count as its progress."""
        lease.begin(done=done, total=total)
        self._wake.set()

    def say(self, status: str) -> None:
        if status != self._status:
            self._status = status
            self._wake.set()

    @contextmanager
    def holding(self, job: queue.JobView) -> Iterator[Lease]:
        """Keep the job's lease alive meanwhile."""
        lease = Lease(job)
        with self._lock:
            self._lease = lease
        try:
            yield lease
        finally:
            with self._lock:
                self._lease = None

    def _beat_on(self) -> None:
        while not self._ended.is_set():
            with suppress(StoreUnavailable):  # the next beat tries again; a lease that runs out meanwhile is taken over
                self._beat()
            self._wake.wait(self._options.heartbeat_seconds)
            self._wake.clear()

    def _beat(self) -> None:
        queue.tell_worker_state(
            self._store,
            name=self._options.name,
            engine=self._engine,
            device=self._options.device,
            status=self._status,
        )
        with self._lock:
            lease = self._lease
            if lease is None or lease.lost.is_set():
                return
            if self._stop.is_set() or not self._renew(lease):
                lease.lost.set()
                queue.return_job(self._store, lease.job.id, self._options.name)

    def _renew(self, lease: Lease) -> bool:
        return queue.heartbeat(
            self._store,
            lease.job.id,
            self._options.name,
            lease_seconds=self._options.lease_seconds,
            done=lease.done,
            total=lease.total,
            tokens_per_second=lease.tokens_per_second,
            accepted_ratio=lease.accepted_ratio,
        )
