"""One probe's answers along a run: what each checkpoint said, and one of them against a reference. Read-only."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from beyondloss.domain.access import Visitor
from beyondloss.domain.runs import BASE_STEP
from beyondloss.domain.text import storable
from beyondloss.errors import NotFound
from beyondloss.services.answers import AnswerView, answer_view
from beyondloss.services.comparisons import ALL_ANSWERS, Comparison, comparison_of, step_against
from beyondloss.services.projects import ProbeView, probe_view
from beyondloss.services.verdicts import asked_of
from beyondloss.store import answers, comparisons, probes
from beyondloss.store.comparisons import StepRecord
from beyondloss.store.engine import Store
from beyondloss.store.probes import ProbeRecord
from beyondloss.store.rows import stored_id

PREVIOUS = "previous"


@dataclass(frozen=True, slots=True)
class Strip:
    """`answers` rise by step. `comparison` is of `step`, without ratings; `probes` are all that the run is asked."""

    probe: ProbeView
    probes: tuple[ProbeView, ...]
    answers: tuple[AnswerView, ...]
    samples: int
    sample: int
    step: int
    comparison: Comparison


def strip_of(
    store: Store,
    run_id: int,
    visitor: Visitor,
    *,
    probe: str,
    step: int | None = None,
    against: str = "base",
    sampling: str | None = None,
    sample: int = 0,
) -> Strip:
    """`probe` is an id, of whatever revision, or a key. `step` is the newest with an answer by default.

    `against`: base, previous (the nearest earlier answer to this probe), or a step number. A fixed number of queries.
    Raises NotFound for a probe or step that is not there, InvalidInput for a reference that is no step.
    """
    with store.read() as session:
        asked = asked_of(session, run_id, visitor, sampling)
        sampling_id = stored_id(asked.sampling.id) if asked.sampling else None
        view = probe_view(_find_probe(session, asked.run.project_id, probe))
        steps = comparisons.steps_of(session, run_id, sampling_id=sampling_id)
        records = answers.current_answers(
            session, run_id, sampling_id=sampling_id or 0, probe_ids=[view.id], limit=ALL_ANSWERS
        )
    samples = asked.sampling.samples if asked.sampling else 1
    sample = min(sample, samples - 1)
    given = (answer_view(record, view) for record in records if record.answer.sample_index == sample)
    said = sorted(given, key=lambda answer: answer.step)
    chosen = (said[-1].step if said else BASE_STEP) if step is None else step
    return Strip(
        probe=view,
        probes=tuple(asked.probes),
        answers=tuple(said),
        samples=samples,
        sample=sample,
        step=chosen,
        comparison=comparison_of(
            view, _at(said, chosen), _reference(said, steps, chosen, against), sample_index=sample, mine={}
        ),
    )


def _find_probe(session: Session, project_id: int, reference: str) -> ProbeRecord:
    ids = probes.ids_by_reference(session, project_id, storable(reference))
    record = probes.probe_record(session, ids[0]) if ids else None
    if record is None:
        raise NotFound(f"There is no probe {reference[:80]!r}.", hint="The run's page shows those it was asked.")
    return record


def _at(said: Sequence[AnswerView], step: int | None) -> AnswerView | None:
    return next((answer for answer in said if answer.step == step), None)


def _reference(said: Sequence[AnswerView], steps: Sequence[StepRecord], step: int, against: str) -> AnswerView | None:
    wanted = step_against(steps, step, against)
    if against == PREVIOUS:
        return next((one for one in reversed(said) if one.step < step), None)
    return _at(said, wanted)
