"""Probes and behaviours as people write them, before and after they have ids."""

from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    FAMILIAR = "familiar"
    PARAPHRASE = "paraphrase"
    BOUNDARY = "boundary"
    RETENTION = "retention"
    UNSEEN = "unseen"


class MessageRole(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    role: MessageRole
    content: str


@dataclass(frozen=True, slots=True)
class BehaviourSpec:
    name: str
    wanted: str = ""


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """One probe of a probe file. `key` is its stable `id` within the set; `messages` ends with a user turn."""

    key: str
    messages: tuple[Message, ...]
    family: Family = Family.UNSEEN
    group: str = ""
    behaviours: tuple[str, ...] = ()
    good: str = ""
    language: str = ""

    @property
    def prompt(self) -> str:
        """The last user turn: what a person recognises the probe by."""
        return next((m.content for m in reversed(self.messages) if m.role is MessageRole.USER), "")


@dataclass(frozen=True, slots=True)
class ProbeFile:
    """A parsed probe file. Behaviours that probes name but the file does not define are listed with an empty pole."""

    behaviours: tuple[BehaviourSpec, ...]
    probes: tuple[ProbeSpec, ...]
