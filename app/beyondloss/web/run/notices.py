"""What stands in the way, each with what to do about it: the page's empty states and troubles."""

from dataclasses import dataclass
from enum import StrEnum

from beyondloss.domain.jobs import JobState
from beyondloss.domain.runs import BASE_STEP, CheckpointState
from beyondloss.services.queue import JobView, QueueView
from beyondloss.services.runs import CheckpointView, RunView
from beyondloss.web.run.settings import build_doubts


class NoticeKind(StrEnum):
    NO_PROBES = "no_probes"
    NO_CHECKPOINT = "no_checkpoint"
    BASE_UNKNOWN = "base_unknown"
    BASE_MISSING = "base_missing"
    NO_WORKER = "no_worker"
    PAUSED = "paused"
    FAILED = "failed"
    GONE = "gone"
    GONE_ANSWERED = "gone_answered"
    UNREADABLE = "unreadable"
    SHARDED = "sharded"
    SAVING = "saving"
    NO_EFFECT = "no_effect"
    OTHER_PROMPT = "other_prompt"
    OTHER_TEMPLATE_THAN_BASE = "other_template_than_base"


@dataclass(frozen=True, slots=True)
class Notice:
    """`detail` is the fact behind it: a reason, an error, a name. The words around it are the template's.

    `advice` says what to do where that depends on the fact.
    """

    kind: NoticeKind
    detail: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """The job that answers for this checkpoint (or its base), while there is one."""

    running: bool
    step: int
    done: int
    total: int
    eta_seconds: float | None
    waiting_reason: str


def build_notices(run: RunView, selected: CheckpointView, queue: QueueView | None) -> tuple[Notice, ...]:
    """In the order in which a person should deal with them. `queue` is None when no answer is missing."""
    notices = [*_of_run(run), *_of_checkpoint(selected)]
    if queue is not None:
        notices += _of_queue(run, selected, queue)
    return tuple(notices)


def _of_run(run: RunView) -> list[Notice]:
    notices = []
    if run.checkpoints and not any(checkpoint.answers_total for checkpoint in run.checkpoints):
        notices.append(Notice(NoticeKind.NO_PROBES, run.project))
    if all(checkpoint.step == BASE_STEP for checkpoint in run.checkpoints):
        notices.append(Notice(NoticeKind.NO_CHECKPOINT, str(run.config.get("save_steps") or "")))
    for doubt in build_doubts(run):
        kind = NoticeKind.OTHER_PROMPT if doubt.warning else NoticeKind.OTHER_TEMPLATE_THAN_BASE
        notices.append(Notice(kind, doubt.sentence, doubt.advice))
    return notices


def _of_checkpoint(selected: CheckpointView) -> list[Notice]:
    kinds = {
        CheckpointState.GONE: NoticeKind.GONE,
        CheckpointState.UNREADABLE: NoticeKind.UNREADABLE,
        CheckpointState.SHARDED: NoticeKind.SHARDED,
        CheckpointState.SAVING: NoticeKind.SAVING,
    }
    if selected.state is CheckpointState.GONE and selected.answers_done >= selected.answers_total:
        notices = [Notice(NoticeKind.GONE_ANSWERED, selected.reason)]
    else:
        notices = [Notice(kinds[selected.state], selected.reason)] if selected.state in kinds else []
    if selected.adapter_check == "no effect":
        notices.append(Notice(NoticeKind.NO_EFFECT))
    return notices


def _of_queue(run: RunView, selected: CheckpointView, queue: QueueView) -> list[Notice]:
    mine = [job for job in queue.jobs if job.run_id == run.id and job.step in {BASE_STEP, selected.step}]
    failed = _newest_failure(mine)
    if not run.base_model and _base_answers(run) == 0:
        return [Notice(NoticeKind.BASE_UNKNOWN)]
    if failed and run.base_path is None and _base_answers(run) == 0:
        return [Notice(NoticeKind.BASE_MISSING, failed.error)]
    notices = [Notice(NoticeKind.FAILED, failed.error)] if failed else []
    if any(not job.state.ended for job in mine):
        if queue.paused:
            notices.append(Notice(NoticeKind.PAUSED))
        elif not any(worker.alive for worker in queue.workers):
            notices.append(Notice(NoticeKind.NO_WORKER))
    return notices


def _newest_failure(jobs: list[JobView]) -> JobView | None:
    """The failure that still stands: a later job of the same checkpoint makes an older failure history."""
    newest: dict[int, JobView] = {}
    for job in jobs:
        if job.id >= newest.get(job.checkpoint_id, job).id:
            newest[job.checkpoint_id] = job
    return next((job for job in newest.values() if job.state is JobState.FAILED), None)


def _base_answers(run: RunView) -> int:
    return next((c.answers_done for c in run.checkpoints if c.step == BASE_STEP), 0)


def build_progress(run: RunView, selected: CheckpointView, queue: QueueView | None) -> Progress | None:
    """The running job of this checkpoint, else of its base, else the first that waits."""
    if queue is None:
        return None
    mine = [
        job
        for job in queue.jobs
        if job.run_id == run.id and job.step in {BASE_STEP, selected.step} and not job.state.ended
    ]
    mine.sort(key=lambda job: (job.state is not JobState.RUNNING, job.step != selected.step))
    if not mine:
        return None
    job = mine[0]
    return Progress(job.state is JobState.RUNNING, job.step, job.done, job.total, job.eta_seconds, job.waiting_reason)
