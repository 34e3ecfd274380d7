"""Comparisons: the answers of one checkpoint against a reference, as diffs, with the visitor's ratings."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlmodel import Session

from beyondloss.analysis.diff import Op, word_diff
from beyondloss.analysis.divergence import first_divergence, is_numerical_tie
from beyondloss.domain.access import Visitor
from beyondloss.domain.runs import BASE_STEP
from beyondloss.domain.sampling import Sampling
from beyondloss.domain.text import storable
from beyondloss.errors import InvalidInput, NotFound
from beyondloss.services.answers import AnswerView, answer_view
from beyondloss.services.projects import ProbeView, probe_view
from beyondloss.services.ratings import RatingView, rating_view
from beyondloss.store import answers, comparisons, probes, ratings, runs, samplings
from beyondloss.store.comparisons import StepRecord
from beyondloss.store.engine import Store
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Run
from beyondloss.store.tables import Sampling as SamplingRow

ALL_ANSWERS = 1_000_000
"""More than one checkpoint can hold: probes times the most samples."""
KEPT_DIFFS = 4_096
LARGEST_KEPT_DIFF_CHARACTERS = 8_192

RatingsByPair = dict[tuple[int, int], list[RatingView]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One probe (and sample) at this checkpoint against its reference. `answer` or `reference` is None while missing.

    `first_divergence` is the first differing token; `numerical_tie` marks a divergence at a top-1/top-2 margin too
    small to be behaviour. `my_ratings` are the visitor's ratings in force that count: one for all behaviours, or one
    each, or the first and what was said of single behaviours after it.
    """

    probe: ProbeView
    sample_index: int
    answer: AnswerView | None
    reference: AnswerView | None
    changed: bool | None
    first_divergence: int | None
    numerical_tie: bool
    ops: tuple[Op, ...]
    my_ratings: tuple[RatingView, ...]


@dataclass(frozen=True, slots=True)
class ComparisonSet:
    """`against_step` is what `against` (base, previous, or a step) came to; None if there is nothing to compare with.

    `against_run_id` and `against_run` are another run's where `against` names one, else this run's id and nothing.

    `changed` and `unchanged` count whole pairs, `missing` those that lack an answer; `unrated` the changed ones that
    the visitor has yet to rate: equal answers are a tie that nobody is asked about.
    """

    run_id: int
    step: int
    against: str
    against_run_id: int
    against_run: str
    against_step: int | None
    sampling_key: str
    comparisons: tuple[Comparison, ...]
    changed: int
    unchanged: int
    unrated: int
    missing: int


@dataclass(frozen=True, slots=True)
class Reference:
    """The checkpoint that another is compared with. `run` is empty for the same run; `step` None: there is none."""

    run_id: int
    run: str
    step: int | None


def compare(
    store: Store,
    run_id: int,
    visitor: Visitor,
    *,
    step: int,
    against: str = "base",
    sampling: str | None = None,
) -> ComparisonSet:
    """All probes of the run's active sets, in the order of the set.

    `against`: base, previous, a step number, or RUN@STEP for a checkpoint of another run of the same project.
    Previous is the nearest earlier step that has answers, else the nearest that is present. A fixed number of queries.
    Raises NotFound for a step the run does not have, InvalidInput for a reference that is no step.
    """
    with store.read() as session:
        run = _visible_run(session, visitor, run_id)
        chosen = _sampling(session, run, sampling)
        sampling_id = chosen.id if chosen else None
        reference = find_reference(session, visitor, run, step=step, against=against, sampling_id=sampling_id)
        asked = probes.current_probes(session, project_id=run.project_id, active_only=True)
        views = [probe_view(record) for record in probes.probe_records(session, asked)]
        ours = _answers_at(session, run_id, views, step=step, sampling=chosen)
        theirs = _answers_at(session, reference.run_id, views, step=reference.step, sampling=chosen)
        mine = _my_ratings(session, visitor, [answer.id for answer in ours.values()])
    found = [
        comparison_of(view, ours.get((view.id, index)), theirs.get((view.id, index)), sample_index=index, mine=mine)
        for view in views
        for index in range(chosen.samples if chosen else 1)
    ]
    pairs = [one for one in found if one.changed is not None]
    changed = [one for one in pairs if one.changed]
    return ComparisonSet(
        run_id=run_id,
        step=step,
        against=against,
        against_run_id=reference.run_id,
        against_run=reference.run,
        against_step=reference.step,
        sampling_key=chosen.key if chosen else Sampling().key,
        comparisons=tuple(found),
        changed=len(changed),
        unchanged=len(pairs) - len(changed),
        unrated=sum(not one.my_ratings for one in changed),
        missing=sum(one.answer is None or (one.reference is None and reference.step is not None) for one in found),
    )


def compare_one(store: Store, visitor: Visitor, *, answer_id: int, reference_id: int) -> Comparison:
    """The one comparison of two answers to the same probe. Raises NotFound or InvalidInput."""
    with store.read() as session:
        placed = comparisons.answers_by_id(session, (answer_id, reference_id))
        for wanted in (answer_id, reference_id):
            found = placed.get(wanted)
            if found is None or not visitor.sees(run_id=found.record.run_id, project_id=found.project_id):
                raise NotFound("There is no such answer.", hint="Reload the page: it may have been generated anew.")
        answer, reference = placed[answer_id].record, placed[reference_id].record
        if answer.probe.id != reference.probe.id:
            raise InvalidInput("These are answers to different probes.", hint="Compare two answers to the same probe.")
        (probe_record,) = probes.probe_records(session, [answer.probe])
        mine = _my_ratings(session, visitor, [answer_id])
    view = probe_view(probe_record)
    return comparison_of(
        view,
        answer_view(answer, view),
        answer_view(reference, view),
        sample_index=answer.answer.sample_index,
        mine=mine,
    )


def _visible_run(session: Session, visitor: Visitor, run_id: int) -> Run:
    run = answers.get_run(session, run_id)
    if run is None:
        raise NotFound("There is no such run.", hint="Check the address, or ask for a new link.")
    visitor.require_run(run_id=run_id, project_id=run.project_id)
    return run


def find_reference(
    session: Session, visitor: Visitor, run: Run, *, step: int, against: str, sampling_id: int | None
) -> Reference:
    """What `against` names, as `compare` takes it. Raises NotFound for unknown steps, also for `step` itself."""
    other, wanted = _other_run(session, visitor, run, against)
    steps = comparisons.steps_of(session, stored_id(run.id), sampling_id=sampling_id)
    against_step = step_against(steps, step, "base" if other else wanted)
    if other is None:
        return Reference(stored_id(run.id), "", against_step)
    theirs = comparisons.steps_of(session, stored_id(other.id), sampling_id=sampling_id)
    return Reference(stored_id(other.id), other.name, _known_step(theirs, wanted))


def _other_run(session: Session, visitor: Visitor, run: Run, against: str) -> tuple[Run | None, str]:
    """The run that RUN@STEP names, and its step; None for this very run. Raises NotFound, or InvalidInput.

    Runs of another project are refused: they answer other probes.
    """
    name, at, step = against.rpartition("@")
    if not at:
        return None, against
    other = runs.run_by_reference(session, storable(name))
    if other is None or not visitor.sees(run_id=stored_id(other.id), project_id=other.project_id):
        raise NotFound(f"There is no run {name[:80]!r}.", hint="Give the other checkpoint as RUN@STEP.")
    if other.project_id != run.project_id:
        raise InvalidInput("The two runs belong to different projects.", hint="Only the same probes can be compared.")
    return (None if other.id == run.id else other), step


def _sampling(session: Session, run: Run, reference: str | None) -> SamplingRow | None:
    """The asked one, or the run's own; None while nothing was ever drawn by it."""
    if reference is None:
        return samplings.run_sampling(session, run)
    found = samplings.sampling_by_reference(session, storable(reference))
    if found is None:
        raise NotFound(f"There is no sampling {reference!r}.", hint="Leave it out to use the run's own.")
    return found


def step_against(steps: Sequence[StepRecord], step: int, against: str) -> int | None:
    """What a reference comes to; None where a checkpoint would be compared with itself, or there is none before it."""
    known = {record.step for record in steps}
    if step not in known:
        raise NotFound(f"This run has no checkpoint at step {step}.", hint="The run's page shows the steps it has.")
    if against == "previous":
        earlier = [record for record in steps if record.step < step]
        nearest = [record for record in earlier if record.answered] or [record for record in earlier if record.present]
        return nearest[-1].step if nearest else None
    chosen = _known_step(steps, against)
    return chosen if chosen != step else None


def _known_step(steps: Sequence[StepRecord], wanted: str) -> int:
    if wanted == "base":
        return BASE_STEP
    if not (wanted.isascii() and wanted.isdecimal()):
        raise InvalidInput(
            f"{wanted[:80]!r} is nothing to compare with.", hint="Use base, previous, a step number, or RUN@STEP."
        )
    chosen = int(wanted[:18])
    if chosen not in {record.step for record in steps}:
        raise NotFound(f"This run has no checkpoint at step {chosen}.", hint="The run's page shows the steps it has.")
    return chosen


def _answers_at(
    session: Session, run_id: int, views: Sequence[ProbeView], *, step: int | None, sampling: SamplingRow | None
) -> dict[tuple[int, int], AnswerView]:
    """Current answers of one checkpoint, by (probe id, sample index)."""
    if step is None or sampling is None:
        return {}
    by_id = {view.id: view for view in views}
    records = answers.current_answers(session, run_id, sampling_id=stored_id(sampling.id), step=step, limit=ALL_ANSWERS)
    found = (
        answer_view(record, by_id[record.answer.probe_id]) for record in records if record.answer.probe_id in by_id
    )
    return {(answer.probe.id, answer.sample_index): answer for answer in found}


def _my_ratings(session: Session, visitor: Visitor, answer_ids: Sequence[int]) -> RatingsByPair:
    mine: RatingsByPair = defaultdict(list)
    if visitor.rater_id is not None and answer_ids:
        for record in ratings.comparison_ratings(session, rater_id=visitor.rater_id, answer_ids=answer_ids):
            view = rating_view(record)
            mine[view.answer_id, view.reference_id].append(view)
    return mine


def comparison_of(
    probe: ProbeView,
    answer: AnswerView | None,
    reference: AnswerView | None,
    *,
    sample_index: int,
    mine: RatingsByPair,
) -> Comparison:
    """Two answers to one probe side by side, with the ratings in `mine` that count."""
    if answer is None or reference is None:
        return Comparison(
            probe=probe,
            sample_index=sample_index,
            answer=answer,
            reference=reference,
            changed=None,
            first_divergence=None,
            numerical_tie=False,
            ops=(),
            my_ratings=(),
        )
    changed = answer.text != reference.text
    position = first_divergence(answer.token_ids, reference.token_ids) if changed else None
    return Comparison(
        probe=probe,
        sample_index=sample_index,
        answer=answer,
        reference=reference,
        changed=changed,
        first_divergence=position,
        numerical_tie=position is not None
        and is_numerical_tie(
            position,
            answer.margins,
            reference.margins,
            provenances=(answer.provenance, reference.provenance),
        ),
        ops=_diff(reference.text, answer.text),
        my_ratings=counting_ratings(mine.get((answer.id, reference.id), ())),
    )


def counting_ratings(in_force: Sequence[RatingView]) -> tuple[RatingView, ...]:
    """One person's ratings of one comparison, without those for a single behaviour that a later overall one covers."""
    overall = max((rating.rated_at for rating in in_force if rating.behaviour_id is None), default=0.0)
    return tuple(rating for rating in in_force if rating.behaviour_id is None or rating.rated_at > overall)


def _diff(old: str, new: str) -> tuple[Op, ...]:
    """Answers never change, and everybody who opens a page asks for the same diffs. Giants are not kept."""
    if len(old) + len(new) > LARGEST_KEPT_DIFF_CHARACTERS:
        return word_diff(old, new)
    return _kept_diff(old, new)


@lru_cache(maxsize=KEPT_DIFFS)
def _kept_diff(old: str, new: str) -> tuple[Op, ...]:
    return word_diff(old, new)
