"""The page of choosing: the table with a choice per checkpoint, what is said of it, how the chosen one is served."""

from collections.abc import Sequence
from dataclasses import dataclass

from beyondloss.domain.access import Visitor
from beyondloss.domain.choices import ChoiceMade
from beyondloss.services import choosing, verdicts
from beyondloss.services.choosing import Serving, Weighing
from beyondloss.services.runs import RunView
from beyondloss.services.verdicts import VerdictSet
from beyondloss.store.engine import Store
from beyondloss.web.choosing.table import ChoiceRow, build_rows
from beyondloss.web.choosing.words import choosing_sentences, purpose_label, step_name, unservable_label


@dataclass(frozen=True, slots=True)
class ShownCommand:
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class ShownChoice:
    """One entry of the history. `name` is empty where the choice before it was taken back."""

    name: str
    step: int | None
    note: str
    chosen_at: float


@dataclass(frozen=True, slots=True)
class ChoosePage:
    """`picked` is the step whose circle is filled in; `earlier` are the choices before the one in force."""

    name: str
    path: str
    rows: tuple[ChoiceRow, ...]
    said: tuple[str, ...]
    picked: int | None
    chosen: ShownChoice | None
    commands: tuple[ShownCommand, ...]
    unservable: str
    earlier: tuple[ShownChoice, ...]
    may_choose: bool


def load_page(store: Store, visitor: Visitor, run: RunView) -> ChoosePage:
    evidence = verdicts.evidence_of(store, run.id, visitor)
    by_step = verdicts.verdict_sets(evidence, visitor)
    found = choosing.weigh_checkpoints(store, run, visitor, known=evidence)
    made = choosing.choices_made(store, visitor, run.id) if visitor.is_owner else ()
    serving = choosing.serving_of(run, visitor, step=run.chosen.step) if run.chosen else None
    return _build(run, by_step, found, serving=serving, made=made, may_choose=visitor.is_owner)


def _build(
    run: RunView,
    by_step: Sequence[VerdictSet],
    found: Weighing,
    *,
    serving: Serving | None,
    made: Sequence[ChoiceMade],
    may_choose: bool,
) -> ChoosePage:
    chosen = run.chosen
    earlier = made[1:] if chosen else made
    return ChoosePage(
        name=run.name,
        path=f"/runs/{run.id}",
        rows=build_rows(run, by_step, found),
        said=choosing_sentences(found),
        picked=chosen.step if chosen else found.best,
        chosen=ShownChoice(step_name(chosen.step), chosen.step, chosen.note, chosen.chosen_at) if chosen else None,
        commands=tuple(ShownCommand(purpose_label(one.purpose), one.text) for one in serving.commands)
        if serving
        else (),
        unservable=unservable_label(serving.unservable) if serving and serving.unservable else "",
        earlier=tuple(
            ShownChoice("" if one.step is None else step_name(one.step), one.step, one.note, one.chosen_at)
            for one in earlier
        ),
        may_choose=may_choose,
    )
