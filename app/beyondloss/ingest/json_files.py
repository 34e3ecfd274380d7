"""JSON as trainers write it: bare NaN and Infinity are values, a half-written file is no error, size is bounded."""

import json
from collections.abc import Mapping
from pathlib import Path

MAX_JSON_BYTES = 512_000_000


def parse_json(text: str | bytes) -> object:
    """The value, or None when this is not (yet) JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def read_json(path: Path, *, limit_bytes: int = MAX_JSON_BYTES) -> object:
    """The value in a file, or None when it is missing, unreadable, half written or over the limit."""
    try:
        if path.stat().st_size > limit_bytes:
            return None
        return parse_json(path.read_bytes())
    except OSError:
        return None


def read_mapping(path: Path, *, limit_bytes: int = MAX_JSON_BYTES) -> Mapping[str, object]:
    """The object in a file; empty for whatever else is there."""
    value = read_json(path, limit_bytes=limit_bytes)
    return value if isinstance(value, dict) else {}


def text_at(values: Mapping[str, object], key: str) -> str | None:
    """The non-empty text under a key."""
    value = values.get(key)
    return value.strip() or None if isinstance(value, str) else None


def count_at(values: Mapping[str, object], key: str) -> int | None:
    """The whole number ≥ 0 under a key, written as int or as a round float."""
    return as_count(values.get(key))


def as_count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value < 2**53 or value != int(value):  # NaN fails the first comparison
        return None
    return int(value)


def as_number(value: object) -> float | None:
    """A float from a number, or from text that spells one ("4.185", "nan"), as some trainers log."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | str):
        try:
            return float(value)
        except (ValueError, OverflowError):
            return None
    return None
