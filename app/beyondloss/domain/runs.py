"""Runs and checkpoints: their kinds and states, and what a folder reader found (`Found…`), before it is stored."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from beyondloss.domain.metrics import MetricPoint

BASE_STEP = 0


class RunState(StrEnum):
    TRAINING = "training"
    FINISHED = "finished"
    DIVERGED = "diverged"
    """A loss, eval loss or gradient norm that is not a finite number, at the end of the log."""


class CheckpointKind(StrEnum):
    BASE = "base"
    ADAPTER = "adapter"
    FULL = "full"
    SHARDED = "sharded"


class CheckpointState(StrEnum):
    PRESENT = "present"
    SAVING = "saving"
    GONE = "gone"
    UNREADABLE = "unreadable"
    SHARDED = "sharded"


@dataclass(frozen=True, slots=True)
class FoundCheckpoint:
    """One checkpoint folder as a reader saw it. `reason` says, in one sentence, why it is not `present`.

    `stamp` changes when the weights file does (size and mtime): a rewritten checkpoint is answered anew.
    """

    step: int
    path: Path
    kind: CheckpointKind
    state: CheckpointState
    reason: str = ""
    epoch: float | None = None
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class FoundRun:
    """One run as a reader saw it. `first_log_at` (POSIX seconds) tells a rerun in the same folder from a resume."""

    name: str
    output_dir: Path
    trainer: str
    base_model: str | None
    state: RunState
    checkpoints: tuple[FoundCheckpoint, ...]
    points: tuple[MetricPoint, ...]
    config: dict[str, str | int | float | bool | None] = field(default_factory=dict)
    first_log_at: float | None = None
    first_log_key: str = ""
    """Names the beginning of a log that has no times: another key in the same folder is a rerun; "" says nothing."""
    template: str | None = None
    """The trainer's name for the chat template trained with, where it has such names."""
    system_prompt: str | None = None
    """What training told the model where a conversation said nothing else, as far as the trainer writes it down."""
    problems: tuple[str, ...] = ()
    read_mark: str = ""
    """What its files looked like when they were read: the same mark later means that there is nothing new."""
    log_only: bool = False
    """Told by a log that lies elsewhere: it says nothing of checkpoints, nor of the trainer."""


@dataclass(frozen=True, slots=True)
class RememberedRun:
    """What is stored of a run that a folder watch has read: enough not to read it again, and to miss it when gone.

    `found` has no points. `mark` is its `read_mark`.
    """

    found: FoundRun
    mark: str
