"""Opens the run recorded earlier: puts it into the store as if it had been watched. Needs no torch."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from beyondloss.demo.material import PROJECT, RUN_NAME, demo_probes
from beyondloss.demo.recording import Recording, load
from beyondloss.domain.access import OWNER, Visitor
from beyondloss.domain.ratings import RatingDraft, Verdict
from beyondloss.domain.runs import CheckpointKind, CheckpointState, FoundCheckpoint, FoundRun, RunState
from beyondloss.errors import NotFound
from beyondloss.services.answers import list_answers, mark_checkpoint, record_answer, request_answers
from beyondloss.services.projects import add_probes, find_project
from beyondloss.services.queue import cancel_job, queue_view
from beyondloss.services.ratings import ensure_rater, record_rating
from beyondloss.services.runs import RunView, find_run, import_run
from beyondloss.store.engine import Store

RECORDED_NAME = f"{RUN_NAME}-recorded"
RATER = "BeyondLoss demo"
_FOLDER = Path("/recorded") / RECORDED_NAME
_REASON = "Recorded earlier: its answers are here, its weights are not."


def recording() -> Recording:
    return load((files("beyondloss.demo") / "data" / "recorded.json").read_text("utf-8"))


def open_recorded(store: Store) -> RunView:
    """The recorded run in this store; put there now unless it was before. An interrupted attempt is completed."""
    recorded = recording()
    run = _find(store)
    if run is not None and run.ratings >= len(recorded.ratings) and _is_whole(run):
        return run
    add_probes(store, PROJECT, demo_probes())
    run_id = import_run(store, _found(recorded), project=PROJECT).run_id
    request_answers(store, run_id, sampling=recorded.sampling)
    run = find_run(store, str(run_id), OWNER)
    _record_answers(store, run, recorded)
    _record_ratings(store, run, recorded)
    _ask_nothing_more(store, run)
    return find_run(store, str(run_id), OWNER)


def _find(store: Store) -> RunView | None:
    try:
        return find_run(store, RECORDED_NAME, OWNER)
    except NotFound:
        return None


def _is_whole(run: RunView) -> bool:
    return all(checkpoint.answers_done >= checkpoint.answers_total for checkpoint in run.checkpoints)


def _found(recorded: Recording) -> FoundRun:
    """The run as a reader would have found it, its checkpoints rotated away."""
    checkpoints = (
        FoundCheckpoint(
            step=step,
            path=_FOLDER / f"checkpoint-{step}",
            kind=CheckpointKind.ADAPTER,
            state=CheckpointState.GONE,
            reason=_REASON,
            epoch=epoch,
        )
        for step, epoch in sorted(recorded.epochs.items())
    )
    return FoundRun(
        name=RECORDED_NAME,
        output_dir=_FOLDER,
        trainer=recorded.trainer,
        base_model=recorded.base_model,
        state=RunState.FINISHED,
        checkpoints=tuple(checkpoints),
        points=recorded.points,
        config=recorded.config,
    )


def _record_answers(store: Store, run: RunView, recorded: Recording) -> None:
    probe_ids = _probe_ids(store)
    checkpoint_ids = {checkpoint.step: checkpoint.id for checkpoint in run.checkpoints}
    if run.sampling_id is None:
        raise NotFound("The recorded run has no sampling.", hint="Delete the run and open the demo again.")
    for item in recorded.answers:
        answer = replace(item.answer, probe_id=probe_ids[item.probe])
        record_answer(store, checkpoint_ids[item.step], run.sampling_id, answer)


def _probe_ids(store: Store) -> dict[str, int]:
    project = find_project(store, PROJECT, OWNER)
    return {probe.key: probe.id for probe_set in project.sets for probe in probe_set.probes}


def _ask_nothing_more(store: Store, run: RunView) -> None:
    """The base's weights are not here either, and everything asked has its answer."""
    mark_checkpoint(store, run.checkpoints[0].id, CheckpointState.GONE, reason=_REASON)
    for job in queue_view(store, OWNER).jobs:
        if job.run_id == run.id and not job.state.ended:
            cancel_job(store, job.id)


def _record_ratings(store: Store, run: RunView, recorded: Recording) -> None:
    rater = ensure_rater(store, name=RATER, share_link_id=None)
    visitor = Visitor(rater_id=rater.id, rater_name=rater.name)
    answer_ids = {(a.step, a.probe.key): a.id for a in list_answers(store, run.id, limit=10_000)}
    for rating in recorded.ratings:
        draft = RatingDraft(
            answer_id=answer_ids[rating.step, rating.probe],
            reference_id=answer_ids[0, rating.probe],
            verdict=Verdict(rating.verdict),
            comment=rating.comment,
        )
        record_rating(store, visitor, draft)
