"""What readers of layouts other than the Trainer's share: one folder of weights → one checkpoint."""

from pathlib import Path

from beyondloss.domain.runs import CheckpointState, FoundCheckpoint
from beyondloss.ingest.formats.hf_checkpoints import partial_state, settled_state
from beyondloss.ingest.formats.steadiness import Steadiness
from beyondloss.ingest.weights import Wholeness, find_weights


def stepwise_checkpoint(
    step: int, folder: Path, steadiness: Steadiness, *, epoch: float | None = None, is_done: bool | None = None
) -> FoundCheckpoint | None:
    """`is_done` says whether the trainer's own marker is there; None where it has none, and two looks must do."""
    weights = find_weights(folder)
    if weights is None:
        return None
    state, reason = CheckpointState.PRESENT, ""
    if weights.wholeness is Wholeness.SHARDED:
        state, reason = CheckpointState.SHARDED, weights.reason
    elif weights.wholeness is Wholeness.REFUSED:
        state, reason = CheckpointState.UNREADABLE, weights.reason
    elif weights.wholeness is Wholeness.PARTIAL:
        state, reason = partial_state(folder, weights, steadiness)
    elif is_done is False:
        state, reason = CheckpointState.SAVING, "Still being saved: the trainer has not marked it complete yet."
    elif is_done is None:
        state, reason = settled_state(folder, weights, steadiness)
    return FoundCheckpoint(
        step=step,
        path=weights.folder,
        kind=weights.kind,
        state=state,
        reason=reason,
        epoch=epoch,
        stamp=weights.stamp,
    )
