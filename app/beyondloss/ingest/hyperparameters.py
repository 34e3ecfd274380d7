"""Settings of a run from JSON, YAML and model cards. `training_args.bin` is a pickle and is never opened."""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from beyondloss.ingest.json_files import read_mapping, text_at
from beyondloss.ingest.logs.points import Setting

MAX_SETTINGS = 400
_MAX_TEXT_BYTES = 1_000_000
_MAX_VALUE_CHARACTERS = 500
_SECRET = re.compile(r"(token|secret|password|passwd|api_?key|credential|auth)s?$", re.IGNORECASE)
_COUNTS_TOKENS = re.compile(r"(num|max|min|total|new|eos|bos|pad|unk|special|include|skip).*tokens?", re.IGNORECASE)
_CARD_LINE = re.compile(r"^- ([A-Za-z_][\w ]{0,60}): (.+)$", re.MULTILINE)
_ADAPTER_KEYS = (
    "peft_type",
    "r",
    "lora_alpha",
    "lora_dropout",
    "target_modules",
    "modules_to_save",
    "use_rslora",
    "use_dora",
    "bias",
    "task_type",
)


def flattened(values: Mapping[str, object]) -> dict[str, Setting]:
    """The scalars of a settings mapping, lists joined; secrets (hub_token …) and long texts left out."""
    found: dict[str, Setting] = {}
    for key, value in values.items():
        if len(found) >= MAX_SETTINGS:
            break
        if not isinstance(key, str) or is_secret(key):
            continue
        setting = _as_setting(value)
        if setting is not None:
            found[key] = setting
    return found


def _as_setting(value: object) -> Setting:
    if isinstance(value, list | tuple) and value and all(isinstance(item, str | int | float) for item in value):
        value = ", ".join(str(item) for item in value)
    if isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _MAX_VALUE_CHARACTERS):
        return value
    return None


def is_secret(key: str) -> bool:
    return bool(_SECRET.search(key)) and not _COUNTS_TOKENS.search(key)


def adapter_settings(folder: Path) -> dict[str, Setting]:
    """The LoRA settings that people compare runs by."""
    config = read_mapping(folder / "adapter_config.json", limit_bytes=_MAX_TEXT_BYTES)
    chosen = {key: config[key] for key in _ADAPTER_KEYS if config.get(key) not in (None, False, [])}
    for key in ("target_modules", "modules_to_save"):
        if isinstance(chosen.get(key), list):
            chosen[key] = sorted(str(item) for item in chosen[key])  # type: ignore[attr-defined]
    return {"lora_r" if key == "r" else key: value for key, value in flattened(chosen).items()}


def adapter_base(folder: Path) -> str | None:
    return text_at(read_mapping(folder / "adapter_config.json", limit_bytes=_MAX_TEXT_BYTES), "base_model_name_or_path")


def model_base(folder: Path) -> str | None:
    """What a full fine-tune's config says it was loaded from; a checkpoint it was resumed from is not its base."""
    name = text_at(read_mapping(folder / "config.json", limit_bytes=_MAX_TEXT_BYTES), "_name_or_path")
    return None if name is None or re.fullmatch(r"checkpoint-\d+", Path(name).name) else name


def read_yaml(path: Path) -> Mapping[str, object]:
    """The mapping in a YAML file; empty for whatever else is there."""
    text = _read_text(path)
    return _yaml_mapping(text) if text else {}


def card_base(folder: Path) -> str | None:
    """`base_model` of the model card that PEFT and TRL write."""
    value = _front_matter(folder).get("base_model")
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value.strip() or None if isinstance(value, str) else None


def card_settings(folder: Path) -> dict[str, Setting]:
    """The list under "Training hyperparameters" of the Trainer's model card."""
    section = re.search(r"hyperparameters\b(.*?)(?=\n#|\Z)", _read_text(folder / "README.md"), re.DOTALL)
    if section is None:
        return {}
    pairs = {key.strip().replace(" ", "_"): _scalar(value.strip()) for key, value in _CARD_LINE.findall(section[1])}
    return flattened(pairs)


def _scalar(text: str) -> Setting:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


def _front_matter(folder: Path) -> Mapping[str, object]:
    card = re.match(r"---\r?\n(.*?)\r?\n---", _read_text(folder / "README.md"), re.DOTALL)
    return _yaml_mapping(card[1]) if card else {}


def _yaml_mapping(text: str) -> Mapping[str, object]:
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_TEXT_BYTES).decode(errors="replace")
    except OSError:
        return ""
