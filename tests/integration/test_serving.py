"""What the merge command writes answers as the adapter does. The script itself is run, in a folder with a hard name."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from beyondloss.domain.access import OWNER
from beyondloss.generation.quiet import quiet_libraries
from beyondloss.services import runs
from beyondloss.services.choosing import Purpose, Unservable, serving_of
from beyondloss.store.engine import Store
from tests.factories import a_checkpoint, a_run
from tests.factories.tiny_models import save_adapter, save_tiny_model

pytestmark = pytest.mark.torch


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(torch.arange(3, 40)[None]).logits  # (1, 37, vocabulary)
    return found


def test_what_is_merged_answers_as_the_adapter_does(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = save_tiny_model(tmp_path / "it's a base")
    adapter = save_adapter(tmp_path / 'my "runs" $HOME' / "checkpoint-10", base, r=12)
    run = a_run(store, steps=(), name="tiny", base_model=str(base))
    a_checkpoint(store, run, step=10, path=str(adapter))
    serving = serving_of(runs.find_run(store, "tiny", OWNER), OWNER, step=10)
    assert serving is not None
    commands = {one.purpose: one.text for one in serving.commands}
    assert "--max-lora-rank 16" in commands[Purpose.VLLM]
    assert "--tokenizer" not in commands[Purpose.VLLM]  # the adapter's folder has none
    script = "\n".join(commands[Purpose.MERGE].split("\n")[1:-1])
    monkeypatch.chdir(tmp_path)
    with quiet_libraries():
        exec(compile(script, "merge", "exec"), {})  # what people paste is what is tested
        merged = AutoModelForCausalLM.from_pretrained("./tiny-step-10-merged")
        plain = AutoModelForCausalLM.from_pretrained(base)
        adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)
        tokenizer = AutoTokenizer.from_pretrained("./tiny-step-10-merged")
    assert torch.allclose(logits(merged), logits(adapted), atol=1e-4)
    assert not torch.allclose(logits(merged), logits(plain), atol=1e-2)
    assert tokenizer.chat_template


def test_where_there_is_nothing_to_serve_the_reason_is_told(store: Store) -> None:
    run = a_run(store, steps=(), name="gone", base_model=None)
    a_checkpoint(store, run, step=10, state="gone")
    a_checkpoint(store, run, step=20)
    a_checkpoint(store, run, step=30, state="sharded", kind="sharded")
    a_checkpoint(store, run, step=40, kind="full")
    view = runs.find_run(store, "gone", OWNER)
    reasons = {step: getattr(serving_of(view, OWNER, step=step), "unservable", None) for step in (0, 10, 20, 30, 40)}
    assert reasons == {
        0: Unservable.NO_BASE,
        10: Unservable.GONE,
        20: Unservable.NO_BASE,
        30: Unservable.UNREADABLE,
        40: None,
    }
    assert serving_of(view, OWNER, step=50) is None
