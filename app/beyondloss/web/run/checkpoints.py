"""The checkpoints of a run as the page shows them: marks on the curve, the stepper, the choice of reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from beyondloss.domain.runs import BASE_STEP, CheckpointState
from beyondloss.services.comparisons import ComparisonSet
from beyondloss.services.runs import CheckpointView, RunView
from beyondloss.web.run.query import BASE, PREVIOUS, RunQuery

_NO_EFFECT = "no effect"


class MarkShape(StrEnum):
    """What a checkpoint's mark says without colour."""

    ANSWERED = "answered"
    PARTLY = "partly"
    WAITING = "waiting"
    GONE = "gone"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint: a mark on the curve, a row of the table, an entry of the stepper."""

    step: int
    epoch: float | None
    shape: MarkShape
    state: CheckpointState
    reason: str
    no_effect: bool
    answers_done: int
    answers_total: int
    changed: int | None
    """Answers that differ from the base's; None until both are there."""
    href: str
    selected: bool
    is_reference: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that changes one thing of the page's state. `count` is shown beside it when it is known."""

    value: str
    href: str
    current: bool
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Stepper:
    """◂ step ▸ : the neighbours of the selected checkpoint, and the references it can be read against."""

    step: int
    earlier: str
    """Address of the checkpoint before this one; empty at the first."""
    later: str
    position: int
    total: int
    against: str
    against_run: str
    """Name of the other run that the reference belongs to; empty for this run's own."""
    against_step: int | None
    base: Choice
    previous: Choice | None
    others: tuple[Choice, ...]
    newest: str
    """Address of the newest answered checkpoint when that is not the selected one; empty otherwise."""


def default_step(checkpoints: Sequence[CheckpointView]) -> int:
    """The newest checkpoint with answers; without any, the newest that is there; at last the base."""
    answered = [c.step for c in checkpoints if c.answers_done and c.step != BASE_STEP]
    present = [c.step for c in checkpoints if c.state is CheckpointState.PRESENT]
    return max(answered or present or [BASE_STEP])


def build_checkpoints(
    run: RunView, query: RunQuery, path: str, comparisons: ComparisonSet, *, changed: Mapping[int, int]
) -> tuple[Checkpoint, ...]:
    return tuple(
        Checkpoint(
            step=checkpoint.step,
            epoch=checkpoint.epoch,
            shape=_shape(checkpoint),
            state=checkpoint.state,
            reason=checkpoint.reason,
            no_effect=checkpoint.adapter_check == _NO_EFFECT,
            answers_done=checkpoint.answers_done,
            answers_total=checkpoint.answers_total,
            changed=changed.get(checkpoint.step),
            href=step_href(query, path, checkpoint.step),
            selected=checkpoint.step == comparisons.step,
            is_reference=not comparisons.against_run
            and checkpoint.step == comparisons.against_step
            and checkpoint.step != comparisons.step,
            chosen=run.chosen is not None and run.chosen.step == checkpoint.step,
        )
        for checkpoint in run.checkpoints
    )


def step_href(query: RunQuery, path: str, step: int) -> str:
    """The same view of another checkpoint. What was unfolded here is folded there."""
    return query.href(path, step=step, full=frozenset(), rendered=frozenset())


def _shape(checkpoint: CheckpointView) -> MarkShape:
    if checkpoint.state in {CheckpointState.UNREADABLE, CheckpointState.SHARDED}:
        return MarkShape.TROUBLE
    if checkpoint.answers_total and checkpoint.answers_done >= checkpoint.answers_total:
        return MarkShape.ANSWERED
    if checkpoint.state is CheckpointState.GONE:
        return MarkShape.GONE
    return MarkShape.PARTLY if checkpoint.answers_done else MarkShape.WAITING


def build_stepper(run: RunView, query: RunQuery, path: str, comparisons: ComparisonSet) -> Stepper:
    steps = [checkpoint.step for checkpoint in run.checkpoints]
    here = steps.index(comparisons.step) if comparisons.step in steps else 0
    newest = default_step(run.checkpoints)
    references = query.href(path, against=BASE, full=frozenset(), rendered=frozenset())
    return Stepper(
        step=comparisons.step,
        earlier=step_href(query, path, steps[here - 1]) if here > 0 else "",
        later=step_href(query, path, steps[here + 1]) if here + 1 < len(steps) else "",
        position=here + 1,
        total=len(steps),
        against=comparisons.against,
        against_run=comparisons.against_run,
        against_step=comparisons.against_step,
        base=Choice(BASE, references, query.against == BASE),
        # Before the first checkpoint there is only the base.
        previous=_reference(query, path, PREVIOUS) if here > 1 else None,
        others=tuple(_reference(query, path, str(step)) for step in steps if step not in {comparisons.step, BASE_STEP}),
        newest=step_href(query, path, newest) if newest != comparisons.step else "",
    )


def _reference(query: RunQuery, path: str, against: str) -> Choice:
    href = query.href(path, against=against, full=frozenset(), rendered=frozenset())
    return Choice(against, href, query.against == against)
