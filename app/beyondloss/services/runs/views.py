"""What the services say about runs and hear of them."""

from dataclasses import dataclass

from beyondloss.domain.alarms import Severity
from beyondloss.domain.choices import Chosen
from beyondloss.domain.runs import CheckpointKind, CheckpointState, RunState
from beyondloss.domain.templates import TrainedWith
from beyondloss.services.alarms import RunAlarms

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
    alarms: int
    """Warnings and worse that nobody has acknowledged, none when muted."""
    worst_alarm: Severity | None
    chosen_step: int | None
    """The checkpoint that the owner means to use; 0 is the base."""


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
    trained_with: TrainedWith
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
    alarms: RunAlarms
    chosen: Chosen | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """Some runs of a list, and the id after which the rest begins; None at its end."""

    runs: tuple[RunView, ...]
    next: int | None


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


@dataclass(frozen=True, slots=True)
class ReportedCheckpoint:
    step: int
    path: str
    epoch: float | None = None


@dataclass(frozen=True, slots=True)
class DeletionCount:
    """What goes with a run, to be said before it goes."""

    checkpoints: int
    answers: int
    ratings: int
    points: int
