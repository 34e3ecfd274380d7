"""The chat template of the tokenizer in a folder, read as text and never rendered."""

import os
from functools import lru_cache
from pathlib import Path

from beyondloss.domain.templates import TOKENIZER_FILES
from beyondloss.ingest.json_files import read_mapping

_MAX_BYTES = 50_000_000
_FILES = ("chat_template.jinja", "tokenizer_config.json", "chat_template.json")
"""Where transformers writes it, now and formerly; the first wins."""

_Stamp = tuple[tuple[str, int, int], ...]


def has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in TOKENIZER_FILES)


def read_chat_template(folder: Path) -> str | None:
    """ "" for a tokenizer without one, None where there is no tokenizer."""
    try:
        if not has_tokenizer(folder):
            return None
        return _template(folder, _stamp(folder))
    except OSError:
        return None


def cached_model(name: str) -> Path | None:
    """Where the Hugging Face cache keeps a hub model. Looks at two small files and asks nobody."""
    if name.count("/") != 1 or name.startswith((".", "/")):
        return None
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    model = cache / f"models--{name.replace('/', '--')}"
    try:
        folder = model / "snapshots" / (model / "refs" / "main").read_text().strip()
        return folder if folder.is_dir() else None
    except (OSError, ValueError):
        return None


def _stamp(folder: Path) -> _Stamp:
    found = []
    for name in _FILES:
        path = folder / name
        if path.is_file():
            status = path.stat()
            found.append((name, status.st_size, status.st_mtime_ns))
    return tuple(found)


@lru_cache(maxsize=512)
def _template(folder: Path, stamp: _Stamp) -> str:
    """Parsed once for as long as the files stand: pages ask every second."""
    for name, size, _changed in stamp:
        text = _text(folder / name) if size <= _MAX_BYTES else ""
        if text:
            return text
    return ""


def _text(path: Path) -> str:
    if path.suffix == ".jinja":
        return path.read_text(errors="replace")
    value = read_mapping(path).get("chat_template")
    if isinstance(value, list):  # several by name; the one called default writes conversations
        named = {one.get("name"): one.get("template") for one in value if isinstance(one, dict)}
        value = named.get("default")
    return value if isinstance(value, str) else ""
