"""What the probe editor's forms hold, on the way in and out. Knows no store."""

from collections.abc import Sequence
from dataclasses import dataclass

from beyondloss.domain.probes import Family, Message, MessageRole, ProbeSpec
from beyondloss.domain.text import storable
from beyondloss.errors import InvalidInput
from beyondloss.services.projects import DEFAULT_SET, ProbeView
from beyondloss.web.i18n import gettext as _


@dataclass(frozen=True, slots=True)
class Turn:
    role: str
    content: str


@dataclass(frozen=True, slots=True)
class ProbeForm:
    """One probe as typed. `probe_id` None makes a new one; `error` is said above the fields."""

    probe_id: int | None
    set_name: str
    key: str = ""
    system: str = ""
    prompt: str = ""
    before: tuple[Turn, ...] = ()
    """Turns before the question, oldest first."""
    family: str = Family.UNSEEN.value
    group: str = ""
    behaviours: tuple[str, ...] = ()
    new_behaviours: str = ""
    good: str = ""
    language: str = ""
    error: str = ""
    hint: str = ""
    answers: int = 0

    def spec(self) -> ProbeSpec:
        """Raises InvalidInput for what no probe can be."""
        if not self.prompt.strip():
            raise InvalidInput(_("A probe needs a question."), hint=_("Type what the model shall be asked."))
        turns = [Message(MessageRole.SYSTEM, self.system)] if self.system.strip() else []
        turns += [Message(_role(turn.role), turn.content) for turn in self.before if turn.content.strip()]
        named = [name.strip() for name in self.new_behaviours.split("\n")]
        return ProbeSpec(
            key=self.key.strip() or key_for(self.prompt),
            messages=(*turns, Message(MessageRole.USER, self.prompt)),
            family=_family(self.family),
            group=self.group.strip(),
            behaviours=tuple(dict.fromkeys([*self.behaviours, *(name for name in named if name)])),
            good=self.good.strip(),
            language=self.language.strip(),
        )


def form_of(view: ProbeView) -> ProbeForm:
    """A stored probe, ready to be edited."""
    system = view.messages[0].content if view.messages[0].role is MessageRole.SYSTEM else ""
    turns = view.messages[1:] if system else view.messages
    return ProbeForm(
        probe_id=view.id,
        set_name=view.set_name,
        key=view.key,
        system=system,
        prompt=turns[-1].content,
        before=tuple(Turn(message.role.value, message.content) for message in turns[:-1]),
        family=view.family.value,
        group=view.group,
        behaviours=tuple(behaviour.name for behaviour in view.behaviours),
        good=view.good,
        language=view.language,
        answers=view.answers,
    )


def empty_form(set_name: str = DEFAULT_SET) -> ProbeForm:
    return ProbeForm(probe_id=None, set_name=set_name)


def turns_of(roles: Sequence[str], contents: Sequence[str]) -> tuple[Turn, ...]:
    """The turns before the question, as two parallel lists of fields; empty ones are left out."""
    pairs = zip(roles, contents, strict=False)
    return tuple(Turn(role, _lines(content)) for role, content in pairs if content.strip())


def typed(text: str) -> str:
    """A field's text: browsers send line ends as CRLF."""
    return storable(_lines(text))


def key_for(prompt: str) -> str:
    """A stable name made from the first words of a question."""
    words = "".join(c.lower() if c.isalnum() else " " for c in prompt[:200]).split()
    return "-".join(words[:6])[:60] or "probe"


def guess_format(text: str, filename: str = "") -> str:
    """Which of the probe file formats a pasted or uploaded text is in."""
    suffix = filename.rpartition(".")[2].lower()
    if suffix in {"yaml", "yml", "json", "jsonl", "csv"}:
        return "yaml" if suffix == "yml" else suffix
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith(("{", "[")):
        lines = [line for line in start.splitlines() if line.strip()]
        one_each = len(lines) > 1 and all(line.startswith("{") and line.rstrip().endswith("}") for line in lines)
        return "jsonl" if one_each else "json"
    header = start.partition("\n")[0].lower()
    return "csv" if "," in header and ":" not in header and "prompt" in header else "yaml"


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _role(text: str) -> MessageRole:
    try:
        return MessageRole(text)
    except ValueError as error:
        raise InvalidInput(_("A turn is by the user or the assistant."), hint=_("Choose one of them.")) from error


def _family(text: str) -> Family:
    try:
        return Family(text)
    except ValueError as error:
        raise InvalidInput(_("There is no such family."), hint=_("Choose one from the list.")) from error
