"""Gathers what the run page shows from the services. Knows no HTTP."""

from dataclasses import replace

from beyondloss.domain.access import Visitor
from beyondloss.services import changes, comparisons, losses, queue, runs, steering, verdicts
from beyondloss.services.comparisons import ComparisonSet
from beyondloss.services.runs import CheckpointView, RunView
from beyondloss.store.engine import Store
from beyondloss.web.run.behaviours import Judgement
from beyondloss.web.run.checkpoints import default_step
from beyondloss.web.run.pages import Facts, RunPage, build_page
from beyondloss.web.run.query import RunQuery


def load_page(store: Store, visitor: Visitor, run: RunView, query: RunQuery) -> RunPage:
    """The page in the state that the query asks for. What is missing of what it shows jumps ahead in the queue."""
    step = default_step(run.checkpoints) if query.step is None else query.step
    compared = comparisons.compare(
        store, run.id, visitor, step=step, against=query.against, sampling=query.sampling or None
    )
    selected = next(checkpoint for checkpoint in run.checkpoints if checkpoint.step == compared.step)
    waits = _waits(run, selected)
    if waits:
        queue.look_at(store, selected.id)
    facts = Facts(
        run=run,
        comparisons=compared,
        changed_by_step={
            change.step: change.changed
            for change in changes.changes_by_step(store, run.id, visitor, sampling=query.sampling or None)
        },
        queue=queue.queue_view(store, visitor) if waits else None,
        judged=_judged(store, visitor, run, compared, sampling=query.sampling or None) if run.ratings else None,
        steering=steering.steering_of(store, visitor, run.id, run.state),
    )
    return build_page(facts, replace(query, step=step), visitor)


def _judged(
    store: Store, visitor: Visitor, run: RunView, compared: ComparisonSet, *, sampling: str | None
) -> Judgement:
    here = verdicts.verdicts_of(store, run.id, visitor, step=compared.step, against=compared.against, sampling=sampling)
    same_run = compared.against_run_id == run.id and compared.against_step is not None
    return Judgement(
        here=here,
        by_step=verdicts.verdicts_by_step(store, run.id, visitor, sampling=sampling),
        losses=losses.moves_between(store, run.id, before=compared.against_step or 0, after=compared.step)
        if same_run
        else None,
    )


def find_page(store: Store, visitor: Visitor, reference: str, query: RunQuery) -> RunPage:
    """As `load_page`, for a run by id or name."""
    return load_page(store, visitor, runs.find_run(store, reference, visitor), query)


def _waits(run: RunView, selected: CheckpointView) -> bool:
    """Whether an answer is missing that this page would show."""
    return any(
        checkpoint.answers_done < checkpoint.answers_total
        for checkpoint in run.checkpoints
        if checkpoint.step in {0, selected.step}
    )
