"""Adapters: reading one without trusting it, putting it on the base that is in memory, and taking it off again.

Knows nothing of tokens or answers. Foreign bytes are never unpickled: safetensors, or `weights_only` for `.bin`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from beyondloss.errors import UnreadableCheckpoint
from beyondloss.generation.fingerprint import fingerprint, vanished
from beyondloss.generation.foreign import AdapterConfig, LanguageModel, LoadResult, PeftWrapper
from beyondloss.generation.quiet import quiet_libraries
from beyondloss.generation.rule import not_numbers

_CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Ways of initialising LoRA that rewrite the base's weights when the adapter is made, also when it is only loaded."""
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

    In float32 an adapter is added into the weights it changes (no cost per pass), and taking it off copies the base's
    own values back: subtracting would not be exact. Otherwise it is worn as extra layers, since adding a small change
    into 16-bit weights would round much of it away.
    """

    def __init__(self, model: LanguageModel) -> None:
        self.model = model
        self._originals: dict[str, Tensor] = {}
        self._added: tuple[str, ...] = ()
        self._worn: PeftWrapper = None
        self.wearing = ""

    def put_on(self, adapter: Adapter) -> None:
        """Nothing may be on. If this raises, the base may be changed: throw it away."""
        if adapter.alone_because:
            _fit_embeddings(self.model, adapter.tensors)
        peft_model = _attach(self.model, adapter)
        names = _changed_weights(peft_model)
        if not adapter.alone_because and self._may_add(names):
            for name in names:
                if name not in self._originals:
                    self._originals[name] = self.model.get_parameter(_inside(self.model, name)).detach().clone()
            self._added = names
            peft_model.base_model.merge_and_unload()
        else:
            peft_model.eval()
            self._worn = peft_model
        self.wearing = adapter.fingerprint

    def take_off(self) -> None:
        if self._worn is not None:
            self._worn.base_model.unload()
            self._worn = None
        with torch.inference_mode():
            for name in self._added:
                self.model.get_parameter(name).copy_(self._originals[name])
        self._added = ()
        self.wearing = ""

    def _may_add(self, names: tuple[str, ...]) -> bool:
        """Float32 only; never a weight that two modules share; never without memory for the copies."""
        weights = {name: self.model.get_parameter(_inside(self.model, name)) for name in names}
        tied = {p.data_ptr() for p in _embeddings(self.model)} if self.model.config.tie_word_embeddings else set()
        missing = sum(w.numel() * w.element_size() for name, w in weights.items() if name not in self._originals)
        return (
            bool(weights)
            and all(weight.dtype is torch.float32 and weight.data_ptr() not in tied for weight in weights.values())
            and missing < _free_bytes(self.model.device) // 2
        )


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
    return peft_model


def _does_not_fit(detail: str) -> UnreadableCheckpoint:
    return UnreadableCheckpoint(
        f"The adapter does not fit the base model: {detail}",
        hint="Check that the run is mapped to the base model it was trained on.",
        code="adapter_does_not_fit",
    )


def _changed_weights(peft_model: PeftWrapper) -> tuple[str, ...]:
    """Names, in the bare model, of the weights that merging the adapter would change."""
    tuner = peft_model.base_model
    modules = [f"{name}.weight" for name in tuner.targeted_module_names]
    return (*modules, *getattr(tuner, "targeted_parameter_names", ()))


def _inside(model: LanguageModel, name: str) -> str:
    """The name of a weight while its module is wrapped by peft."""
    module, _, leaf = name.rpartition(".")
    wrapped = f"{module}.base_layer.{leaf}"
    try:
        model.get_parameter(wrapped)
    except AttributeError:
        return name
    return wrapped


def _embeddings(model: LanguageModel) -> list[Tensor]:
    modules = (model.get_input_embeddings(), model.get_output_embeddings())
    return [getattr(module, "base_layer", module).weight for module in modules if module is not None]


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


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 8 << 30
