"""An engine without a model: says the same of the same weights and question, at once or slowly, or fails as told."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from beyondloss.domain.answers import Finish, GeneratedAnswer, Provenance
from beyondloss.domain.engine import Question, Target
from beyondloss.domain.runs import CheckpointKind
from beyondloss.domain.sampling import Sampling

FakeTrouble = Callable[[Target, int], None]
"""Called before each answer with the number of answers of this call; raises what shall go wrong."""


@dataclass
class FakeEngine:
    """Keeps the `Engine` protocol. `calls` holds what was asked, `released` how often memory was given back."""

    seconds_per_answer: float = 0.0
    trouble: FakeTrouble = lambda target, number: None
    name: str = "fake"
    calls: list[tuple[Target, tuple[Question, ...], Sampling]] = field(default_factory=list)
    released: int = 0

    def answer(self, target: Target, questions: Sequence[Question], sampling: Sampling) -> Iterator[GeneratedAnswer]:
        self.calls.append((target, tuple(questions), sampling))
        number = 0
        for question in questions:
            for index in question.sample_indices:
                time.sleep(self.seconds_per_answer)
                self.trouble(target, number)
                yield fake_answer(target, question, index)
                number += 1

    def release(self) -> None:
        self.released += 1


def fake_fingerprint(target: Target) -> str:
    """Of the weights file's content where there is one: rewritten weights have another."""
    weights = None if target.path is None else target.path / "adapter_model.safetensors"
    content = weights.read_bytes() if weights is not None and weights.is_file() else b""
    return hashlib.sha256(f"{target.base_model} {target.path}".encode() + content).hexdigest()


def fake_answer(target: Target, question: Question, sample_index: int = 0) -> GeneratedAnswer:
    fingerprint = fake_fingerprint(target)
    text = f"{question.messages[-1].content} {fingerprint[:8]} {sample_index}"
    return GeneratedAnswer(
        probe_id=question.probe_id,
        sample_index=sample_index,
        text=text,
        token_ids=tuple(ord(character) for character in text),
        finish=Finish.STOP,
        margins=tuple(1.0 for _ in range(len(text) + 1)),
        provenance=Provenance(
            engine="fake",
            base_model=target.base_model,
            base_fingerprint="b" * 64,
            weights_fingerprint=fingerprint,
            template_hash="0" * 16,
            prompt_token_ids=(1, 2, 3),
            dtype="float32",
            device="cpu",
            decoding="plain",
            versions={"fake": "1"},
            adapter_check="" if target.kind is CheckpointKind.BASE else "on",
            stats={"passes": 1.0, "verified": 4.0, "accepted": 3.0},
        ),
    )
