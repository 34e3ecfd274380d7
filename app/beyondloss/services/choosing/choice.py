"""Choosing a checkpoint of a run, and taking that back: the owner's alone. Everybody who sees the run sees it."""

from collections.abc import Sequence

from sqlmodel import Session

from beyondloss.domain.access import Visitor
from beyondloss.domain.choices import ChoiceMade
from beyondloss.domain.runs import BASE_STEP
from beyondloss.domain.text import storable
from beyondloss.errors import InvalidInput, NotFound
from beyondloss.store import choices
from beyondloss.store.engine import Store
from beyondloss.store.revisions import bump_run
from beyondloss.store.runs import lock_run

MOST_NOTE_CHARACTERS = 2000
SHOWN_CHOICES = 20


def choose(store: Store, visitor: Visitor, run_id: int, *, step: int, note: str = "") -> None:
    """Step 0 is the base. The same step and note again changes nothing.

    Raises NotAllowed for anybody but the owner, NotFound for a step that the run does not have.
    """
    visitor.require_owner()
    note = storable(note).strip()
    if len(note) > MOST_NOTE_CHARACTERS:
        raise InvalidInput(f"The note is longer than {MOST_NOTE_CHARACTERS} characters.", hint="Say it shorter.")
    with store.write() as session:
        lock_run(session, run_id)
        checkpoint_id = choices.checkpoint_at(session, run_id, step)
        if checkpoint_id is None:
            raise NotFound(f"The run has no checkpoint at step {step}.", hint="Its page lists them; 0 is the base.")
        chosen = choices.chosen_by_run(session, [run_id]).get(run_id)
        if chosen is None or (chosen.step, chosen.note) != (step, note):
            _add(session, run_id, checkpoint_id=checkpoint_id, note=note)


def unchoose(store: Store, visitor: Visitor, run_id: int) -> bool:
    """Nothing is chosen any more; gives whether something was. Raises NotAllowed for anybody but the owner."""
    visitor.require_owner()
    with store.write() as session:
        lock_run(session, run_id)
        if run_id not in choices.chosen_by_run(session, [run_id]):
            return False
        _add(session, run_id, checkpoint_id=None, note="")
    return True


def choices_made(store: Store, visitor: Visitor, run_id: int) -> Sequence[ChoiceMade]:
    """The latest, newest first. Only the owner's to see: it is they who go back to an earlier one."""
    visitor.require_owner()
    with store.read() as session:
        return choices.choices_made(session, run_id, limit=SHOWN_CHOICES)


def step_named(text: str) -> int:
    """A step as it is typed; `base` is step 0."""
    if text == "base":
        return BASE_STEP
    if text.isascii() and text.isdecimal() and len(text) < 16:
        return int(text)
    raise InvalidInput(f"{text[:40]!r} is no step.", hint="Give the number of a checkpoint's step, or base.")


def _add(session: Session, run_id: int, *, checkpoint_id: int | None, note: str) -> None:
    choices.add_choice(session, run_id, checkpoint_id=checkpoint_id, note=note)
    bump_run(session, run_id)
