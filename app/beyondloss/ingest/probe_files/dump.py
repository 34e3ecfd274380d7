"""`ProbeFile` → text that `parse_probe_text` reads back unchanged (only CSV cannot hold the behaviours' poles)."""

import csv
import io
import json

import yaml

from beyondloss.domain.probes import BehaviourSpec, MessageRole, ProbeFile, ProbeSpec
from beyondloss.errors import InvalidInput

_CSV_COLUMNS = ("id", "prompt", "system", "family", "group", "behaviours", "good", "language")


def dump_probe_file(file: ProbeFile, format: str) -> str:  # noqa: A002 - the contract's name
    """Text in one of `FORMATS`. Raises `InvalidInput` for another format."""
    behaviours = [_behaviour(behaviour) for behaviour in file.behaviours]
    probes = [_probe(probe) for probe in file.probes]
    if format == "yaml":
        whole = {"behaviours": behaviours, "probes": probes}
        return yaml.dump(whole, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)
    if format == "json":
        return json.dumps({"behaviours": behaviours, "probes": probes}, ensure_ascii=False, indent=2) + "\n"
    if format == "jsonl":
        lines: list[object] = [{"behaviours": behaviours}] if behaviours else []
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [*lines, *probes])
    if format == "csv":
        return _csv(file)
    raise InvalidInput(f"There is no probe file format {format!r}.", hint="Use yaml, json, jsonl or csv.")


class _Dumper(yaml.SafeDumper):
    """Long texts as block scalars, and no aliases: the reader refuses them."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if not all(line.isprintable() for line in text.split("\n")):
        style = '"'  # only double quotes can spell what other styles fold into blanks or line breaks
    elif "\n" in text and all(line == line.strip() for line in text.split("\n")):
        style = "|"
    else:
        style = None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def _behaviour(behaviour: BehaviourSpec) -> dict[str, str]:
    return {"name": behaviour.name} | ({"wanted": behaviour.wanted} if behaviour.wanted else {})


def _probe(probe: ProbeSpec) -> dict[str, object]:
    fields: dict[str, object] = {"id": probe.key}
    system, turns = _split_system(probe)
    if len(turns) == 1:
        fields["prompt"] = turns[0]["content"]
    else:
        fields["messages"] = turns
    optional = {
        "system": system,
        "family": probe.family.value,
        "group": probe.group,
        "behaviours": list(probe.behaviours),
        "good": probe.good,
        "language": probe.language,
    }
    return fields | {key: value for key, value in optional.items() if value}


def _split_system(probe: ProbeSpec) -> tuple[str, list[dict[str, str]]]:
    turns = [{"role": message.role.value, "content": message.content} for message in probe.messages]
    if probe.messages and probe.messages[0].role is MessageRole.SYSTEM:
        return probe.messages[0].content, turns[1:]
    return "", turns


def _csv(file: ProbeFile) -> str:
    rows = [_probe(probe) for probe in file.probes]
    columns = _CSV_COLUMNS if all("messages" not in row for row in rows) else (*_CSV_COLUMNS, "messages")
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")  # with it, a lone CR or LF in a cell is quoted
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column, "")) for column in columns])
    return out.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ";".join(item.replace("\\", "\\\\").replace(";", "\\;") for item in value)
    return json.dumps(value, ensure_ascii=False)
