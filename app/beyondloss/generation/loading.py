"""Finding and loading models: only what is on this machine, only safetensors, never a stranger's code."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from beyondloss.errors import GenerationFailed, MissingDependency, ModelNotFound, UnreadableCheckpoint
from beyondloss.generation.foreign import LanguageModel
from beyondloss.generation.quiet import quiet_libraries

_MAP_HINT = "Map the run's base model to a folder on this machine (beyondloss import --base, or on the run's page)."


@dataclass(frozen=True, slots=True)
class Placement:
    """Where weights go and in which number type; `dtype` None takes the type they were saved in."""

    device: torch.device
    dtype: torch.dtype | None


def choose_placement(device: str, dtype: str) -> Placement:
    """`auto` device: cuda, then mps, then cpu. `auto` dtype: as saved on an accelerator, float32 on a CPU."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        place = torch.device(device)
    except RuntimeError as error:
        raise GenerationFailed(
            f"There is no device “{device}”.", hint="Choose auto, cpu, cuda, cuda:1 or mps."
        ) from error
    if place.type == "cuda" and not torch.cuda.is_available():
        raise GenerationFailed(
            "No CUDA device is available.", hint="Choose device auto or cpu, or install a CUDA torch."
        )
    if dtype == "auto":
        return Placement(place, torch.float32 if place.type == "cpu" else None)
    named = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if dtype not in named:
        raise GenerationFailed(f"There is no dtype “{dtype}”.", hint="Choose auto, float32, bfloat16 or float16.")
    return Placement(place, named[dtype])


def find_model(base_model: str) -> Path:
    """The folder of a model given as a path or as a hub id that was downloaded before. Never downloads."""
    if not base_model:
        raise ModelNotFound("The run does not say which base model it started from.", hint=_MAP_HINT)
    path = Path(base_model).expanduser()
    if path.is_dir():
        if (path / "config.json").is_file():
            return _understood(path.resolve())
        raise ModelNotFound(f"{path} is not a model folder: it has no config.json.", hint=_MAP_HINT)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(base_model, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError, ValueError) as error:
        raise ModelNotFound(f"The base model “{base_model}” is not on this machine.", hint=_MAP_HINT) from error
    if not (folder / "config.json").is_file():
        raise ModelNotFound(f"The cached copy of “{base_model}” is not complete.", hint=_MAP_HINT)
    return _understood(folder)


def _understood(folder: Path) -> Path:
    try:
        _json(folder / "config.json")
    except UnreadableCheckpoint as error:
        raise ModelNotFound(f"The base model cannot be used: {error.message}", hint=error.hint) from error
    return folder


def weight_files(folder: Path) -> tuple[Path, ...]:
    """A model's config and safetensors files, in a fixed order."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        weight_map = _json(index).get("weight_map")
        if not isinstance(weight_map, dict) or not weight_map:
            raise UnreadableCheckpoint(f"{index} names no weights.", hint="Was the save or the copy interrupted?")
        return (folder / "config.json", *(folder / shard for shard in sorted(set(weight_map.values()))))
    if (folder / "model.safetensors").is_file():
        return (folder / "config.json", folder / "model.safetensors")
    raise UnreadableCheckpoint(
        f"{folder} holds no safetensors weights.",
        hint="Pickled weights are never loaded; convert them to safetensors (save_pretrained does).",
    )


def _json(path: Path) -> dict[str, object]:
    try:
        read = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UnreadableCheckpoint(
            f"{path} cannot be read: {error}", hint="Was the save or the copy interrupted?"
        ) from error
    return read if isinstance(read, dict) else {}


def load_model(folder: Path, placement: Placement) -> LanguageModel:
    """A causal language model, ready to answer. Raises `UnreadableCheckpoint` or `MissingDependency` in plain words."""
    from transformers import AutoModelForCausalLM

    weight_files(folder)
    _check_quantisation(folder)
    try:
        with quiet_libraries():
            model: LanguageModel = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=placement.dtype or "auto",
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                device_map=None if placement.device.type == "cpu" else {"": placement.device},
            )
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise UnreadableCheckpoint(
            f"The model in {folder} cannot be loaded: {first}",
            hint="If it brings its own code, it cannot be used: foreign code is never run.",
        ) from error
    return model.eval().requires_grad_(False)


def _check_quantisation(folder: Path) -> None:
    settings = _json(folder / "config.json").get("quantization_config")
    if not isinstance(settings, dict):
        return
    if settings.get("quant_method") != "bitsandbytes" and not settings.get("load_in_4bit"):
        return
    import importlib.util

    if importlib.util.find_spec("bitsandbytes") is None:
        raise MissingDependency(
            f"{folder} is quantised with bitsandbytes, which is not installed.",
            hint=f"pip install bitsandbytes, or use the unquantised model. {_MAP_HINT}",
        )


def stop_ids(model: LanguageModel) -> frozenset[int]:
    """The end tokens of the model's generation settings."""
    ends = model.generation_config.eos_token_id
    if ends is None:
        return frozenset()
    return frozenset(ends if isinstance(ends, list) else [ends])


def context_tokens(model: LanguageModel) -> int | None:
    """How many tokens the model can look at; None if it does not say."""
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return int(limit) if limit else None
