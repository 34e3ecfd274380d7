"""From a probe's messages to token ids, by the run's own tokenizer and chat template.

Base and checkpoints of a run get the same token ids, so that a diff shows weights, not templates. Templates come from
strangers: transformers renders them in a sandbox, and whatever goes wrong in one becomes a plain sentence.
"""

import hashlib
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from beyondloss.domain.probes import Message, MessageRole
from beyondloss.errors import GenerationFailed
from beyondloss.generation.foreign import ChatTokenizer
from beyondloss.generation.quiet import quiet_libraries

if TYPE_CHECKING:
    from _typeshed import TraceFunction

PLAIN_TEMPLATE = "{role}: {content}"
"""How messages are written where the tokenizer has no chat template."""
_MAX_CHARACTERS = 1_000_000
_MAX_SECONDS = 5.0
"""For one prompt. Real templates take milliseconds; the sandbox bounds one loop, not loops in loops."""
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model", "tekken.json")


@dataclass(frozen=True, slots=True)
class Prompt:
    token_ids: tuple[int, ...]
    notes: tuple[str, ...] = ()


class PromptWriter:
    """One tokenizer with its chat template. `template_hash` names the template; `notes` say what is unusual."""

    def __init__(self, tokenizer: ChatTokenizer, notes: tuple[str, ...] = ()) -> None:
        self._tokenizer = tokenizer
        template = tokenizer.chat_template
        self._template = template if isinstance(template, str) else (template or {}).get("default")
        self.template_hash = hashlib.sha256((self._template or PLAIN_TEMPLATE).encode()).hexdigest()[:16]
        self.notes = notes
        if self._template is None:
            self.notes += ("the tokenizer has no chat template; messages are written as “User: …” and “Assistant:”",)

    @property
    def stop_ids(self) -> frozenset[int]:
        end = self._tokenizer.eos_token_id
        return frozenset() if end is None else frozenset({int(end)})

    def write(self, messages: Sequence[Message]) -> Prompt:
        if self._template is None:
            return Prompt(tuple(self._tokenizer(_plain(messages))["input_ids"]))
        text, notes = self._render(messages)
        if len(text) > _MAX_CHARACTERS:
            raise GenerationFailed(
                f"The chat template made {len(text):,} characters of one prompt.",
                hint="Look at chat_template.jinja of the run.",
            )
        return Prompt(tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"]), notes)

    def _render(self, messages: Sequence[Message]) -> tuple[str, tuple[str, ...]]:
        try:
            return self._apply(messages), ()
        except Exception as error:
            if messages[0].role is not MessageRole.SYSTEM or len(messages) < 2:
                raise _template_failed(error) from error
        # Some templates (Gemma, early Mistral) refuse a system turn; trainers then put it before the first question.
        first = Message(messages[1].role, f"{messages[0].content}\n\n{messages[1].content}")
        try:
            text = self._apply([first, *messages[2:]])
        except Exception as error:
            raise _template_failed(error) from error
        return text, ("the chat template takes no system prompt; it was put before the first message",)

    def _apply(self, messages: Sequence[Message]) -> str:
        turns = [{"role": message.role.value, "content": message.content} for message in messages]
        with _no_longer_than(_MAX_SECONDS):
            return str(self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))

    def read(self, token_ids: Sequence[int], *, cut: bool) -> str:
        """The text of an answer. `cut` answers lose a last character that the token limit left unfinished."""
        text = str(
            self._tokenizer.decode(list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )
        return text.rstrip("\N{REPLACEMENT CHARACTER}") if cut else text


class _TooLong(Exception):
    pass


@contextmanager
def _no_longer_than(seconds: float) -> Iterator[None]:
    """Break off Python code that runs on: a trace function sees every line of it and may raise. In any thread."""
    deadline = time.monotonic() + seconds

    def watch(frame: FrameType, event: str, argument: object) -> "TraceFunction":
        if time.monotonic() > deadline:
            raise _TooLong(f"it was still at it after {seconds:g} seconds")
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        yield
    finally:
        sys.settrace(before)


def load_prompt_writer(template_path: Path | None, base_path: Path) -> PromptWriter:
    """The run's tokenizer if its folder holds one, the base model's otherwise."""
    from transformers import AutoTokenizer

    path = template_path if template_path is not None and has_tokenizer(template_path) else base_path
    notes: tuple[str, ...] = ()
    if template_path is not None and path is base_path and template_path != base_path:
        notes = ("the run's folder holds no tokenizer; the base model's is used",)
    try:
        with quiet_libraries():
            tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise GenerationFailed(
            f"The tokenizer in {path} cannot be loaded: {_first_line(error)}",
            hint="Look at its tokenizer files; code in them is never run.",
        ) from error
    return PromptWriter(tokenizer, notes)


def has_tokenizer(path: Path) -> bool:
    return any((path / name).is_file() for name in _TOKENIZER_FILES)


def _plain(messages: Sequence[Message]) -> str:
    turns = [PLAIN_TEMPLATE.format(role=m.role.value.capitalize(), content=m.content) for m in messages]
    return "\n\n".join([*turns, "Assistant:"])


def _template_failed(error: Exception) -> GenerationFailed:
    return GenerationFailed(
        f"The run's chat template could not write this prompt: {_first_line(error)}",
        hint="Look at chat_template.jinja (or chat_template in tokenizer_config.json) of the run.",
        code="template_failed",
    )


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
