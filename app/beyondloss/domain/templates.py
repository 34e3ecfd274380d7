"""How a training wrote its conversations, and whether probes are written alike. Pure: text in, doubts out.

A trainer with templates of its own (LLaMA-Factory, ms-swift, Axolotl) may train with one and save a tokenizer that has
another. Probes are written by the tokenizer, so the answers would be to prompts that training never saw.
"""

from dataclasses import dataclass
from enum import StrEnum

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model", "tekken.json")
"""A folder with one of these has a tokenizer."""

_CHATML = ("<|im_start|>",)
_INST = ("[INST]",)
_TURNS = ("<start_of_turn>",)
_USER = ("<|user|>", "'<|'")
_LLAMA3 = ("<|start_header_id|>",)
_MARKS = {
    "alpaca": ("### Instruction",),
    "breeze": _INST,
    "chatglm3": _USER,
    "chatml": _CHATML,
    "cohere": ("<|START_OF_TURN_TOKEN|>",),
    "command_r": ("<|START_OF_TURN_TOKEN|>",),
    "cpm3": _CHATML,
    "dbrx": _CHATML,
    "deepseek3": ("<｜User｜>",),
    "deepseek_r1": ("<｜User｜>",),
    "deepseek_v2_5": ("<｜User｜>",),
    "deepseek_v3": ("<｜User｜>",),
    "deepseekr1": ("<｜User｜>",),
    "default": ("Human:",),
    "exaone": ("[|user|]",),
    "falcon_h1": _CHATML,
    "gemma": _TURNS,
    "gemma2": _TURNS,
    "gemma3": _TURNS,
    "gemma3n": _TURNS,
    "glm4": _USER,
    "granite3": ("<|start_of_role|>",),
    "intern2": _CHATML,
    "internlm2": _CHATML,
    "llama2": _INST,
    "llama3": _LLAMA3,
    "llama3_1": _LLAMA3,
    "llama3_2": _LLAMA3,
    "llama3_3": _LLAMA3,
    "llama4": ("<|header_start|>",),
    "mistral": _INST,
    "mistral_small": _INST,
    "mistral_v1": _INST,
    "mistral_v2v3": _INST,
    "olmo": _USER,
    "phi": _USER,
    "phi_3": _USER,
    "phi_35": _USER,
    "phi3": _USER,
    "pixtral": _INST,
    "qwen": _CHATML,
    "qwen2": _CHATML,
    "qwen2_5": _CHATML,
    "qwen2_5_math": _CHATML,
    "qwen2_vl": _CHATML,
    "qwen2_5_vl": _CHATML,
    "qwen3": _CHATML,
    "qwen3_5": _CHATML,
    "qwen3_coder": _CHATML,
    "qwen3_nothink": _CHATML,
    "qwen3_nothinking": _CHATML,
    "qwen3_thinking": _CHATML,
    "qwen3_vl": _CHATML,
    "qwen_25": _CHATML,
    "smollm": _CHATML,
    "smollm2": _CHATML,
    "vicuna": ("USER:",),
    "yi": _CHATML,
    "zephyr": _USER,
}
"""Names of templates → what every prompt written with one holds, in any of these spellings.

Names not listed say nothing: a wrong warning would cost more than none.
"""


class TemplateDoubt(StrEnum):
    OTHER_TEMPLATE = "other_template"
    """The trainer names a template whose marks the probing template does not have."""
    OTHER_SYSTEM = "other_system"
    """Training told the model a system prompt that no probe tells it."""
    UNLIKE_BASE = "unlike_base"
    """The run's chat template is not its base's: the base is asked in words it was not made for."""


class TemplateSource(StrEnum):
    """Whose tokenizer writes the probes."""

    RUN = "run"
    BASE = "base"
    UNKNOWN = "unknown"
    """No tokenizer is found on this machine."""


@dataclass(frozen=True, slots=True)
class ChatTemplates:
    """Chat templates as found on this machine: "" for a tokenizer that has none, None where there is no tokenizer."""

    run: str | None
    base: str | None

    @property
    def source(self) -> TemplateSource:
        if self.run is not None:
            return TemplateSource.RUN
        return TemplateSource.UNKNOWN if self.base is None else TemplateSource.BASE

    @property
    def probing(self) -> str | None:
        return self.run if self.run is not None else self.base


@dataclass(frozen=True, slots=True)
class TrainedWith:
    """What the trainer wrote down. `mark` is what its prompts hold and probes do not, where that is a doubt."""

    template: str | None
    system_prompt: str | None
    source: TemplateSource = TemplateSource.UNKNOWN
    doubts: tuple[TemplateDoubt, ...] = ()
    mark: str = ""


def trained_with(
    template: str | None,
    system_prompt: str | None,
    *,
    found: ChatTemplates,
    probe_systems: frozenset[str],
    asked: bool,
) -> TrainedWith:
    """`probe_systems` holds the system prompts that probes send; `asked` says that there are probes at all."""
    doubts = []
    mark = missing_mark(template, found.probing)
    if mark:
        doubts.append(TemplateDoubt.OTHER_TEMPLATE)
    if system_prompt and asked and system_prompt.strip() not in probe_systems:
        doubts.append(TemplateDoubt.OTHER_SYSTEM)
    if found.run is not None and found.base is not None and found.run.strip() != found.base.strip():
        doubts.append(TemplateDoubt.UNLIKE_BASE)
    return TrainedWith(template, system_prompt, found.source, tuple(doubts), mark)


def missing_mark(template: str | None, chat_template: str | None) -> str:
    """What prompts of the named template hold and those of this chat template do not; "" where all is well or unknown.

    A tokenizer without a chat template ("") has no mark of any.
    """
    marks = _MARKS.get((template or "").strip().lower().replace("-", "_").replace(".", "_"), ())
    if chat_template is None or any(mark in chat_template for mark in marks):
        return ""
    return marks[0] if marks else ""
