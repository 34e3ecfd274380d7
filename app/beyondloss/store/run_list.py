"""What the runs list says about many runs at once: a fixed number of queries, whatever the number of runs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from beyondloss.domain.runs import BASE_STEP
from beyondloss.domain.sampling import Sampling as SamplingValue
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import (
    Answer,
    Checkpoint,
    MetricSeries,
    Probe,
    ProbeSet,
    Project,
    Rating,
    Run,
    Sampling,
)


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run with its project's name and the sampling its pages show; `samples` answers are asked per probe."""

    run: Run
    project: str
    sampling_id: int | None
    samples: int


@dataclass(frozen=True, slots=True)
class RatingCount:
    ratings: int = 0
    raters: int = 0


def listed_runs(
    session: Session, *, run_id: int | None = None, project_id: int | None = None, project: str | None = None
) -> list[ListedRun]:
    """Runs that are not archived, the latest to start training first; of one run or project only when asked."""
    started = func.coalesce(col(Run.first_log_at), col(Run.first_seen))
    query = select(Run, Project).join(Project, col(Project.id) == Run.project_id).where(~col(Run.archived))
    if run_id is not None:
        query = query.where(Run.id == run_id)
    if project_id is not None:
        query = query.where(Run.project_id == project_id)
    if project is not None:
        query = query.where(Project.name == project)
    rows = session.exec(query.order_by(started.desc(), col(Run.id).desc())).all()
    return _with_sampling(session, rows)


def listed_run(session: Session, run: Run) -> ListedRun:
    return _with_sampling(session, [(run, session.get_one(Project, run.project_id))])[0]


def _with_sampling(session: Session, rows: Sequence[tuple[Run, Project]]) -> list[ListedRun]:
    """The run's own sampling, else its project's, else the default once it has been used."""
    samplings = {stored_id(row.id): row for row in session.exec(select(Sampling))}
    default = next((number for number, row in samplings.items() if row.key == SamplingValue().key), None)
    listed = []
    for run, project in rows:
        chosen = run.sampling_id or project.sampling_id or default
        listed.append(ListedRun(run, project.name, chosen, samplings[chosen].samples if chosen else 1))
    return listed


def revisions(
    session: Session, *, run_id: int | None = None, project_id: int | None = None
) -> tuple[tuple[int, int], ...]:
    """(id, revision) of the same runs, by id."""
    query = select(Run.id, Run.revision).where(~col(Run.archived)).order_by(col(Run.id))
    if run_id is not None:
        query = query.where(Run.id == run_id)
    if project_id is not None:
        query = query.where(Run.project_id == project_id)
    return tuple((stored_id(number), revision) for number, revision in session.exec(query))


def checkpoints_by_run(session: Session, run_ids: Collection[int]) -> dict[int, list[Checkpoint]]:
    """By rising step, the base first."""
    query = select(Checkpoint).where(col(Checkpoint.run_id).in_(run_ids)).order_by(col(Checkpoint.step))
    found: dict[int, list[Checkpoint]] = {run_id: [] for run_id in run_ids}
    for checkpoint in session.exec(query):
        found[checkpoint.run_id].append(checkpoint)
    return found


def asked_by_project(session: Session) -> dict[int, int]:
    """How many probes the active sets of each project ask."""
    query = (
        select(ProbeSet.project_id, func.count())
        .join(Probe, col(Probe.probe_set_id) == ProbeSet.id)
        .where(*_asked())
        .group_by(col(ProbeSet.project_id))
    )
    return dict(session.exec(query).all())


def answered(session: Session, sampling_of: Mapping[int, int]) -> dict[int, int]:
    """Current answers to the probes asked, by checkpoint id; `sampling_of` names the sampling by run id."""
    query = (
        select(Checkpoint.id, Checkpoint.run_id, Answer.sampling_id, func.count())
        .join(Checkpoint, _current(Answer, Checkpoint))
        .join(Probe, col(Probe.id) == Answer.probe_id)
        .join(ProbeSet, col(ProbeSet.id) == Probe.probe_set_id)
        .where(*_asked(), col(Checkpoint.run_id).in_(sampling_of))
        .group_by(col(Checkpoint.id), col(Checkpoint.run_id), col(Answer.sampling_id))
    )
    return {
        stored_id(checkpoint): count
        for checkpoint, run_id, sampling_id, count in session.exec(query)
        if sampling_of[run_id] == sampling_id
    }


def changed(session: Session, sampling_of: Mapping[int, int]) -> dict[int, int]:
    """Answers that differ from the base's, by run id: what there is to rate.

    The outer joins, which change nothing, keep SQLite from beginning with the base and then looking up the others
    by probe over all runs: 30 s instead of half a second at 66,000 answers.
    """
    base, base_answer = aliased(Checkpoint), aliased(Answer)
    query = (
        select(Checkpoint.run_id, Answer.sampling_id, func.count())
        .select_from(Checkpoint)
        .join(Answer, _current(Answer, Checkpoint))
        .join(Probe, col(Probe.id) == Answer.probe_id)
        .join(ProbeSet, col(ProbeSet.id) == Probe.probe_set_id)
        .join(base, (col(base.run_id) == Checkpoint.run_id) & (col(base.step) == BASE_STEP), isouter=True)
        .join(base_answer, _current(base_answer, base) & _same_question(base_answer), isouter=True)
        .where(
            *_asked(),
            col(Checkpoint.run_id).in_(sampling_of),
            Checkpoint.step != BASE_STEP,
            func.coalesce(base_answer.text, Answer.text) != Answer.text,
        )
        .group_by(col(Checkpoint.run_id), col(Answer.sampling_id))
    )
    return {run_id: count for run_id, sampling_id, count in session.exec(query) if sampling_of[run_id] == sampling_id}


def changed_and_rated(session: Session, sampling_of: Mapping[int, int], rater_id: int) -> dict[int, int]:
    """How many of those this person has rated against the base, by run id."""
    base_answer, base = aliased(Answer), aliased(Checkpoint)
    query = (
        select(Checkpoint.run_id, Answer.sampling_id, func.count(func.distinct(Answer.id)))
        .select_from(Rating)
        .join(Answer, col(Answer.id) == Rating.answer_id)
        .join(Checkpoint, _current(Answer, Checkpoint))
        .join(base_answer, (col(base_answer.id) == Rating.reference_id) & _same_question(base_answer))
        .join(base, _current(base_answer, base) & (col(base.run_id) == Checkpoint.run_id))
        .join(Probe, col(Probe.id) == Answer.probe_id)
        .join(ProbeSet, col(ProbeSet.id) == Probe.probe_set_id)
        .where(
            *_asked(),
            Rating.rater_id == rater_id,
            *_in_force(),
            base.step == BASE_STEP,
            Checkpoint.step != BASE_STEP,
            Answer.text != base_answer.text,
        )
        .group_by(col(Checkpoint.run_id), col(Answer.sampling_id))
    )
    return {
        run_id: count for run_id, sampling_id, count in session.exec(query) if sampling_of.get(run_id) == sampling_id
    }


def rating_counts(session: Session, run_ids: Collection[int]) -> dict[int, RatingCount]:
    query = (
        select(Rating.run_id, func.count(), func.count(func.distinct(Rating.rater_id)))
        .where(col(Rating.run_id).in_(run_ids), *_in_force())
        .group_by(col(Rating.run_id))
    )
    return {run_id: RatingCount(ratings, raters) for run_id, ratings, raters in session.exec(query)}


def losses(session: Session, run_ids: Collection[int]) -> dict[int, MetricSeries]:
    """The training loss of each run that has one, with its sparkline."""
    query = select(MetricSeries).where(col(MetricSeries.run_id).in_(run_ids), MetricSeries.name == "loss")
    return {series.run_id: series for series in session.exec(query)}


def _asked() -> tuple[ColumnElement[bool], ...]:
    """Of probes joined with their sets."""
    return col(Probe.replaced_by).is_(None), ~col(Probe.archived), col(ProbeSet.active).is_(True)


def _in_force() -> tuple[ColumnElement[bool], ...]:
    return col(Rating.superseded_by).is_(None), col(Rating.verdict).is_not(None)


def _current(answer: type[Answer], checkpoint: type[Checkpoint]) -> ColumnElement[bool]:
    return (col(checkpoint.id) == col(answer.checkpoint_id)) & (col(checkpoint.fingerprint) == col(answer.fingerprint))


def _same_question(other: type[Answer]) -> ColumnElement[bool]:
    return (
        (col(other.probe_id) == col(Answer.probe_id))
        & (col(other.sampling_id) == col(Answer.sampling_id))
        & (col(other.sample_index) == col(Answer.sample_index))
    )
