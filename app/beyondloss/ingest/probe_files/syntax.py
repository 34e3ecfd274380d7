"""Text → located plain values: the four notations of a probe file. What the values mean is not known here."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

import yaml

from beyondloss.errors import UnreadableProbeFile

MAX_DEPTH = 24
"""A probe file needs six levels; libyaml's composer and json recurse, so depth is bounded before they do."""

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Located:
    """A value and where it stands, in words ("line 12", "probe 3")."""

    value: object
    where: str


@dataclass(frozen=True, slots=True)
class RawFile:
    behaviours: tuple[Located, ...]
    probes: tuple[Located, ...]


def refuse(where: str, wrong: str, *, hint: str) -> NoReturn:
    raise UnreadableProbeFile(f"{where[:1].upper()}{where[1:]}: {wrong}" if where else wrong, hint=hint)


def parse_yaml(text: str) -> RawFile:
    try:
        _check_yaml_events(text)
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            if root is None:
                return RawFile((), ())
            _check_unique_keys(root)
            return _sections(loader.construct_document(root), lines=_item_lines(root))
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        where = _line(error.problem_mark or error.context_mark)
        refuse(where, f"this is not YAML: {error.problem or error.context}.", hint="Check indentation, quotes, colons.")
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        first_line = str(error).splitlines()[0] if str(error) else "it cannot be parsed"
        refuse("", f"This is not YAML: {first_line}.", hint="Put odd values in quotes.")


def parse_json(text: str) -> RawFile:
    return _sections(_loads(text, where=""), lines={})


def parse_jsonl(text: str) -> RawFile:
    """One probe a line; a line with only `behaviours` (or `probes`) is a section of its own."""
    behaviours: list[Located] = []
    probes: list[Located] = []
    # Not splitlines(): U+2028 and friends may stand raw inside a JSON string.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"line {number}"
        value = _loads(line, where=where)
        if isinstance(value, Mapping) and value.keys() <= {"behaviours", "behaviors", "probes"} and value:
            section = _sections(value, lines={})
            behaviours += [Located(item.value, where) for item in section.behaviours]
            probes += [Located(item.value, where) for item in section.probes]
        else:
            probes.append(Located(value, where))
    return RawFile(tuple(behaviours), tuple(probes))


def parse_csv(text: str) -> RawFile:
    """A header row with at least `prompt` (or `messages`); empty cells are keys left out."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    probes: list[Located] = []
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        if not {"prompt", "messages"} & set(header):
            refuse("line 1", "the header row has no column `prompt`.", hint="Columns: id,prompt,system,family,…")
        if len(set(header)) < len(header):
            refuse("line 1", "two columns have the same name.", hint="Rename or remove one of them.")
        line = reader.line_num + 1
        for row in reader:
            if any(cell.strip() for cell in row):
                probes.append(Located(_csv_row(header, row, where=f"line {line}"), f"line {line}"))
            line = reader.line_num + 1
    except csv.Error as error:
        refuse(f"line {reader.line_num}", f"this is not CSV: {error}.", hint="Check the quotes.")
    return RawFile((), tuple(probes))


def _csv_row(header: list[str], row: list[str], *, where: str) -> dict[str, object]:
    if len(row) > len(header):
        refuse(
            where,
            f"{len(row)} cells, but the header has {len(header)} columns.",
            hint='Put text that contains commas in double quotes: "like, this".',
        )
    cells: dict[str, object] = {name: cell for name, cell in zip(header, row, strict=False) if cell.strip()}
    if "messages" in cells:
        cells["messages"] = _loads(str(cells["messages"]), where=where)
    return cells


def _loads(text: str, *, where: str) -> object:
    _check_json_depth(text, where=where)
    try:
        return json.loads(text, object_pairs_hook=_unique_pairs)
    except json.JSONDecodeError as error:
        line = where or f"line {error.lineno}"
        refuse(line, f"this is not JSON: {error.msg.lower()} (column {error.colno}).", hint="Check quotes and commas.")
    except ValueError as error:
        refuse(where, f"this is not JSON: {error}.", hint="Check the value it names.")


def _unique_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands twice in one object")
        found[key] = value
    return found


def _check_json_depth(text: str, *, where: str) -> None:
    """Bound nesting without recursion. Brackets inside strings are told apart, escapes included."""
    depth, in_string, escaped = 0, False, False
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                refuse(
                    where, f"this is nested more than {MAX_DEPTH} levels deep.", hint="A probe file needs few levels."
                )
        elif character in "]}":
            depth -= 1


def _check_yaml_events(text: str) -> None:
    """Aliases make small files huge ("billion laughs") and probes change together unseen: they are refused."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            hint = "Write the value out where it is used."
            refuse(_line(event.start_mark), f"the alias *{event.anchor} is not supported.", hint=hint)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                hint = "A probe file needs few levels."
                refuse(_line(event.start_mark), f"nested more than {MAX_DEPTH} levels deep.", hint=hint)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _line(mark: object) -> str:
    number = getattr(mark, "line", None)
    return f"line {number + 1}" if isinstance(number, int) else ""


def _check_unique_keys(node: yaml.Node) -> None:
    """YAML's loader keeps the last of two equal keys without a word; a prompt lost that way is never missed."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    where = f"line {key.start_mark.line + 1}"
                    refuse(where, f"the key `{key.value}` stands twice.", hint="Remove one of them.")
                seen.add(key.value)
            _check_unique_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_unique_keys(item)


def _item_lines(root: yaml.Node) -> dict[str, list[int]]:
    """The first line of every item of the top-level lists, by the list's key ("probes" for a bare list)."""
    if isinstance(root, yaml.SequenceNode):
        return {"probes": [item.start_mark.line + 1 for item in root.value]}
    if not isinstance(root, yaml.MappingNode):
        return {}
    return {
        str(key.value): [item.start_mark.line + 1 for item in value.value]
        for key, value in root.value
        if isinstance(value, yaml.SequenceNode)
    }


def _sections(value: object, *, lines: Mapping[str, list[int]]) -> RawFile:
    if value is None:
        return RawFile((), ())
    if isinstance(value, list):
        return RawFile((), tuple(_items(value, "probes", lines)))
    if not isinstance(value, Mapping):
        refuse("", "This file holds neither a list of probes nor a `probes:` section.", hint="Begin with `probes:`.")
    if "probes" not in value and {"prompt", "messages"} & value.keys():
        return RawFile((), (Located(value, "probe 1"),))
    if "probes" not in value and not {"behaviours", "behaviors"} & value.keys():
        refuse("", "This file has no `probes:` section.", hint="List the questions under `probes:`.")
    behaviours: list[Located] = []
    for key in ("behaviours", "behaviors"):
        behaviours += _section(value, key, lines)
    return RawFile(tuple(behaviours), tuple(_section(value, "probes", lines)))


def _section(value: Mapping[object, object], key: str, lines: Mapping[str, list[int]]) -> Iterator[Located]:
    items = value.get(key)
    if items is None:
        return
    if not isinstance(items, list):
        refuse("", f"`{key}` is not a list.", hint=f"Put each one under `{key}:` after a dash.")
    yield from _items(items, key, lines)


def _items(items: list[object], key: str, lines: Mapping[str, list[int]]) -> Iterator[Located]:
    known = lines.get(key, [])
    word = "probe" if key == "probes" else "behaviour"
    for index, item in enumerate(items):
        yield Located(item, f"line {known[index]}" if index < len(known) else f"{word} {index + 1}")
