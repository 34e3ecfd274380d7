"""A run's rated comparisons, with both answers and who said what: read a stretch at a time, never all at once."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from beyondloss.domain.access import Visitor
from beyondloss.errors import NotFound
from beyondloss.services.answers import AnswerView, answer_view
from beyondloss.services.projects import probe_view
from beyondloss.services.ratings import RatingView, rating_view
from beyondloss.store import answers, comparisons, probes, ratings, samplings
from beyondloss.store.engine import Store
from beyondloss.store.rows import stored_id

AT_ONCE = 200
"""Comparisons whose answers are in memory at the same time."""


@dataclass(frozen=True, slots=True)
class ExportedRun:
    """The run that is exported. Only the owner exports: a link's visitor must not learn what others said."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Judged:
    """One comparison and all ratings of it in force, oldest first. Run names, since the reference may be another's."""

    answer: AnswerView
    reference: AnswerView
    run: str
    reference_run: str
    sampling_key: str
    ratings: tuple[RatingView, ...]


def exported_run(store: Store, run_id: int, visitor: Visitor) -> ExportedRun:
    """Raises NotFound outside the visitor's scope, NotAllowed for whoever is not the owner."""
    with store.read() as session:
        run = answers.get_run(session, run_id)
        if run is None:
            raise NotFound("There is no such run.", hint="The runs list names them all.")
        visitor.require_run(run_id=run_id, project_id=run.project_id)
        visitor.require_owner()
        return ExportedRun(run_id, run.name)


def judged_comparisons(store: Store, run: ExportedRun) -> Iterator[Judged]:
    """In the order of their first ratings."""
    by_pair: dict[tuple[int, int], list[RatingView]] = defaultdict(list)
    with store.read() as session:
        for record in ratings.rating_records(session, run_id=run.id):
            view = rating_view(record)
            by_pair[view.answer_id, view.reference_id].append(view)
    for part in _parts(list(by_pair), AT_ONCE):
        with store.read() as session:
            found = _answers(session, {answer_id for pair in part for answer_id in pair})
            names = _run_names(session, {view.run_id for view in found.values()})
            keys = _sampling_keys(session, {view.sampling_id for view in found.values()})
        for pair in part:
            answer, reference = (found.get(answer_id) for answer_id in pair)
            if answer is not None and reference is not None:
                yield Judged(
                    answer=answer,
                    reference=reference,
                    run=names[answer.run_id],
                    reference_run=names[reference.run_id],
                    sampling_key=keys[answer.sampling_id],
                    ratings=tuple(by_pair[pair]),
                )


def _parts(pairs: Sequence[tuple[int, int]], size: int) -> Iterator[Sequence[tuple[int, int]]]:
    return (pairs[start : start + size] for start in range(0, len(pairs), size))


def _answers(session: Session, answer_ids: set[int]) -> dict[int, AnswerView]:
    placed = comparisons.answers_by_id(session, answer_ids)
    rows = {stored_id(one.record.probe.id): one.record.probe for one in placed.values()}
    views = {
        stored_id(record.probe.id): probe_view(record) for record in probes.probe_records(session, [*rows.values()])
    }
    return {key: answer_view(one.record, views[stored_id(one.record.probe.id)]) for key, one in placed.items()}


def _run_names(session: Session, run_ids: set[int]) -> dict[int, str]:
    found = (answers.get_run(session, run_id) for run_id in run_ids)
    return {stored_id(run.id): run.name for run in found if run is not None}


def _sampling_keys(session: Session, sampling_ids: set[int]) -> dict[int, str]:
    found = (samplings.get_sampling(session, sampling_id) for sampling_id in sampling_ids)
    return {stored_id(row.id): row.key for row in found if row is not None}
