"""What bringing ratings in from a file needs: answers by names instead of ids, and who said the same already."""

from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from beyondloss.store.tables import Answer, Behaviour, Checkpoint, Probe, ProbeSet, Rater, Rating, Run, Sampling


def answers_named(
    session: Session, *, project_id: int, run: str, step: int, probe_set: str, probe: str
) -> list[Answer]:
    """All answers of one checkpoint to one probe, whatever its revision, the weights and the sampling; oldest first."""
    query = (
        select(Answer)
        .join(Checkpoint, col(Checkpoint.id) == Answer.checkpoint_id)
        .join(Run, col(Run.id) == Checkpoint.run_id)
        .join(Probe, col(Probe.id) == Answer.probe_id)
        .join(ProbeSet, col(ProbeSet.id) == Probe.probe_set_id)
        .where(
            Run.project_id == project_id,
            Run.name == run,
            Checkpoint.step == step,
            ProbeSet.name == probe_set,
            Probe.key == probe,
        )
        .order_by(col(Answer.id))
    )
    return list(session.exec(query).all())


def sampling_keys(session: Session) -> dict[int, str]:
    """The key of every sampling, by id."""
    return {key: name for key, name in session.exec(select(Sampling.id, Sampling.key)).all() if key is not None}


def behaviour_id(session: Session, project_id: int, name: str) -> int | None:
    return session.exec(select(Behaviour.id).where(Behaviour.project_id == project_id, Behaviour.name == name)).first()


def heads_by_name(
    session: Session, *, rater: str, answer_id: int, reference_id: int, behaviour_id: int | None
) -> Sequence[Rating]:
    """The last entries of everybody of this name for one comparison and behaviour."""
    query = (
        select(Rating)
        .join(Rater, col(Rater.id) == Rating.rater_id)
        .where(
            func.lower(Rater.name) == func.lower(rater),
            Rating.answer_id == answer_id,
            Rating.reference_id == reference_id,
            Rating.behaviour_id == behaviour_id,
            col(Rating.superseded_by).is_(None),
        )
    )
    return session.exec(query).all()
