"""Located plain values → `ProbeFile`, each field checked. Which notation they came from is not known here."""

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from beyondloss.domain.probes import BehaviourSpec, Family, Message, MessageRole, ProbeFile, ProbeSpec
from beyondloss.ingest.probe_files.syntax import Located, RawFile, refuse

MAX_PROBES = 10_000
MAX_BEHAVIOURS = 200
MAX_NAME_CHARACTERS = 200
MAX_TEXT_CHARACTERS = 200_000
MAX_MESSAGES = 200

PROBE_KEYS = (
    "id",
    "prompt",
    "messages",
    "system",
    "family",
    "group",
    "behaviours",
    "behaviors",
    "good",
    "language",
)
BEHAVIOUR_KEYS = ("name", "wanted")


@dataclass(frozen=True, slots=True)
class _Fields:
    """The keys of one entry, with the place to name when one of them is wrong."""

    values: Mapping[object, object]
    where: str

    def refuse(self, wrong: str, *, hint: str) -> None:
        refuse(self.where, wrong, hint=hint)

    def text(self, key: str, *, limit: int = MAX_TEXT_CHARACTERS) -> str:
        """The text under `key`, or "" when it is left out."""
        value = self.values.get(key)
        if value is None:
            return ""
        return checked_text(value, f"`{key}`", where=self.where, limit=limit)

    def name(self, key: str) -> str:
        """A short one-line name; a whole number is taken as written."""
        value = self.values.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is None:
            return ""
        return _one_line(value, f"`{key}`", where=self.where)


def build(raw: RawFile) -> ProbeFile:
    if len(raw.probes) > MAX_PROBES or len(raw.behaviours) > MAX_BEHAVIOURS:
        refuse(
            "",
            f"This file holds {len(raw.probes)} probes and {len(raw.behaviours)} behaviours.",
            hint=f"Keep to {MAX_PROBES} probes and {MAX_BEHAVIOURS} behaviours: people have to read the answers.",
        )
    behaviours = _behaviours(raw.behaviours)
    probes: dict[str, ProbeSpec] = {}
    places: dict[str, str] = {}
    for located in raw.probes:
        probe = _probe(located)
        if probe.key in probes:
            refuse(
                located.where,
                f"the id `{probe.key}` is taken by {places[probe.key]} already.",
                hint="Give every probe an id of its own; it names the probe through all its revisions.",
            )
        probes[probe.key] = probe
        places[probe.key] = f"the probe at {located.where}" if located.where.startswith("line") else located.where
    if not probes and not behaviours:
        refuse("", "This file holds no probes.", hint="List the questions under `probes:`.")
    for probe in probes.values():
        for name in probe.behaviours:
            behaviours.setdefault(name, BehaviourSpec(name))
    return ProbeFile(tuple(behaviours.values()), tuple(probes.values()))


def _behaviours(raw: Iterable[Located]) -> dict[str, BehaviourSpec]:
    found: dict[str, BehaviourSpec] = {}
    for located in raw:
        value = {"name": located.value} if isinstance(located.value, str) else located.value
        if not isinstance(value, Mapping):
            refuse(
                located.where, "a behaviour is a name, or `name:` with `wanted:`.", hint="See the probe file example."
            )
        _check_keys(value, BEHAVIOUR_KEYS, where=located.where)
        fields = _Fields(value, located.where)
        name = fields.name("name")
        if not name:
            refuse(located.where, "this behaviour has no `name`.", hint="Name it: `name: asks before assuming`.")
        if name in found:
            refuse(located.where, f"the behaviour `{name}` stands twice.", hint="Remove one of them.")
        found[name] = BehaviourSpec(name, fields.text("wanted").strip())
    return found


def _probe(located: Located) -> ProbeSpec:
    value = {"prompt": located.value} if isinstance(located.value, str) else located.value
    if not isinstance(value, Mapping):
        refuse(located.where, "a probe is a mapping with at least `prompt:`.", hint="Write `- prompt: Your question`.")
    key = _Fields(value, located.where).name("id")
    where = f"{located.where}, probe `{key}`" if key else located.where
    _check_keys(value, PROBE_KEYS, where=where)
    fields = _Fields(value, where)
    messages = _messages(fields)
    return ProbeSpec(
        key=key or stable_key(messages),
        messages=messages,
        family=_family(fields),
        group=fields.name("group"),
        behaviours=_behaviour_names(fields),
        good=fields.text("good").strip(),
        language=fields.name("language"),
    )


def stable_key(messages: tuple[Message, ...]) -> str:
    """An id that depends on the conversation alone: the same file, reordered or grown, keeps its probes."""
    spoken = json.dumps([[m.role.value, m.content] for m in messages], ensure_ascii=True)
    digest = hashlib.sha256(spoken.encode()).hexdigest()[:8]
    words = re.findall(r"[a-z0-9]+", messages[-1].content.lower())
    slug = ""
    for word in words:
        if len(slug) + len(word) >= 36:
            break
        slug = f"{slug}-{word}" if slug else word
    return f"{slug or 'probe'}-{digest}"


def _messages(fields: _Fields) -> tuple[Message, ...]:
    has_prompt = fields.values.get("prompt") is not None
    has_messages = fields.values.get("messages") is not None
    if has_prompt and has_messages:
        fields.refuse("it has both `prompt` and `messages`.", hint="Keep one of them.")
    system = fields.text("system")
    if has_messages:
        turns = _turns(fields)
        if system.strip() and turns[0].role is MessageRole.SYSTEM:
            fields.refuse("the system prompt stands in `system` and in `messages`.", hint="Keep one of them.")
    else:
        prompt = fields.text("prompt")
        if not prompt.strip():
            fields.refuse("it has no `prompt`.", hint="Write the question under `prompt:` (or a list of `messages:`).")
        turns = (Message(MessageRole.USER, prompt),)
    return (Message(MessageRole.SYSTEM, system), *turns) if system.strip() else turns


def _turns(fields: _Fields) -> tuple[Message, ...]:
    items = fields.values["messages"]
    if not isinstance(items, list) or not items or len(items) > MAX_MESSAGES:
        refuse(
            fields.where, "`messages` is not a list of turns.", hint=f"Give 1 to {MAX_MESSAGES} of {{role, content}}."
        )
    turns = tuple(_turn(item, index, where=fields.where) for index, item in enumerate(items))
    if turns[-1].role is not MessageRole.USER:
        fields.refuse("the last of its messages is not the user's.", hint="End with the turn to be answered.")
    if any(turn.role is MessageRole.SYSTEM for turn in turns[1:]):
        fields.refuse("a system message stands after the first place.", hint="Put it first; templates know no other.")
    return turns


def _turn(item: object, index: int, *, where: str) -> Message:
    place = f"message {index + 1}"
    if not isinstance(item, Mapping):
        refuse(where, f"{place} is not a mapping.", hint="Write each turn as {role: user, content: …}.")
    role = item.get("role")
    if role not in {known.value for known in MessageRole}:
        refuse(where, f"{place} has the role {_shown(role)}.", hint="Roles are system, user and assistant.")
    content = checked_text(item.get("content"), f"the content of {place}", where=where)
    if not content.strip():
        refuse(where, f"{place} is empty.", hint="Write something, or remove it.")
    return Message(MessageRole(str(role)), content)


def _family(fields: _Fields) -> Family:
    name = fields.name("family").lower()
    if not name:
        return Family.UNSEEN
    try:
        return Family(name)
    except ValueError:
        close = difflib.get_close_matches(name, [family.value for family in Family], n=1)
        meant = f"Did you mean {close[0]}? " if close else ""
        refuse(
            fields.where,
            f"there is no family `{name}`.",
            hint=f"{meant}Families are {', '.join(family.value for family in Family)}.",
        )


def _behaviour_names(fields: _Fields) -> tuple[str, ...]:
    value = fields.values.get("behaviours", fields.values.get("behaviors"))
    if value is None:
        return ()
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or len(items) > MAX_BEHAVIOURS:
        refuse(fields.where, "`behaviours` is not a list of names.", hint="Write [one behaviour, another behaviour].")
    names = [_one_line(item, "a name in `behaviours`", where=fields.where) for item in items]
    return tuple(dict.fromkeys(name for name in names if name))


def _one_line(value: object, what: str, *, where: str) -> str:
    text = checked_text(value, what, where=where)
    if len(text) > MAX_NAME_CHARACTERS:
        refuse(where, f"{what} is longer than {MAX_NAME_CHARACTERS} characters.", hint="Choose a shorter name.")
    if any(ord(character) < 32 or character in "\x7f\x85\u2028\u2029" for character in text.strip()):
        refuse(where, f"{what} holds a line break or control character.", hint="Names are one line of plain text.")
    return " ".join(text.split())


def checked_text(value: object, what: str, *, where: str, limit: int = MAX_TEXT_CHARACTERS) -> str:
    if not isinstance(value, str):
        refuse(where, f"{what} is {_shown(value)}, not text.", hint='Put it in quotes if it is meant: "like this".')
    if len(value) > limit:
        refuse(where, f"{what} is longer than {limit} characters.", hint="Shorten it.")
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        refuse(where, f"{what} holds half a character (a lone surrogate) or NUL.", hint="Type that character again.")
    return value


def _check_keys(value: Mapping[object, object], known: tuple[str, ...], *, where: str) -> None:
    """Other keys are other tools' business, but one that nearly is ours is a typing slip that would lose its value."""
    for key in value:
        if key in known:
            continue
        close = difflib.get_close_matches(str(key), known, n=1, cutoff=0.8)
        if close:
            refuse(where, f"there is no key `{key}`.", hint=f"Did you mean `{close[0]}`?")


def _shown(value: object) -> str:
    """A value of any type, short enough for a sentence."""
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple | set):
        return "a list"
    shown = str(value).encode("unicode_escape").decode()
    return f"`{shown[:40]}…`" if len(shown) > 40 else f"`{shown}`"
