"""Answers: append-only rows. A checkpoint's current answers are those that bear its own weight fingerprint."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, or_
from sqlmodel import Session, col, select

from beyondloss.domain.runs import CheckpointKind
from beyondloss.store.insert import insert_into
from beyondloss.store.probes import current_probes
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Answer, Checkpoint, Job, Probe, ProbeSet, Run, Sampling

REFERENCES_PER_QUESTION = 4


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


def count_for_job(session: Session, job: Job) -> AnswerCount:
    """What the job's checkpoint has, of what the job asks of it now."""
    checkpoint = session.get_one(Checkpoint, job.checkpoint_id)
    return count_current_answers(
        session,
        [checkpoint],
        project_id=session.get_one(Run, job.run_id).project_id,
        sampling=session.get_one(Sampling, job.sampling_id),
        set_name=job.payload.get("set"),
    )[job.checkpoint_id]


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


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """What a draft needs of an earlier answer. `token_ids` as stored."""

    token_ids: bytes
    finish: str


def references(
    session: Session, checkpoint: Checkpoint, run: Run, *, sampling_id: int, probe_ids: Collection[int]
) -> dict[tuple[int, int], list[ReferenceRow]]:
    """The likeliest drafts by (probe id, sample index), likeliest first: what the newest earlier checkpoint said.

    Then those before that, then later ones; last, what the same base said in other runs: it will say it again.
    """
    earlier = col(Checkpoint.step) < checkpoint.step
    own = col(Checkpoint.run_id) == run.id
    nearness = case((earlier, -col(Checkpoint.step)), else_=col(Checkpoint.step))
    rank = func.row_number().over(
        partition_by=(col(Answer.probe_id), col(Answer.sample_index)),
        order_by=(case((own & earlier, 0), (own, 1), else_=2), nearness, col(Answer.id).desc()),
    )
    same_base = (
        (col(Checkpoint.kind) == CheckpointKind.BASE.value)
        & (col(Run.base_model) == run.base_model)
        & (col(Run.project_id) == run.project_id)
    )
    ranked = (
        select(col(Answer.id).label("id"), rank.label("rank"))
        .join(Checkpoint, col(Checkpoint.id) == Answer.checkpoint_id)
        .join(Run, col(Run.id) == Checkpoint.run_id)
        .where(Answer.sampling_id == sampling_id, col(Answer.probe_id).in_(probe_ids), or_(own, same_base))
        .subquery()
    )
    query = (
        select(Answer.probe_id, Answer.sample_index, Answer.token_ids, Answer.finish)
        .join(ranked, ranked.c.id == Answer.id)
        .where(ranked.c.rank <= REFERENCES_PER_QUESTION)
        .order_by(ranked.c.rank)
    )
    found: dict[tuple[int, int], list[ReferenceRow]] = defaultdict(list)
    for probe_id, sample_index, token_ids, finish in session.exec(query).all():
        found[probe_id, sample_index].append(ReferenceRow(token_ids, finish))
    return found


def insert_answer(session: Session, row: Answer) -> bool:
    """Store it unless the same checkpoint, probe, sampling, sample and weights answered already. Whether it was new."""
    values: dict[str, Any] = row.model_dump(exclude={"id"})
    statement = insert_into(session, Answer).values(**values).on_conflict_do_nothing()
    return session.exec(statement.returning(col(Answer.id))).first() is not None


def get_run(session: Session, run_id: int) -> Run | None:
    return session.get(Run, run_id)


def checkpoint_with_run(session: Session, checkpoint_id: int) -> tuple[Checkpoint, Run] | None:
    query = select(Checkpoint, Run).join(Run, col(Run.id) == Checkpoint.run_id).where(Checkpoint.id == checkpoint_id)
    return session.exec(query).first()


def weight_folders(session: Session, run_id: int) -> list[str]:
    """Where checkpoints of the run lay, the first one's folders first, our own copy before the trainer's."""
    query = (
        select(Checkpoint.kept_path, Checkpoint.path).where(Checkpoint.run_id == run_id).order_by(col(Checkpoint.id))
    )
    return [folder for folders in session.exec(query).all() for folder in folders if folder is not None]


def locked_checkpoint(session: Session, checkpoint_id: int) -> Checkpoint | None:
    query = select(Checkpoint).where(Checkpoint.id == checkpoint_id)
    return session.exec(query.with_for_update().execution_options(populate_existing=True)).first()


def held_probe(session: Session, probe_id: int) -> Probe | None:
    """The probe, held against edits until the end of the transaction (see `probes.newest_revisions`)."""
    query = select(Probe).where(Probe.id == probe_id)
    return session.exec(query.with_for_update(read=True).execution_options(populate_existing=True)).first()


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """An answer with where it was given."""

    answer: Answer
    probe: Probe
    run_id: int
    step: int


def current_answers(
    session: Session,
    run_id: int,
    *,
    sampling_id: int,
    step: int | None = None,
    probe_ids: Collection[int] | None = None,
    after: int = 0,
    limit: int = 500,
) -> list[AnswerRecord]:
    """By id. Of the probes in force, unless others are asked for."""
    query = (
        select(Answer, Probe, Checkpoint.step)
        .join(Checkpoint, col(Checkpoint.id) == Answer.checkpoint_id)
        .join(Probe, col(Probe.id) == Answer.probe_id)
        .where(
            Checkpoint.run_id == run_id,
            Answer.sampling_id == sampling_id,
            Answer.fingerprint == Checkpoint.fingerprint,
            col(Answer.id) > after,
        )
        .order_by(col(Answer.id))
        .limit(limit)
    )
    if step is not None:
        query = query.where(Checkpoint.step == step)
    if probe_ids is None:
        query = query.where(col(Probe.replaced_by).is_(None), ~col(Probe.archived))
    else:
        query = query.where(col(Answer.probe_id).in_(probe_ids))
    return [AnswerRecord(answer, probe, run_id, at) for answer, probe, at in session.exec(query).all()]
