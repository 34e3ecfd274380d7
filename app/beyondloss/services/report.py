"""What a report of one checkpoint is made of: verdicts, the most telling examples, and what loss did. No words.

Examples come from everybody's ratings. A link's visitor sees only those that several people rated, so that no
example tells what one other person said, and, where the link allows rating, only those they have rated themselves.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from beyondloss.domain.access import Visitor
from beyondloss.domain.metrics import Series
from beyondloss.domain.runs import BASE_STEP
from beyondloss.services import choosing, comparisons, losses, runs, verdicts
from beyondloss.services.agreement import Agreement, agreement_of
from beyondloss.services.choosing import StepMove, Weighing
from beyondloss.services.comparisons import Comparison
from beyondloss.services.losses import LossLevels, LossMoves
from beyondloss.services.runs import RunView
from beyondloss.services.verdicts import VerdictSet, said_by_rater
from beyondloss.store import verdicts as given
from beyondloss.store.engine import Store

MOST_EXAMPLES = 3
DRAWN_POINTS = 500
"""Of each loss: more than a strip on paper has room for."""
FEWEST_FOR_GUESTS = 2
"""Raters behind an example that a link's visitor sees."""


@dataclass(frozen=True, slots=True)
class Example:
    """One comparison that all its raters see alike. `value` is their mean, from −1 to 1."""

    comparison: Comparison
    value: float
    raters: int


@dataclass(frozen=True, slots=True)
class Report:
    """One checkpoint against a reference, and the run around it.

    `losses` is None where the reference belongs to another run, `against_run` names that. `levels` are the losses at
    the steps of `by_step`, which is every rated checkpoint against the base; `curves` the losses as they are drawn.
    """

    run: RunView
    verdicts: VerdictSet
    against_run: str
    changed: int
    unchanged: int
    by_step: tuple[VerdictSet, ...]
    losses: LossMoves | None
    levels: tuple[LossLevels, ...]
    curves: tuple[Series, ...]
    moves: tuple[StepMove, ...]
    weighing: Weighing
    gains: tuple[Example, ...]
    setbacks: tuple[Example, ...]
    agreement: Agreement


def build_report(
    store: Store, reference: str, visitor: Visitor, *, step: int | None = None, against: str = "base"
) -> Report:
    """`reference` is a run's id, name or folder. Without a step: the last one that was rated against the base, else
    the last one that has answers. Raises NotFound or InvalidInput as the comparison does.
    """
    run = runs.find_run(store, reference, visitor)
    evidence = verdicts.evidence_of(store, run.id, visitor, unrated=True)
    by_step = verdicts.verdict_sets(evidence, visitor)
    chosen = _default_step(run, by_step) if step is None else step
    compared = comparisons.compare(store, run.id, visitor, step=chosen, against=against)
    found = verdicts.verdicts_of(store, run.id, visitor, step=chosen, against=against)
    examples = _examples(store, run.id, visitor, compared.comparisons)
    weighing = choosing.weigh_checkpoints(store, run, visitor, known=evidence)
    rated = {one.step for one in by_step}
    same_run = compared.against_run_id == run.id and compared.against_step is not None
    return Report(
        run=run,
        verdicts=found,
        against_run=compared.against_run,
        changed=compared.changed,
        unchanged=compared.unchanged,
        by_step=by_step,
        losses=losses.moves_between(store, run.id, before=compared.against_step or 0, after=chosen)
        if same_run
        else None,
        levels=tuple(one for one in weighing.levels if one.step in rated),
        curves=losses.curves(store, run.id, points=DRAWN_POINTS) if by_step else (),
        moves=choosing.moves_of(store, run.id, visitor, known=evidence),
        weighing=weighing,
        gains=_strongest([one for one in examples if one.value > 0]),
        setbacks=_strongest([one for one in examples if one.value < 0]),
        agreement=agreement_of(store, run.id, visitor, step=chosen, against=against),
    )


def _default_step(run: RunView, by_step: Sequence[VerdictSet]) -> int:
    if by_step:
        return by_step[-1].step
    answered = [one.step for one in run.checkpoints if one.answers_done]
    return max(answered, default=max((one.step for one in run.checkpoints), default=BASE_STEP))


def _examples(store: Store, run_id: int, visitor: Visitor, found: Sequence[Comparison]) -> list[Example]:
    """Comparisons on which everybody who rated leans the same way, in the order of the probes."""
    with store.read() as session:
        by_pair = defaultdict(list)
        for rating in given.given_ratings(session, run_id):
            by_pair[rating.answer_id, rating.reference_id].append(rating)
    fewest = 1 if visitor.is_owner else FEWEST_FOR_GUESTS
    examples = []
    for one in found:
        if one.answer is None or one.reference is None or not one.changed:
            continue
        if not visitor.is_owner and visitor.may_rate and not one.my_ratings:
            continue  # others' ratings must not sway who has yet to rate it
        said = list(said_by_rater(by_pair.get((one.answer.id, one.reference.id), ()), None).values())
        agreed = all(value > 0 for value in said) or all(value < 0 for value in said)
        if len(said) >= fewest and agreed:
            examples.append(Example(one, fmean(said), len(said)))
    return examples


def _strongest(examples: Sequence[Example]) -> tuple[Example, ...]:
    """Those with the most raters and the clearest lean first; probes of different groups before more of one."""
    ranked = sorted(examples, key=lambda one: (-one.raters, -abs(one.value)))
    seen: set[str] = set()
    first: list[Example] = []
    again: list[Example] = []
    for one in ranked:
        group = one.comparison.probe.group or one.comparison.probe.key
        (again if group in seen else first).append(one)
        seen.add(group)
    return tuple([*first, *again][:MOST_EXAMPLES])
