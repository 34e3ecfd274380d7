"""Answers: append-only rows. A checkpoint's current answers are those that bear its own weight fingerprint."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from beyondloss.store.probes import current_probes
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Answer, Checkpoint, Probe, ProbeSet, Sampling


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """Current answers that are there, of those wanted."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class MissingAnswers:
    """One current probe and the samples of it that this checkpoint has not answered."""

    probe: Probe
    sample_indices: tuple[int, ...]


def count_current_answers(
    session: Session, checkpoints: Sequence[Checkpoint], *, project_id: int, sampling: Sampling, set_name: str | None
) -> dict[int, AnswerCount]:
    """By checkpoint id, for the active sets of one project or for one of them. Two queries for any number."""
    total = len(_asked(session, project_id, set_name)) * sampling.samples
    done = _count_done(session, [stored_id(row.id) for row in checkpoints], sampling, set_name)
    return {stored_id(row.id): AnswerCount(done.get(stored_id(row.id), 0), total) for row in checkpoints}


def _asked(session: Session, project_id: int, set_name: str | None) -> Sequence[Probe]:
    return current_probes(session, project_id=project_id, set_name=set_name, active_only=True)


def _count_done(
    session: Session, checkpoint_ids: Collection[int], sampling: Sampling, set_name: str | None
) -> dict[int, int]:
    query = (
        select(Answer.checkpoint_id, func.count())
        .join(Checkpoint, col(Checkpoint.id) == Answer.checkpoint_id)
        .join(Probe, col(Probe.id) == Answer.probe_id)
        .join(ProbeSet, col(ProbeSet.id) == Probe.probe_set_id)
        .where(
            col(Answer.checkpoint_id).in_(checkpoint_ids),
            Answer.sampling_id == sampling.id,
            Answer.fingerprint == Checkpoint.fingerprint,
            Answer.sample_index < sampling.samples,
            col(Probe.replaced_by).is_(None),
            ~col(Probe.archived),
            col(ProbeSet.active),
        )
        .group_by(col(Answer.checkpoint_id))
    )
    if set_name is not None:
        query = query.where(ProbeSet.name == set_name)
    return dict(session.exec(query).all())


def missing_answers(
    session: Session, checkpoint: Checkpoint, *, project_id: int, sampling: Sampling, set_name: str | None
) -> list[MissingAnswers]:
    """What this checkpoint still has to answer, in the order of the sets."""
    query = select(Answer.probe_id, Answer.sample_index).where(
        Answer.checkpoint_id == checkpoint.id,
        Answer.sampling_id == sampling.id,
        Answer.fingerprint == checkpoint.fingerprint,
    )
    there = set(session.exec(query).all())
    found = []
    for probe in _asked(session, project_id, set_name):
        lacking = tuple(index for index in range(sampling.samples) if (stored_id(probe.id), index) not in there)
        if lacking:
            found.append(MissingAnswers(probe, lacking))
    return found
