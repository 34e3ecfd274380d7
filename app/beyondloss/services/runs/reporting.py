"""What a training process says of itself: that it runs, what it saved, how it ended."""

import time
from collections.abc import Sequence
from pathlib import Path

from beyondloss.domain.runs import BASE_STEP, CheckpointKind, CheckpointState, FoundCheckpoint, RunState
from beyondloss.domain.text import storable
from beyondloss.errors import InvalidInput
from beyondloss.ingest.weights import Wholeness, find_weights
from beyondloss.services.runs.importing import ensure_probed_project
from beyondloss.services.runs.views import ReportedCheckpoint, Setting
from beyondloss.store import checkpoints, found_runs, projects, runs, steering
from beyondloss.store.asking import queue_missing
from beyondloss.store.engine import Store
from beyondloss.store.revisions import bump_run
from beyondloss.store.rows import stored_id

_STATES = {
    Wholeness.WHOLE: CheckpointState.PRESENT,
    Wholeness.PARTIAL: CheckpointState.SAVING,
    Wholeness.REFUSED: CheckpointState.UNREADABLE,
    Wholeness.SHARDED: CheckpointState.SHARDED,
}


def report_run(
    store: Store,
    *,
    name: str,
    project: str,
    base_model: str | None,
    trainer: str,
    output_dir: str | None,
    config: dict[str, Setting],
) -> int:
    """The id of the run of this name, made or updated.

    A run that the folder watcher found first, and that still trains, is this one: it takes the name.
    """
    name, folder = storable(name.strip()), storable(output_dir or "")
    if not name:
        raise InvalidInput("A run needs a name.", hint="Pass run=… to the callback.")
    project_id = ensure_probed_project(store, project)
    with store.write() as session:
        projects.hold_project(session, project_id)
        run = runs.run_by_name(session, name) or runs.training_in_folder(session, folder)
        created = run is None
        if run is None:
            run = runs.add_run(
                session,
                project_id=project_id,
                name=name,
                output_dir=folder,
                trainer=trainer,
                base_model=None,
                state=RunState.TRAINING.value,
            )
        run_id = stored_id(run.id)
        run = runs.lock_run(session, run_id)
        before = run.model_dump()
        run.name, run.trainer = name, storable(trainer) or run.trainer
        run.config = run.config | found_runs.stored_settings(config)
        checkpoints.ensure_base(session, run)
        other_base = found_runs.change_base(session, run, storable(base_model) if base_model else run.base_model)
        if created or run.model_dump() != before:
            run.changed_at = time.time()
            session.flush()
            bump_run(session, run_id)
        if other_base:
            queue_missing(session, run)
    return run_id


def report_checkpoints(store: Store, run_id: int, reported: Sequence[ReportedCheckpoint]) -> None:
    """The folders are read first: no file work in the unit of work."""
    if any(one.step <= BASE_STEP for one in reported):
        raise InvalidInput("Step 0 is the base model.", hint="Report checkpoints from step 1 on.")
    found = [_found(one) for one in reported]
    with store.write() as session:
        run = runs.lock_run(session, run_id)
        taken = found_runs.take_reported(session, run, found)
        if taken.changed:
            run.changed_at = time.time()
            session.flush()
            bump_run(session, run_id)
        if taken.to_answer and not run.archived:
            queue_missing(session, run, checkpoint_ids=taken.to_answer)


def set_run_state(store: Store, run_id: int, state: RunState) -> None:
    from beyondloss.services.alarms import judging  # numpy: listing runs does not wait for it

    with store.write() as session:
        run = runs.lock_run(session, run_id)
        missed = state is not RunState.TRAINING and steering.miss_open(session, run_id)
        if run.state != state.value or missed:
            run.state, run.changed_at = state.value, time.time()
            session.flush()
            judging.settle(session, run)
            bump_run(session, run_id)


def _found(reported: ReportedCheckpoint) -> FoundCheckpoint:
    """The process says that the save is done, so whole weights need no second look."""
    folder = Path(storable(reported.path))
    weights = find_weights(folder)
    if weights is None:
        state, reason = CheckpointState.GONE, f"There are no weights in {folder} on this machine."
        return FoundCheckpoint(reported.step, folder, CheckpointKind.ADAPTER, state, reason, reported.epoch)
    return FoundCheckpoint(
        step=reported.step,
        path=weights.folder,
        kind=weights.kind,
        state=_STATES[weights.wholeness],
        reason=weights.reason,
        epoch=reported.epoch,
        stamp=weights.stamp,
    )
