"""How a checkpoint is merged and served: the facts behind the commands. The owner's to see: they name folders."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from beyondloss.domain.access import Visitor
from beyondloss.domain.runs import CheckpointKind, CheckpointState
from beyondloss.ingest.serving import serving_facts
from beyondloss.services.choosing.commands import (
    Adapter,
    Command,
    Whole,
    adapter_commands,
    serving_name,
    whole_commands,
)
from beyondloss.services.runs import CheckpointView, RunView


class Unservable(StrEnum):
    """Why there is no command."""

    GONE = "gone"
    UNREADABLE = "unreadable"
    NO_BASE = "no_base"


@dataclass(frozen=True, slots=True)
class Serving:
    """Either commands, or why there are none."""

    step: int
    commands: tuple[Command, ...]
    unservable: Unservable | None = None


def serving_of(run: RunView, visitor: Visitor, *, step: int) -> Serving | None:
    """None for everybody but the owner, and for a step that the run does not have."""
    checkpoint = next((one for one in run.checkpoints if one.step == step), None)
    if checkpoint is None or not visitor.is_owner:
        return None
    return _serving(run, checkpoint)


def _serving(run: RunView, checkpoint: CheckpointView) -> Serving:
    step, base = checkpoint.step, run.base_path or run.base_model
    name = serving_name(run.name, step)
    if checkpoint.kind is CheckpointKind.BASE:
        if base is None:
            return Serving(step, (), Unservable.NO_BASE)
        return Serving(step, whole_commands(Whole(name, base, tokenizer=base)))
    if checkpoint.state is CheckpointState.GONE or checkpoint.path is None:
        return Serving(step, (), Unservable.GONE)
    if checkpoint.state is not CheckpointState.PRESENT:
        return Serving(step, (), Unservable.UNREADABLE)
    facts = serving_facts(Path(checkpoint.path))
    tokenizer = checkpoint.path if facts.has_tokenizer or base is None else base
    if checkpoint.kind is CheckpointKind.FULL:
        return Serving(step, whole_commands(Whole(name, checkpoint.path, tokenizer=tokenizer)))
    if base is None:
        return Serving(step, (), Unservable.NO_BASE)
    return Serving(
        step, adapter_commands(Adapter(name, checkpoint.path, base=base, tokenizer=tokenizer, rank=facts.rank))
    )
