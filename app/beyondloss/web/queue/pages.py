"""What the queue page shows, and how it is put together."""

from dataclasses import dataclass

from beyondloss.domain.access import OWNER
from beyondloss.domain.jobs import JobState
from beyondloss.services import queue
from beyondloss.services.queue import JobView, QueueView, WorkerView
from beyondloss.store.engine import Store
from beyondloss.web.i18n import gettext as _
from beyondloss.web.i18n import ngettext
from beyondloss.web.words import N_

WAITING_SHOWN = 30
ENDED_SHOWN = 20
BUSY_SECONDS = 2
QUIET_SECONDS = 15
WORKER_STATUSES = (N_("idle"), N_("paused"), N_("answering"), N_("loading the model"))


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job as its line reads. `note` says what one would otherwise wonder about it."""

    job: JobView
    note: str = ""

    @property
    def is_open(self) -> bool:
        return not self.job.state.ended

    @property
    def can_retry(self) -> bool:
        return self.job.state in {JobState.FAILED, JobState.CANCELLED}


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """`host` is what people know a worker by; `number` tells two on one host apart."""

    worker: WorkerView
    host: str
    number: str
    status: str


@dataclass(frozen=True, slots=True)
class QueuePage:
    running: tuple[JobRow, ...]
    failed: tuple[JobRow, ...]
    waiting: tuple[JobRow, ...]
    waiting_hidden: int
    ended: tuple[JobRow, ...]
    workers: tuple[WorkerRow, ...]
    paused: bool
    has_worker: bool
    done: int
    total: int
    eta_seconds: float | None
    summary: str
    """Read out when it changes: in steps of ten per cent, so that it does not chatter."""
    refresh_seconds: int

    @property
    def is_empty(self) -> bool:
        return not (self.running or self.failed or self.waiting or self.ended)

    @property
    def is_busy(self) -> bool:
        return bool(self.running or self.waiting)


def queue_page(store: Store) -> QueuePage:
    view = queue.queue_view(store, OWNER)
    rows = [JobRow(job, _note(job)) for job in view.jobs]
    running = _in_state(rows, JobState.RUNNING)
    waiting = _in_state(rows, JobState.QUEUED)
    open_jobs = [row.job for row in (*running, *waiting)]
    done, total = sum(job.done for job in open_jobs), sum(job.total for job in open_jobs)
    has_worker = any(worker.alive for worker in view.workers)
    return QueuePage(
        running=running,
        failed=_in_state(rows, JobState.FAILED),
        waiting=waiting[:WAITING_SHOWN],
        waiting_hidden=max(0, len(waiting) - WAITING_SHOWN),
        ended=_in_state(rows, JobState.DONE, JobState.CANCELLED)[:ENDED_SHOWN],
        workers=tuple(map(_worker_row, view.workers)),
        paused=view.paused,
        has_worker=has_worker,
        done=done,
        total=total,
        eta_seconds=view.eta_seconds,
        summary=_summary(view, running=len(running), done=done, total=total),
        refresh_seconds=BUSY_SECONDS if open_jobs and has_worker else QUIET_SECONDS,
    )


def _in_state(rows: list[JobRow], *states: JobState) -> tuple[JobRow, ...]:
    return tuple(row for row in rows if row.job.state in states)


def _note(job: JobView) -> str:
    """Why it waits, failed or was left; what the last attempt said while it is tried again."""
    if job.waiting_reason:
        return _("Waits: %(reason)s") % {"reason": job.waiting_reason}
    if job.state is JobState.QUEUED and job.error:
        tried = {"n": job.attempts, "of": job.max_attempts, "error": job.error}
        return _("Attempt %(n)s of %(of)s failed and is tried again: %(error)s") % tried
    if job.state is JobState.RUNNING and job.attempts > 1:
        return _("Attempt %(n)s of %(of)s") % {"n": job.attempts, "of": job.max_attempts}
    return job.error if job.state.ended else ""


def _worker_row(worker: WorkerView) -> WorkerRow:
    host, _separator, number = worker.name.partition(":")
    status = worker.status
    if status in WORKER_STATUSES:
        status = _(status)
    elif status.startswith("waiting: "):
        status = _("waits: %(reason)s") % {"reason": status.removeprefix("waiting: ")}
    return WorkerRow(worker, host=host, number=number, status=status)


def _summary(view: QueueView, *, running: int, done: int, total: int) -> str:
    if not total:
        return _("Nothing waits.")
    jobs = view.queued + running
    left = ngettext("%(jobs)s job left, %(percent)s %% answered.", "%(jobs)s jobs left, %(percent)s %% answered.", jobs)
    sentence = left % {"jobs": jobs, "percent": 10 * (10 * done // total)}
    return f"{_('Paused.')} {sentence}" if view.paused else sentence
