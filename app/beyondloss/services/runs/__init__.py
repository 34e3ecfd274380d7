"""Runs and their checkpoints: list, find, take in what a reader or a training process says, map bases, delete."""

from collections.abc import Sequence

from beyondloss.domain.access import OWNER
from beyondloss.services.runs.bases import map_base_model, name_base_model
from beyondloss.services.runs.deletion import count_deletion, delete_run
from beyondloss.services.runs.importing import import_run, remembered_runs
from beyondloss.services.runs.listing import find_run, list_run_views, list_runs, run_revision, runs_revision
from beyondloss.services.runs.reporting import report_checkpoints, report_run, set_run_state
from beyondloss.services.runs.views import (
    CheckpointView,
    DeletionCount,
    Imported,
    ReportedCheckpoint,
    RunPage,
    RunSummary,
    RunView,
    Setting,
)
from beyondloss.store.engine import Store

__all__ = [
    "CheckpointView",
    "DeletionCount",
    "Imported",
    "ReportedCheckpoint",
    "RunPage",
    "RunSummary",
    "RunView",
    "Setting",
    "count_deletion",
    "delete_run",
    "find_run",
    "import_run",
    "list_run_views",
    "list_runs",
    "map_base_model",
    "name_base_model",
    "register_checkpoints",
    "register_run",
    "remembered_runs",
    "run_revision",
    "runs_revision",
    "set_run_state",
]


def register_run(
    store: Store,
    *,
    name: str,
    project: str,
    base_model: str | None,
    trainer: str,
    output_dir: str | None,
    config: dict[str, Setting],
) -> RunView:
    """What a training process says first. Idempotent by name: the same name again updates and returns the same run."""
    run_id = report_run(
        store,
        name=name,
        project=project,
        base_model=base_model,
        trainer=trainer,
        output_dir=output_dir,
        config=config,
    )
    return find_run(store, str(run_id), OWNER)


def register_checkpoints(store: Store, run_id: int, reported: Sequence[ReportedCheckpoint]) -> RunView:
    """What a training process says after saving. Idempotent by step; the folder is read as the watcher would."""
    report_checkpoints(store, run_id, reported)
    return find_run(store, str(run_id), OWNER)
