"""Runs and their checkpoints: list, find, take in what a reader or a training process reports, map base models, delete."""

from collections.abc import Sequence
from dataclasses import dataclass

from beyondloss.domain.access import Visitor
from beyondloss.domain.runs import CheckpointKind, CheckpointState, FoundRun, RunState
from beyondloss.store.engine import Store
from beyondloss.store.runs import find_revision

Setting = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class CheckpointView:
    id: int
    step: int
    epoch: float | None
    kind: CheckpointKind
    state: CheckpointState
    reason: str
    adapter_check: str
    path: str | None
    answers_done: int
    answers_total: int


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A row of the runs list. `sparkline` is at most 60 values of the training loss, None where not finite."""

    id: int
    name: str
    project_id: int
    project: str
    trainer: str
    base_model: str | None
    state: RunState
    output_dir: str
    first_seen: float
    changed_at: float
    revision: int
    checkpoints: int
    last_step: int | None
    last_loss: float | None
    last_loss_kind: str
    answers_done: int
    answers_total: int
    unrated: int
    """Changed comparisons against base that this visitor has not rated."""
    ratings: int
    raters: int
    sparkline: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class RunView:
    """One run in full. `checkpoints` rises by step and starts with step 0, the base."""

    id: int
    name: str
    project_id: int
    project: str
    trainer: str
    base_model: str | None
    base_path: str | None
    """Where the base is found here: the project's mapping, or the name itself when it is a readable folder."""
    template: str | None
    state: RunState
    output_dir: str
    first_seen: float
    changed_at: float
    revision: int
    config: dict[str, Setting]
    problems: tuple[str, ...]
    sampling_id: int | None
    checkpoints: tuple[CheckpointView, ...]
    ratings: int
    raters: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What one import did to one run."""

    run_id: int
    name: str
    created: bool
    checkpoints: int
    new_checkpoints: int
    points: int
    problems: tuple[str, ...]


def list_runs(store: Store, visitor: Visitor, *, project: str | None = None) -> list[RunSummary]:
    """Newest first; only what the visitor may see. A fixed number of queries, whatever the number of runs."""
    raise NotImplementedError


def runs_revision(store: Store, visitor: Visitor) -> int:
    """A number that changes whenever `list_runs` would: cheap enough to ask every second."""
    raise NotImplementedError


def find_run(store: Store, reference: str, visitor: Visitor) -> RunView:
    """By id, name, or output folder path. Raises NotFound, also for runs outside the visitor's scope."""
    raise NotImplementedError


def run_revision(store: Store, run_id: int) -> int:
    with store.read() as session:
        return find_revision(session, run_id)


def import_run(store: Store, found: FoundRun, *, project: str, base_override: str | None = None) -> Imported:
    """Store what a reader found, idempotently; ask for answers of what is new. One unit of work.

    The base checkpoint (step 0) is made with the run. A checkpoint that vanished becomes `gone`; one whose `stamp`
    changed loses its fingerprint and is answered anew; a rerun in the same folder (see formats.md, trap 10) is a
    second run with `generation` + 1. Project and starter probe set are made when missing.
    """
    raise NotImplementedError


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
    raise NotImplementedError


@dataclass(frozen=True, slots=True)
class ReportedCheckpoint:
    step: int
    path: str
    epoch: float | None = None


def register_checkpoints(store: Store, run_id: int, reported: Sequence[ReportedCheckpoint]) -> RunView:
    """What a training process says after saving. Idempotent by step; the folder is read as the watcher would."""
    raise NotImplementedError


def map_base_model(store: Store, project_id: int, *, name: str, path: str) -> None:
    """Remember where a base model is found on this machine, and queue again what had failed for want of it."""
    raise NotImplementedError


def set_run_state(store: Store, run_id: int, state: RunState) -> None:
    raise NotImplementedError


@dataclass(frozen=True, slots=True)
class DeletionCount:
    """What goes with a run, to be said before it goes."""

    checkpoints: int
    answers: int
    ratings: int
    points: int


def count_deletion(store: Store, run_id: int) -> DeletionCount:
    raise NotImplementedError


def delete_run(store: Store, run_id: int) -> DeletionCount:
    """Remove a run and everything under it from the store. The trainer's folder is never touched."""
    raise NotImplementedError
