"""`choose`: which checkpoint to use, by ratings and losses, and how it is served."""

from typing import TYPE_CHECKING, Annotated

import typer

from beyondloss.cli.invocation import Invocation, command
from beyondloss.cli.runs import RUN, find_run
from beyondloss.errors import InvalidInput

if TYPE_CHECKING:
    from beyondloss.services.runs import RunView
    from beyondloss.store.engine import Store


def register(app: typer.Typer) -> None:
    command(app)(choose)


def choose(
    invocation: Invocation,
    run: RUN,
    *,
    step: Annotated[str | None, typer.Option(help="The checkpoint's step, or base.")] = None,
    note: Annotated[str, typer.Option(help="Why, for whoever reads this later.")] = "",
    clear: Annotated[bool, typer.Option("--clear", help="Nothing is chosen any more.")] = False,
) -> None:
    """Say what speaks for each checkpoint; with --step, choose one and print how to merge and serve it."""
    from beyondloss.domain.access import OWNER
    from beyondloss.services import choosing

    if clear and step is not None:
        raise InvalidInput("--clear and --step contradict each other.", hint="Give one of them.")
    if note and step is None:
        raise InvalidInput("A note needs a checkpoint.", hint="Give --step too.")
    store = invocation.store(invocation.settings())
    view = find_run(store, run)
    if clear:
        choosing.unchoose(store, OWNER, view.id)
    elif step is not None:
        choosing.choose(store, OWNER, view.id, step=choosing.step_named(step), note=note)
    view = find_run(store, str(view.id))
    _tell(invocation, store, view, weigh=step is None and not clear)


def _tell(invocation: Invocation, store: "Store", view: "RunView", *, weigh: bool) -> None:
    from beyondloss.domain.access import OWNER
    from beyondloss.services import choosing, verdicts
    from beyondloss.web.choosing.data import as_json
    from beyondloss.web.choosing.table import as_text, build_rows
    from beyondloss.web.choosing.words import choosing_sentences, serving_text

    evidence = verdicts.evidence_of(store, view.id, OWNER)
    found = choosing.weigh_checkpoints(store, view, OWNER, known=evidence)
    serving = choosing.serving_of(view, OWNER, step=view.chosen.step) if view.chosen else None
    lines = [_chosen_line(view)]
    if weigh:
        rows = build_rows(view, verdicts.verdict_sets(evidence, OWNER), found)
        lines += ["", as_text(rows), "", *choosing_sentences(found)]
    if serving:
        lines += ["", serving_text(serving)]
    invocation.tell("\n".join(lines), as_json(view, found, serving))


def _chosen_line(view: "RunView") -> str:
    if view.chosen is None:
        return f"{view.name}: no checkpoint is chosen."
    name = f"step {view.chosen.step}" if view.chosen.step else "the base"
    return f"{view.name}: {name} is chosen." + (f" {view.chosen.note}" if view.chosen.note else "")
