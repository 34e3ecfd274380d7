"""The commands that merge and serve a checkpoint, ready to be pasted. Pure: facts in, text out; nothing is run.

Paths come from outside. In a shell they are quoted, in Python they are literals, and the script stands in a quoted
here-document, in which a shell replaces nothing.
"""

import json
import re
import shlex
from dataclasses import dataclass
from enum import StrEnum

VLLM_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What every vLLM's `--max-lora-rank` takes."""


class Purpose(StrEnum):
    MERGE = "merge"
    SERVE_MERGED = "serve_merged"
    VLLM = "vllm"
    TRANSFORMERS = "transformers"


@dataclass(frozen=True, slots=True)
class Command:
    purpose: Purpose
    text: str


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter. `base` is a folder or a hub id; `tokenizer` the folder or id whose tokenizer wrote the probes."""

    name: str
    path: str
    base: str
    tokenizer: str
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole model: a full fine-tune's checkpoint, or the base itself."""

    name: str
    path: str
    tokenizer: str


def serving_name(run: str, step: int) -> str:
    """What the model may be called in an address and as a folder: support-v3-step-120."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", run).strip("-.") or "run"
    return f"{plain}-step-{step}" if step else f"{plain}-base"


def adapter_commands(model: Adapter) -> tuple[Command, ...]:
    merged = f"./{model.name}-merged"
    module = json.dumps({"name": model.name, "path": model.path}, ensure_ascii=False)
    rank = next((one for one in VLLM_RANKS if model.rank is not None and one >= model.rank), None)
    flags = ["--enable-lora", *([f"--max-lora-rank {rank}"] if rank else []), f"--lora-modules {shlex.quote(module)}"]
    flags += [] if model.tokenizer == model.base else [f"--tokenizer {shlex.quote(model.tokenizer)}"]
    return (
        Command(Purpose.MERGE, _merging(model, merged)),
        Command(Purpose.SERVE_MERGED, f"transformers serve {shlex.quote(merged)}"),
        Command(Purpose.VLLM, _lines(f"vllm serve {shlex.quote(model.base)}", *flags)),
    )


def whole_commands(model: Whole) -> tuple[Command, ...]:
    tokenizer = [] if model.tokenizer == model.path else [f"--tokenizer {shlex.quote(model.tokenizer)}"]
    named = f"--served-model-name {shlex.quote(model.name)}"
    return (
        Command(Purpose.VLLM, _lines(f"vllm serve {shlex.quote(model.path)}", named, *tokenizer)),
        *([] if tokenizer else [Command(Purpose.TRANSFORMERS, f"transformers serve {shlex.quote(model.path)}")]),
    )


def _merging(model: Adapter, merged: str) -> str:
    """Adapters are merged in the numbers that the base is kept in, as peft does it."""
    return "\n".join(
        [
            "python - <<'EOF'",
            "from peft import PeftModel",
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f'base = AutoModelForCausalLM.from_pretrained({model.base!r}, dtype="auto")',
            f"merged = PeftModel.from_pretrained(base, {model.path!r}).merge_and_unload()",
            f"merged.save_pretrained({merged!r})",
            f"AutoTokenizer.from_pretrained({model.tokenizer!r}).save_pretrained({merged!r})",
            "EOF",
        ]
    )


def _lines(first: str, *flags: str) -> str:
    return " \\\n  ".join([first, *flags])
