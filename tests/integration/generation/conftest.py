"""Tiny models, made once per session, and what a person's own script would answer with them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from beyondloss.domain.answers import GeneratedAnswer
from beyondloss.domain.engine import Question, Target
from beyondloss.domain.probes import Message, MessageRole
from beyondloss.domain.runs import CheckpointKind
from beyondloss.domain.sampling import Sampling
from beyondloss.generation.engine import TransformersEngine
from beyondloss.generation.quiet import quiet_libraries
from tests.factories.tiny_models import END_ID, save_adapter, save_tiny_model

ENDS = (END_ID, *range(60, 68))
TEXTS = ("Hi", "What is it?", "A longer question, with many more words in it than the others have.", "x" * 60, "好吗？")

Script = Callable[[Path, Path | None, int], list[tuple[int, ...]]]
Ask = Callable[..., dict[int, GeneratedAnswer]]


def questions_of(texts: Sequence[str] = TEXTS, *, samples: int = 1) -> list[Question]:
    return [
        Question(index, (Message(MessageRole.USER, text),), tuple(range(samples))) for index, text in enumerate(texts)
    ]


def base_target(base: Path) -> Target:
    return Target(1, 0, CheckpointKind.BASE, None, str(base))


def adapter_target(base: Path, adapter: Path) -> Target:
    return Target(2, 10, CheckpointKind.ADAPTER, adapter, str(base))


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny") / "base", ends=ENDS)


@pytest.fixture(scope="session")
def tiny_adapters(tiny_base: Path) -> list[Path]:
    return [save_adapter(tiny_base.parent / f"adapter-{seed}", tiny_base, seed=seed) for seed in (1, 2, 3)]


@pytest.fixture
def engine(tmp_path: Path) -> TransformersEngine:
    return TransformersEngine(cache_dir=tmp_path, device="cpu", dtype="float32", max_batch=4)


@pytest.fixture
def plain_engine(tmp_path: Path) -> TransformersEngine:
    """Without drafts, whose lengths follow the clock, the same passes are made every time: equal to the bit."""
    return TransformersEngine(cache_dir=tmp_path, device="cpu", dtype="float32", max_batch=4, drafts=False)


@pytest.fixture
def ask(engine: TransformersEngine) -> Ask:
    def answers(
        target: Target, questions: Sequence[Question] | None = None, sampling: Sampling | None = None
    ) -> dict[int, GeneratedAnswer]:
        found = engine.answer(target, questions or questions_of(), sampling or Sampling(max_new_tokens=40))
        return dict(sorted(((answer.probe_id, answer) for answer in found), key=lambda pair: pair[0]))

    return answers


@pytest.fixture(scope="session")
def script() -> Script:
    """One prompt at a time through `transformers.generate`, the adapter through `PeftModel`: new tokens, no end."""

    def run(base: Path, adapter: Path | None, limit: int) -> list[tuple[int, ...]]:
        with quiet_libraries():
            model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
            if adapter is not None:
                model = PeftModel.from_pretrained(model, adapter)
            tokenizer = AutoTokenizer.from_pretrained(base)
            ends = model.generation_config.eos_token_id
            answers = []
            for text in TEXTS:
                turns = [{"role": "user", "content": text}]
                inputs = tokenizer.apply_chat_template(
                    turns, add_generation_prompt=True, return_tensors="pt", return_dict=True
                )
                output = model.generate(**inputs, max_new_tokens=limit, do_sample=False)
                new = output[0, inputs["input_ids"].shape[1] :].tolist()
                answers.append(tuple(new[:-1] if new[-1] in ends else new))
            return answers

    return run
