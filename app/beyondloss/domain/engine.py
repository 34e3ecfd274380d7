"""The protocol every engine keeps, so that what asks for answers need not know what makes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from beyondloss.domain.answers import GeneratedAnswer
from beyondloss.domain.probes import Message
from beyondloss.domain.runs import CheckpointKind
from beyondloss.domain.sampling import Sampling


@dataclass(frozen=True, slots=True)
class Target:
    """The weights that shall answer. `path` is None for the base; `base_model` is a local path or a cached hub id.

    `template_path` is the folder whose tokenizer and chat template the whole run uses, base included, so that a
    diff shows weights, not templates; None takes the base model's own.
    """

    checkpoint_id: int
    step: int
    kind: CheckpointKind
    path: Path | None
    base_model: str
    template_path: Path | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """An earlier answer to the same probe and sample, newest first in a request: what a draft may be taken from."""

    token_ids: tuple[int, ...]
    ended: bool


@dataclass(frozen=True, slots=True)
class Question:
    """One probe to answer, once per missing sample."""

    probe_id: int
    messages: tuple[Message, ...]
    sample_indices: tuple[int, ...] = (0,)
    references: tuple[Reference, ...] = ()


class Engine(Protocol):
    """Answers questions with one set of weights at a time and keeps the base between calls."""

    name: str

    def answer(self, target: Target, questions: Sequence[Question], sampling: Sampling) -> Iterator[GeneratedAnswer]:
        """Yield each answer as soon as it is finished, in any order.

        Raises `GenerationFailed` or `UnreadableCheckpoint`.
        """
        ...

    def release(self) -> None:
        """Give the memory back; the next `answer` loads again."""
        ...
