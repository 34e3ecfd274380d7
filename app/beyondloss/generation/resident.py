"""The one model in memory: loads what a target needs, keeps the base between adapters, gives memory back.

Adapters share the base unless that is unsafe; full fine-tunes and unsafe adapters are loaded alone.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from beyondloss.domain.engine import Target
from beyondloss.domain.runs import CheckpointKind
from beyondloss.errors import ModelNotFound, UnreadableCheckpoint
from beyondloss.generation.adapters import Wardrobe, free_bytes, read_adapter
from beyondloss.generation.attention import Chunk
from beyondloss.generation.decoding import Drafting
from beyondloss.generation.drift import BaseAnswers
from beyondloss.generation.fingerprint import fingerprint, vanished
from beyondloss.generation.foreign import LanguageModel
from beyondloss.generation.loading import Placement, context_tokens, find_model, load_model, stop_ids, weight_files
from beyondloss.generation.noise_floor import SHAPED_DTYPES, measure_tie_margin
from beyondloss.generation.passes import Passes, passes_for
from beyondloss.generation.rule import not_numbers

_CHECK_TOKENS = 16
"""How much of a prompt the self-check computes."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Weights in memory, proven to be those that were asked for."""

    passes: Passes
    drafting: Drafting
    base_answers: BaseAnswers
    stop_ids: frozenset[int]
    context_tokens: int | None
    vocabulary: int
    dtype: str
    device: str
    base_fingerprint: str
    weights_fingerprint: str
    adapter_check: str
    tie_margin: float | None
    """Measured for 16-bit weights: up to here a lead is a matter of rounding."""
    notes: tuple[str, ...]


class Resident:
    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._key = ""
        self._wardrobe: Wardrobe | None = None
        self._passes: Passes | None = None
        self._passes_note = ""
        self.drafting = Drafting()
        self._base_answers = BaseAnswers()
        self._tie_margin: float | None = None
        self._base_logits: dict[tuple[int, ...], Tensor] = {}

    def ready(self, target: Target, prompt: tuple[int, ...]) -> Ready:
        """Put the target's weights in place. `prompt` is what the self-check looks at."""
        try:
            if target.kind is CheckpointKind.BASE:
                return self._ready_base(target, prompt)
            if target.kind is CheckpointKind.ADAPTER:
                return self._ready_adapter(target, prompt)
            if target.kind is CheckpointKind.FULL:
                return self._ready_full(target, prompt)
        except BaseException:
            # Half a switch is worse than none: what is in memory now could answer under a wrong name.
            self.release()
            raise
        raise UnreadableCheckpoint(
            "This checkpoint is saved in shards of a distributed optimiser.",
            hint="Consolidate it into safetensors first.",
        )

    def release(self) -> None:
        self._key = ""
        self._wardrobe = None
        self._passes = None
        self._tie_margin = None
        self._base_logits.clear()
        self._base_answers.clear()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _ready_base(self, target: Target, prompt: tuple[int, ...]) -> Ready:
        with _as_base():
            folder = find_model(target.base_model)
            name = fingerprint(weight_files(folder))
            self._hold(name, folder, prompt).take_off()
            self._look(prompt)
        return self._describe(base=name, weights=name)

    def _ready_full(self, target: Target, prompt: tuple[int, ...]) -> Ready:
        folder = _existing(target)
        name = fingerprint(weight_files(folder))
        self._hold(name, folder, prompt).take_off()
        self._look(prompt)
        try:
            base = fingerprint(weight_files(find_model(target.base_model)))
        except (ModelNotFound, UnreadableCheckpoint):
            base = ""
        return self._describe(base=base, weights=name)

    def _ready_adapter(self, target: Target, prompt: tuple[int, ...]) -> Ready:
        adapter = read_adapter(_existing(target))
        alone = adapter.alone_because
        with _as_base():
            folder = find_model(target.base_model)
            base = fingerprint(weight_files(folder))
            wardrobe = self._hold(f"{base}+{adapter.fingerprint}" if alone else base, folder, prompt)
        check = prompt[:_CHECK_TOKENS]
        if wardrobe.wearing != adapter.fingerprint or check not in self._base_logits:
            wardrobe.take_off()
            if check not in self._base_logits:
                # Before an adapter with new embeddings is on, the base may not know every token of the prompt.
                known = tuple(token for token in check if token < _vocabulary(wardrobe.model))
                with _as_base():
                    self._base_logits[check] = self._look(known)
            wardrobe.put_on(adapter)
        notes = [f"the base was loaded for this adapter alone: {alone}"] if alone else []
        if not adapter.has_effect:
            notes.append("every B matrix of the adapter is zero, so it changes nothing")
        return self._describe(base=base, weights=adapter.fingerprint, check=self._check(check), notes=tuple(notes))

    def _check(self, check: tuple[int, ...]) -> str:
        """Proof that the adapter is on: it must change the logits. One that changes nothing is told, not hidden."""
        return "no effect" if torch.equal(self._look(check), self._base_logits[check]) else "on"

    def _hold(self, key: str, folder: Path, prompt: tuple[int, ...]) -> Wardrobe:
        if self._wardrobe is None or self._key != key:
            self.release()
            model = load_model(folder, self._placement)
            self._passes, self._passes_note = passes_for(model, free_bytes=free_bytes(self._placement.device))
            self._wardrobe = Wardrobe(model)
            self.drafting = Drafting()
            if model.dtype in SHAPED_DTYPES:
                known = [token for token in prompt if token < _vocabulary(model)]
                self._tie_margin = measure_tie_margin(self._passes, known)
            self._key = key
        return self._wardrobe

    def _look(self, prompt: tuple[int, ...]) -> Tensor:
        """The logits after a prompt's beginning; raises if they are not numbers."""
        check = prompt[:_CHECK_TOKENS]
        passes = self._passes
        if passes is None or not check:
            return torch.empty(0)
        passes.open(1, len(check))
        logits = passes.run([Chunk(0, 0, check, 1)])
        if not bool(torch.isfinite(logits).all()):
            raise not_numbers()
        return logits

    def _describe(self, *, base: str, weights: str, check: str = "", notes: tuple[str, ...] = ()) -> Ready:
        if self._wardrobe is None or self._passes is None:
            raise RuntimeError("No model is in memory.")
        model = self._wardrobe.model
        return Ready(
            passes=self._passes,
            drafting=self.drafting,
            base_answers=self._base_answers,
            stop_ids=stop_ids(model),
            context_tokens=context_tokens(model),
            vocabulary=_vocabulary(model),
            dtype=str(model.dtype).removeprefix("torch."),
            device=str(model.device),
            base_fingerprint=base,
            weights_fingerprint=weights,
            adapter_check=check,
            tie_margin=self._tie_margin,
            notes=(*notes, *([self._passes_note] if self._passes_note else ()), *_ignored_settings(model)),
        )


@contextmanager
def _as_base() -> Iterator[None]:
    """Weights that cannot be read here are the base's: no checkpoint of the run is at fault, the mapping may be."""
    try:
        yield
    except UnreadableCheckpoint as error:
        raise ModelNotFound(f"The base model cannot be used: {error.message}", hint=error.hint) from error


def _existing(target: Target) -> Path:
    if target.path is None or not target.path.is_dir():
        raise vanished(target.path or Path())
    return target.path


def _vocabulary(model: LanguageModel) -> int:
    return int(model.get_input_embeddings().weight.shape[0])


def _ignored_settings(model: LanguageModel) -> tuple[str, ...]:
    """What the model's own generation settings would do to logits. Here one rule holds for every model."""
    penalty = model.generation_config.repetition_penalty
    if penalty is None or penalty == 1.0:
        return ()
    return (f"the model suggests a repetition penalty of {penalty}; answers here are made without one",)
