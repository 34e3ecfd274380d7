"""The `checkpoint-<step>` folders of the Hugging Face Trainer and all that build on it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from beyondloss.domain.runs import CheckpointState, FoundCheckpoint
from beyondloss.ingest.folders import is_folder
from beyondloss.ingest.formats.steadiness import Steadiness
from beyondloss.ingest.logs.trainer_state import StateHead, read_head
from beyondloss.ingest.weights import Weights, Wholeness, find_weights

CHECKPOINT_NAME = re.compile(r"checkpoint-(\d{1,15})")


@dataclass(frozen=True, slots=True)
class SeenCheckpoint:
    """A checkpoint folder with what tells whether it belongs to the run that the folder now holds."""

    folder: Path
    found: FoundCheckpoint
    weights: Weights
    head: StateHead | None


def checkpoint_folders(folder: Path) -> Iterator[tuple[int, Path]]:
    """(step, folder) by rising step. A symlink counts only if it leads somewhere that is not listed already."""
    try:
        entries = [entry for entry in os.scandir(folder) if CHECKPOINT_NAME.fullmatch(entry.name) and is_folder(entry)]
    except OSError:
        return
    real = {Path(entry.path).resolve() for entry in entries if not entry.is_symlink()}
    for entry in sorted(entries, key=lambda entry: int(entry.name.rpartition("-")[2])):
        path = Path(entry.path)
        if entry.is_symlink():
            target = path.resolve()
            if target in real:
                continue
            real.add(target)
        yield int(entry.name.rpartition("-")[2]), path


def see_checkpoint(step: int, folder: Path, steadiness: Steadiness) -> SeenCheckpoint | None:
    """None while (or because) there are no weights."""
    weights = find_weights(folder)
    if weights is None:
        return None
    head = read_head(folder)
    state, reason = _state(folder, weights, head, steadiness)
    return SeenCheckpoint(
        folder=folder,
        found=FoundCheckpoint(
            step=step,
            path=weights.folder,
            kind=weights.kind,
            state=state,
            reason=reason,
            epoch=head.epoch if head is not None else None,
            stamp=weights.stamp,
        ),
        weights=weights,
        head=head,
    )


def _state(
    folder: Path, weights: Weights, head: StateHead | None, steadiness: Steadiness
) -> tuple[CheckpointState, str]:
    if weights.wholeness is Wholeness.SHARDED:
        return CheckpointState.SHARDED, weights.reason
    if weights.wholeness is Wholeness.REFUSED:
        return CheckpointState.UNREADABLE, weights.reason
    if weights.wholeness is Wholeness.PARTIAL:
        return partial_state(folder, weights, steadiness)
    # The trainer writes its state last; weights that are newer than it belong to a save that is under way.
    if head is not None and head.changed_at >= weights.changed_at - 1:
        steadiness.forget(folder)
        return CheckpointState.PRESENT, ""
    return settled_state(folder, weights, steadiness)


def partial_state(folder: Path, weights: Weights, steadiness: Steadiness) -> tuple[CheckpointState, str]:
    if weights.stamp and steadiness.is_cut_off(folder, weights.stamp, changed_at=weights.changed_at):
        return CheckpointState.UNREADABLE, f"Saving was cut off: {weights.reason}"
    return CheckpointState.SAVING, f"Still being saved: {weights.reason}"


def settled_state(folder: Path, weights: Weights, steadiness: Steadiness) -> tuple[CheckpointState, str]:
    """For whole weights without the trainer's last file: present once nothing changed between two looks."""
    if steadiness.is_steady(folder, weights.stamp):
        return CheckpointState.PRESENT, ""
    return CheckpointState.SAVING, "Still being saved: the weights are there, the trainer's last file is not."
