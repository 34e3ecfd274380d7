"""The JSON lines that preference trainers read. Knows their forms and nothing of ratings.

TRL: conversational with an explicit prompt. LLaMA-Factory: ShareGPT form; in its dataset_info.json that is
`"formatting": "sharegpt"`, with `"ranking": true` for pairs and `"kto_tag": "kto_tag"` for single answers. ms-swift:
its standard form.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from beyondloss.domain.probes import Message, MessageRole

Line = dict[str, object]


class PreferenceFormat(StrEnum):
    """Trainer and kind: pairs for DPO, or single answers with a label for KTO."""

    TRL_DPO = "trl-dpo"
    TRL_KTO = "trl-kto"
    LLAMAFACTORY = "llamafactory"
    LLAMAFACTORY_KTO = "llamafactory-kto"
    MS_SWIFT = "ms-swift"
    MS_SWIFT_KTO = "ms-swift-kto"

    @property
    def pairs(self) -> bool:
        return self not in (self.TRL_KTO, self.LLAMAFACTORY_KTO, self.MS_SWIFT_KTO)


@dataclass(frozen=True, slots=True)
class Pair:
    """One question, the answer to prefer and the one to avoid."""

    prompt: tuple[Message, ...]
    chosen: str
    rejected: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """One question and one answer, to be wanted or not."""

    prompt: tuple[Message, ...]
    completion: str
    wanted: bool


def line_of(example: Pair | Labelled, form: PreferenceFormat) -> Line:
    """The example as this trainer reads it."""
    if form in (PreferenceFormat.TRL_DPO, PreferenceFormat.TRL_KTO):
        return _trl(example)
    if form in (PreferenceFormat.LLAMAFACTORY, PreferenceFormat.LLAMAFACTORY_KTO):
        return _llamafactory(example)
    return _ms_swift(example)


def json_line(line: Mapping[str, object]) -> str:
    """One line, whatever is in it: some readers also end lines at U+0085, U+2028 and U+2029."""
    text = json.dumps(line, ensure_ascii=False, allow_nan=False)
    for separator in "\x85\u2028\u2029":
        text = text.replace(separator, f"\\u{ord(separator):04x}")
    return f"{text}\n"


def _turns(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role.value, "content": message.content} for message in messages]


def _answered(text: str) -> list[dict[str, str]]:
    return _turns([Message(MessageRole.ASSISTANT, text)])


def _trl(example: Pair | Labelled) -> Line:
    prompt = _turns(example.prompt)
    if isinstance(example, Pair):
        return {"prompt": prompt, "chosen": _answered(example.chosen), "rejected": _answered(example.rejected)}
    return {"prompt": prompt, "completion": _answered(example.completion), "label": example.wanted}


def _llamafactory(example: Pair | Labelled) -> Line:
    """Turns must alternate between human and gpt, so the system prompt stands apart."""
    names = {MessageRole.USER: "human", MessageRole.ASSISTANT: "gpt"}
    turns = [{"from": names[turn.role], "value": turn.content} for turn in example.prompt if turn.role in names]
    system = "\n\n".join(turn.content for turn in example.prompt if turn.role is MessageRole.SYSTEM)
    if isinstance(example, Pair):
        return {
            "conversations": turns,
            "system": system,
            "chosen": {"from": "gpt", "value": example.chosen},
            "rejected": {"from": "gpt", "value": example.rejected},
        }
    answered = [*turns, {"from": "gpt", "value": example.completion}]
    return {"conversations": answered, "system": system, "kto_tag": example.wanted}


def _ms_swift(example: Pair | Labelled) -> Line:
    prompt = _turns(example.prompt)
    if isinstance(example, Pair):
        return {"messages": [*prompt, *_answered(example.chosen)], "rejected_response": example.rejected}
    return {"messages": [*prompt, *_answered(example.completion)], "label": example.wanted}
