"""How the run was trained, as its page shows it: how conversations were written, the settings people look for first,
and all others. Knows no HTTP.
"""

import re
from dataclasses import dataclass

from beyondloss.domain.templates import TemplateSource
from beyondloss.services.runs import RunView, Setting
from beyondloss.web.template_words import doubt_advice, doubt_sentence, is_warning

_FIRST = (
    "learning_rate", "lr", "lr_scheduler_type", "lr_scheduler", "warmup_steps", "warmup_ratio",
    "num_train_epochs", "num_epochs", "epochs", "max_steps", "iters",
    "per_device_train_batch_size", "micro_batch_size", "train_batch_size", "batch_size", "gradient_accumulation_steps",
    "optim", "optimizer", "weight_decay", "max_grad_norm", "fine_tune_type", "finetuning_type", "peft_type", "lora_r",
    "lora_alpha", "lora_dropout", "target_modules", "cutoff_len", "max_length", "sequence_len", "dataset", "seed",
)  # fmt: skip
"""What different trainers call what people compare runs by, in the order in which they are read."""
_ELSEWHERE = {"template", "system", "default_system", "default_system_message", "chat_template"}
_HERE = re.compile(r"(/|~|[A-Za-z]:[\\/])")


@dataclass(frozen=True, slots=True)
class RunDoubt:
    """Something unlike between training and probing."""

    sentence: str
    advice: str
    warning: bool


@dataclass(frozen=True, slots=True)
class RunSettings:
    template: str
    system_prompt: str
    source: TemplateSource
    first: tuple[tuple[str, Setting], ...]
    rest: tuple[tuple[str, Setting], ...]


def build_settings(run: RunView, *, own: bool) -> RunSettings:
    """`own` shows folders of this machine too."""
    shown = shown_config(run.config, own=own)
    first = [name for name in _FIRST if shown.get(name) is not None]
    rest = sorted(shown.keys() - set(first) - _ELSEWHERE)
    return RunSettings(
        template=run.trained_with.template or "",
        system_prompt=run.trained_with.system_prompt or "",
        source=run.trained_with.source,
        first=tuple((name, shown[name]) for name in first),
        rest=tuple((name, shown[name]) for name in rest),
    )


def build_doubts(run: RunView) -> tuple[RunDoubt, ...]:
    trained = run.trained_with
    return tuple(
        RunDoubt(doubt_sentence(doubt, trained), doubt_advice(doubt), is_warning(doubt)) for doubt in trained.doubts
    )


def shown_config(config: dict[str, Setting], *, own: bool) -> dict[str, Setting]:
    """A guest learns nothing about this machine's folders."""
    return {name: value for name, value in config.items() if own or not (isinstance(value, str) and _HERE.match(value))}
