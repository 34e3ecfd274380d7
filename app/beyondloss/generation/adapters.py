"""Adapters: reading one without trusting it, putting it on the base that is in memory, and taking it off again.

Knows nothing of tokens or answers. Foreign bytes are never unpickled: safetensors, or `weights_only` for `.bin`.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from beyondloss.errors import UnreadableCheckpoint
from beyondloss.generation.fingerprint import fingerprint, vanished
from beyondloss.generation.foreign import AdapterConfig, LanguageModel, LoadResult, PeftWrapper
from beyondloss.generation.linear import WearingLinear, dress, undress
from beyondloss.generation.quiet import quiet_libraries
from beyondloss.generation.rule import not_numbers

_CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Ways of initialising LoRA that rewrite the base's weights when the adapter is made, also when it is only loaded."""
_MORE_THAN_LORA = (
    "use_dora",
    "lora_bias",
    "use_qalora",
    "use_bdlora",
    "velora_config",
    "monteclora_config",
    "arrow_config",
    "kasa_config",
    "target_parameters",
    "megatron_config",
)
"""Settings that make an adapter compute more than x·Aᵀ·Bᵀ."""
_PROMPT_LEARNING = frozenset({"PREFIX_TUNING", "PROMPT_TUNING", "P_TUNING", "MULTITASK_PROMPT_TUNING", "CPT"})


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter's settings and tensors, read whole, so that its folder may vanish afterwards."""

    folder: Path
    config: AdapterConfig
    tensors: dict[str, Tensor]
    fingerprint: str
    alone_because: str
    """Why it must not share a base with others; empty if it may."""
    has_effect: bool


def read_adapter(folder: Path) -> Adapter:
    """Raises `UnreadableCheckpoint` for anything that cannot be used, the reason in plain words."""
    config_path = folder / "adapter_config.json"
    weights_path = next(
        (path for name in ("adapter_model.safetensors", "adapter_model.bin") if (path := folder / name).is_file()), None
    )
    if weights_path is None or not config_path.is_file():
        raise (
            vanished(folder)
            if not folder.exists()
            else UnreadableCheckpoint(
                f"{folder} holds no adapter.", hint="It needs adapter_config.json and adapter_model.safetensors."
            )
        )
    name = fingerprint((config_path, weights_path))
    config = _read_config(config_path)
    tensors = _read_tensors(weights_path)
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise not_numbers()
    return Adapter(folder, config, tensors, name, _alone_because(config, tensors), _has_effect(tensors))


def _read_config(path: Path) -> AdapterConfig:
    from peft import PeftConfig

    try:
        settings = json.loads(path.read_text())
        if settings.get("peft_type") in _PROMPT_LEARNING or settings.get("alora_invocation_tokens"):
            raise UnreadableCheckpoint(
                f"Answers from {settings['peft_type'].lower().replace('_', ' ')} are not supported.",
                hint="Adapters that change weights (LoRA, DoRA, LoHa, IA3, OFT …) are.",
            )
        with quiet_libraries():
            read: AdapterConfig = PeftConfig
            return read.from_peft_type(**{**settings, "inference_mode": True})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnreadableCheckpoint(
            f"{path} cannot be understood: {error}", hint="Was it written by a newer peft? Try upgrading peft."
        ) from error


def _read_tensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise vanished(path) from error
    except (SafetensorError, OSError, EOFError, RuntimeError, ValueError) as error:
        raise UnreadableCheckpoint(f"{path} is broken: {error}", hint="Was the save interrupted?") from error
    except Exception as error:
        raise UnreadableCheckpoint(
            f"{path} holds more than plain tensors and was not opened.", hint="Save the adapter as safetensors."
        ) from error
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise UnreadableCheckpoint(f"{path} holds no plain tensors.", hint="Save the adapter as safetensors.")
    return loaded


def _alone_because(config: AdapterConfig, tensors: dict[str, Tensor]) -> str:
    if getattr(config, "modules_to_save", None) or any("modules_to_save" in key for key in tensors):
        return "it replaces whole modules (modules_to_save)"
    if getattr(config, "trainable_token_indices", None):
        return "it trains token embeddings (trainable_token_indices)"
    if _own_embeddings(tensors):
        return "it carries its own (resized) embeddings"
    if getattr(config, "bias", "none") != "none":
        return "it changes the base's biases"
    if getattr(config, "layer_replication", None):
        return "it repeats layers"
    if str(getattr(config, "init_lora_weights", "")).lower().startswith(_CHANGES_BASE):
        return f"its start ({config.init_lora_weights}) rewrites base weights"
    return ""


def _has_effect(tensors: dict[str, Tensor]) -> bool:
    """LoRA adds B·A: with every B zero it adds nothing. Other kinds of adapters count as having an effect."""
    seconds = [tensor for key, tensor in tensors.items() if "lora_B" in key or "lora_embedding_B" in key]
    plain_lora = all("lora_" in key and "magnitude" not in key for key in tensors)
    return not (seconds and plain_lora) or any(bool(tensor.any()) for tensor in seconds)


class Wardrobe:
    """Puts adapters on one base model and takes them off, leaving the base bit for bit as it was.

    Nothing is ever added into the base's own weights: in 16 bits that would round much of a small change away, and
    subtracting it again is exact in no type. Plain LoRA is worn by the linear layers themselves; every other kind
    of adapter by peft, around the model's own layers.
    """

    def __init__(self, model: LanguageModel) -> None:
        self.model = model
        self._dressed = [m for m in model.modules() if isinstance(m, WearingLinear)]
        self._peft: PeftWrapper = None
        self.wearing = ""

    def put_on(self, adapter: Adapter) -> None:
        """Nothing may be on. If this raises, the model may be half changed: throw it away."""
        pairs = _plain_lora(self.model, adapter)
        if pairs:
            for pair in pairs:
                pair.layer.wear(pair.down, pair.up, pair.scale)
        else:
            undress(self.model)
            if adapter.alone_because:
                _fit_embeddings(self.model, adapter.tensors)
            self._peft = _attach(self.model, adapter)
        self.wearing = adapter.fingerprint

    def take_off(self) -> None:
        for layer in self._dressed:
            layer.take_off()
        if self._peft is not None:
            self._peft.base_model.unload()
            self._peft = None
            dress(self.model, free_bytes=free_bytes(self.model.device))
            self._dressed = [m for m in self.model.modules() if isinstance(m, WearingLinear)]
        self.wearing = ""


@dataclass(frozen=True, slots=True)
class _Pair:
    """LoRA's two matrices for one layer."""

    layer: WearingLinear
    down: Tensor
    up: Tensor
    scale: float


def _plain_lora(model: LanguageModel, adapter: Adapter) -> list[_Pair]:
    """The adapter as matrices for our own layers, or nothing if any part of it is more than that."""
    config = adapter.config
    if (
        adapter.alone_because
        or config.peft_type != "LORA"
        or any(getattr(config, name, None) for name in _MORE_THAN_LORA)
    ):
        return []
    layers = {name: module for name, module in model.named_modules() if isinstance(module, WearingLinear)}
    found: dict[str, dict[str, Tensor]] = {}
    for key, tensor in adapter.tensors.items():
        name, _, part = key.removeprefix("base_model.model.").partition(".lora_")
        found.setdefault(name, {})[part] = tensor
    pairs = []
    for name, parts in found.items():
        layer, down, up = layers.get(name), parts.get("A.weight"), parts.get("B.weight")
        if layer is None or down is None or up is None or len(parts) != 2:
            return []
        if down.shape != (up.shape[1], layer.in_features) or up.shape[0] != layer.out_features:
            return []
        pairs.append(_Pair(layer, down, up, _scale(config, name, rank=down.shape[0])))
    return pairs


def _scale(config: AdapterConfig, name: str, *, rank: int) -> float:
    from peft.utils.other import get_pattern_key

    patterns: dict[str, float] = config.alpha_pattern or {}
    alpha = float(patterns.get(get_pattern_key(list(patterns), name), config.lora_alpha or rank))
    return alpha / math.sqrt(rank) if config.use_rslora else alpha / rank


def _attach(model: LanguageModel, adapter: Adapter) -> PeftWrapper:
    from peft import PeftModel
    from peft.utils import set_peft_model_state_dict

    try:
        with quiet_libraries():
            peft_model = PeftModel(model, adapter.config, low_cpu_mem_usage=not adapter.alone_because)
            result: LoadResult = set_peft_model_state_dict(
                peft_model, adapter.tensors, low_cpu_mem_usage=not adapter.alone_because
            )
    except (ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise _does_not_fit(first) from error
    missing = [key for key in result.missing_keys if any(part in key for part in ("lora_", ".default"))]
    if result.unexpected_keys or missing:
        raise _does_not_fit(f"{(list(result.unexpected_keys) + missing)[0]} has no counterpart")
    return peft_model.eval()


def _does_not_fit(detail: str) -> UnreadableCheckpoint:
    return UnreadableCheckpoint(
        f"The adapter does not fit the base model: {detail}",
        hint="Check that the run is mapped to the base model it was trained on.",
        code="adapter_does_not_fit",
    )


def _fit_embeddings(model: LanguageModel, tensors: dict[str, Tensor]) -> None:
    """A run that added tokens saved embeddings with more rows than the base has."""
    rows = [tensor.shape[0] for tensor in _own_embeddings(tensors)]
    if rows and rows[0] != model.get_input_embeddings().weight.shape[0]:
        with quiet_libraries():
            model.resize_token_embeddings(rows[0], mean_resizing=False)


def _own_embeddings(tensors: dict[str, Tensor]) -> list[Tensor]:
    """Whole embedding matrices in an adapter's file; peft saves them when the vocabulary grew."""
    layers = tuple(
        f"{name}{inner}.weight" for name in ("embed_tokens", "lm_head", "wte") for inner in ("", ".base_layer")
    )
    return [tensor for key, tensor in tensors.items() if key.endswith(layers)]


def free_bytes(device: torch.device) -> int:
    """Memory that is free on a device; on a CPU what the system says is available."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 8 << 30  # Not Linux; a guess that packs small models only.
