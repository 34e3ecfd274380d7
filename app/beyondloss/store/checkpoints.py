"""Checkpoints: rows by step, and what is forgotten of one whose weights are others now."""

import time
from collections.abc import Collection, Sequence

from sqlmodel import Session, col, select

from beyondloss.domain.runs import BASE_STEP, CheckpointKind, CheckpointState, FoundCheckpoint
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Checkpoint, Run

GONE_REASON = "It is no longer in the run's folder. Its answers stay."


def checkpoints_of(session: Session, run_id: int) -> Sequence[Checkpoint]:
    """By rising step, the base first."""
    return session.exec(select(Checkpoint).where(Checkpoint.run_id == run_id).order_by(col(Checkpoint.step))).all()


def ensure_base(session: Session, run: Run) -> Checkpoint:
    """The run's model before training: step 0, no folder of its own."""
    query = select(Checkpoint).where(Checkpoint.run_id == run.id, Checkpoint.step == BASE_STEP)
    base = session.exec(query).first()
    if base is None:
        base = Checkpoint(
            run_id=stored_id(run.id),
            step=BASE_STEP,
            kind=CheckpointKind.BASE.value,
            state=CheckpointState.PRESENT.value,
            found_state=CheckpointState.PRESENT.value,
            first_seen=time.time(),
        )
        session.add(base)
        session.flush()
    return base


def add_found(session: Session, run_id: int, found: FoundCheckpoint) -> Checkpoint:
    checkpoint = Checkpoint(
        run_id=run_id, step=found.step, kind=found.kind.value, state=found.state.value, first_seen=time.time()
    )
    take_found(checkpoint, found)
    session.add(checkpoint)
    session.flush()
    return checkpoint


def take_found(checkpoint: Checkpoint, found: FoundCheckpoint) -> bool:
    """Bring a row to what a reader saw. Whether that changed it.

    Other weights (another stamp) are answered anew. What a worker found out about the same weights (that they are not
    numbers, say) stands, since a reader looks at no tensor.
    """
    before = checkpoint.model_dump()
    rewritten = bool(checkpoint.stamp and found.stamp and checkpoint.stamp != found.stamp)
    judged = checkpoint.state == CheckpointState.UNREADABLE.value and checkpoint.found_state == found.state.value
    if rewritten:
        forget_weights(checkpoint)
    if rewritten or not judged:
        checkpoint.state, checkpoint.reason = found.state.value, found.reason
    checkpoint.found_state = found.state.value
    checkpoint.path, checkpoint.kind = str(found.path), found.kind.value
    checkpoint.stamp = found.stamp or checkpoint.stamp
    checkpoint.epoch = checkpoint.epoch if found.epoch is None else found.epoch
    return checkpoint.model_dump() != before


def take_gone(checkpoint: Checkpoint) -> bool:
    """Whether that changed it. Its answers stay, and a kept copy goes on answering."""
    if checkpoint.state == CheckpointState.GONE.value:
        return False
    checkpoint.state = checkpoint.found_state = CheckpointState.GONE.value
    checkpoint.reason = GONE_REASON
    return True


def forget_weights(checkpoint: Checkpoint) -> None:
    """Answers of the weights that were here stay in the store but are current no more."""
    checkpoint.fingerprint = checkpoint.adapter_check = ""
    checkpoint.kept_path = None


def stamps_of(session: Session, run_ids: Collection[int]) -> set[tuple[str, str]]:
    """(path, stamp) of the checkpoints of these runs."""
    query = select(Checkpoint.path, Checkpoint.stamp).where(
        col(Checkpoint.run_id).in_(run_ids), Checkpoint.stamp != "", col(Checkpoint.path).is_not(None)
    )
    return {(path or "", stamp) for path, stamp in session.exec(query)}


def forget_base(session: Session, run_id: int) -> None:
    """Another base: neither the base's answers nor those of adapters on it are current. Full models stand alone."""
    for checkpoint in checkpoints_of(session, run_id):
        if checkpoint.kind != CheckpointKind.FULL.value:
            checkpoint.fingerprint = checkpoint.adapter_check = ""
    session.flush()
