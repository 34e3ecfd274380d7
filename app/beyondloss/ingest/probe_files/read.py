"""Reading a probe file from disk or from text that was pasted or uploaded."""

import re
from dataclasses import replace
from pathlib import Path

from beyondloss.domain.probes import ProbeFile
from beyondloss.errors import UnreadableProbeFile
from beyondloss.ingest.probe_files.build import build
from beyondloss.ingest.probe_files.syntax import RawFile, parse_csv, parse_json, parse_jsonl, parse_yaml

FORMATS = ("yaml", "json", "jsonl", "csv")
MAX_FILE_BYTES = 8_000_000

_SUFFIXES = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
}


def read_probe_file(path: Path) -> ProbeFile:
    """The file's suffix says its format. Raises `UnreadableProbeFile`, the file's name in the sentence."""
    format_name = _SUFFIXES.get(path.suffix.lower())
    if format_name is None:
        raise UnreadableProbeFile(
            f"{path.name}: probe files end in .yaml, .json, .jsonl or .csv.", hint="Rename or convert the file."
        )
    try:
        if not path.is_file():
            raise UnreadableProbeFile(f"{path}: there is no such file.", hint="Check the path.")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UnreadableProbeFile(
                f"{path.name} is larger than {MAX_FILE_BYTES // 1_000_000} MB.", hint="Split it into several sets."
            )
        text = decode_probe_bytes(path.read_bytes())
        return parse_probe_text(text, format_name)
    except OSError as error:
        raise UnreadableProbeFile(
            f"{path} cannot be read: {error.strerror or error}.", hint="Check the file's permissions."
        ) from error
    except UnreadableProbeFile as error:
        if path.name in error.message:
            raise
        raise UnreadableProbeFile(f"{path.name}: {error.message}", hint=error.hint) from error


def decode_probe_bytes(content: bytes) -> str:
    """UTF-8, with or without a byte order mark. Raises `UnreadableProbeFile` with the line of the first bad byte."""
    if len(content) > MAX_FILE_BYTES:
        raise UnreadableProbeFile(
            f"This file is larger than {MAX_FILE_BYTES // 1_000_000} MB.", hint="Split it into several sets."
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableProbeFile(f"Line {line}: this is not UTF-8 text.", hint="Save the file as UTF-8.") from error


def parse_probe_text(text: str, format: str) -> ProbeFile:  # noqa: A002 - the contract's name
    """Parse text in one of `FORMATS`. Raises `UnreadableProbeFile`."""
    if format not in FORMATS:
        raise UnreadableProbeFile(f"There is no probe file format {format!r}.", hint=f"Use {', '.join(FORMATS)}.")
    if len(text) > MAX_FILE_BYTES:
        raise UnreadableProbeFile(
            f"This text is longer than {MAX_FILE_BYTES // 1_000_000} million characters.", hint="Split it up."
        )
    text = text.removeprefix("\ufeff")
    if format == "yaml":
        return build(parse_yaml(text))
    if format == "json":
        return build(parse_json(text))
    if format == "jsonl":
        return build(parse_jsonl(text))
    return build(_with_lists(parse_csv(text)))


def _with_lists(raw: RawFile) -> RawFile:
    """CSV holds several behaviours in one cell, separated by semicolons (in a name: `\\;` and `\\\\`)."""
    probes = []
    for located in raw.probes:
        values = located.value
        if isinstance(values, dict):
            for key in ("behaviours", "behaviors"):
                if isinstance(values.get(key), str):
                    names = re.findall(r"(?:\\[\\;]|[^;])+", values[key])
                    values = values | {key: [re.sub(r"\\([\\;])", r"\1", name) for name in names]}
        probes.append(replace(located, value=values))
    return RawFile(raw.behaviours, tuple(probes))
