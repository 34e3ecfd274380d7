"""Forward passes over rows of different lengths: the one place that calls the model.

`RaggedPasses` feeds many rows at once and takes tokens back (a rejected draft); `PlainPasses` serves models whose
cache cannot do that, one row at a time, and never gets a draft. Both give float32 logits.
"""

import inspect
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from beyondloss.generation.attention import ATTENTION_NAME, Chunk, RaggedCache, lay_out
from beyondloss.generation.foreign import LanguageModel, ModelCache
from beyondloss.generation.linear import dress, undress

_CAPACITY_STEP = 128


class Passes(Protocol):
    """What the decoding loop needs of a model."""

    can_crop: bool
    """Whether a row may start again from fewer tokens than it has cached, and share another row's beginning."""

    vocabulary: int
    """How many logits a token has."""

    def open(self, slots: int, capacity: int) -> None:
        """Make room for so many rows of at most so many tokens; what was cached before is gone."""

    def run(self, chunks: Sequence[Chunk]) -> Tensor:
        """(wanted tokens of all chunks, vocabulary) float32 logits, in the order of the chunks."""

    def copy(self, source: int, target: int, length: int) -> None:
        """Row `target` begins with the first `length` cached tokens of row `source`."""

    def close(self) -> None:
        """Give the cache's memory back."""


class RaggedPasses:
    can_crop = True

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._device = model.get_input_embeddings().weight.device
        self.vocabulary = int(model.get_input_embeddings().weight.shape[0])
        self.dtype: torch.dtype = model.dtype
        self._cache: RaggedCache | None = None

    def open(self, slots: int, capacity: int) -> None:
        rounded = -(-capacity // _CAPACITY_STEP) * _CAPACITY_STEP
        if self._cache is None or self._cache.slots < slots or self._cache.capacity < capacity:
            self._cache = None
            self._cache = RaggedCache(slots, rounded)

    def run(self, chunks: Sequence[Chunk]) -> Tensor:
        cache = self._cache
        if cache is None:
            raise RuntimeError("The cache is closed.")
        layout = lay_out(chunks, self._device)
        tokens = torch.tensor([token for chunk in chunks for token in chunk.tokens], device=self._device)
        wanted: list[int] = []
        end = 0
        for chunk in chunks:
            end += len(chunk.tokens)
            wanted += range(end - chunk.wanted, end)
        cache.layout = layout
        with torch.inference_mode():
            output = self._model(
                input_ids=tokens[None],
                position_ids=layout.positions[None],
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=torch.tensor(wanted, device=self._device),
                ragged=layout,
            )
        logits: Tensor = output.logits[0]
        return logits.float()

    def copy(self, source: int, target: int, length: int) -> None:
        if self._cache is not None and length:
            with torch.inference_mode():
                self._cache.copy(source, target, length)

    def close(self) -> None:
        self._cache = None


class PlainPasses:
    """One row at a time through the model's own cache. Slow and right for every model that can generate at all."""

    can_crop = False

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._device = model.get_input_embeddings().weight.device
        self.vocabulary = int(model.get_input_embeddings().weight.shape[0])
        parameters = inspect.signature(model.forward).parameters
        # Recurrent models name their state otherwise.
        self._cache_name = "past_key_values" if "past_key_values" in parameters else "cache_params"
        self._takes_positions = "position_ids" in parameters
        self._caches: dict[int, ModelCache] = {}

    def open(self, slots: int, capacity: int) -> None:
        self._caches = {}

    def run(self, chunks: Sequence[Chunk]) -> Tensor:
        return torch.cat([self._run_row(chunk) for chunk in chunks])

    def _run_row(self, chunk: Chunk) -> Tensor:
        arguments: dict[str, object] = {
            "input_ids": torch.tensor([list(chunk.tokens)], device=self._device),
            "use_cache": True,
            self._cache_name: self._caches.get(chunk.slot) if chunk.start else None,
        }
        if self._takes_positions:
            end = chunk.start + len(chunk.tokens)
            arguments["position_ids"] = torch.arange(chunk.start, end, device=self._device)[None]
        with torch.inference_mode():
            output = self._model(**arguments)
        self._caches[chunk.slot] = getattr(output, self._cache_name)
        logits: Tensor = output.logits[0, -chunk.wanted :]
        return logits.float()

    def copy(self, source: int, target: int, length: int) -> None:
        """Only whole rows, and only by moving them: this cache cannot be cut."""
        self._caches[target] = self._caches.pop(source)

    def close(self) -> None:
        self._caches = {}


def passes_for(model: LanguageModel, *, free_bytes: int) -> tuple[Passes, str]:
    """The fastest passes that this model computes rightly, and a note when those are the plain ones.

    Decided by trying: a ragged pass with a rejected draft must give what the model gives on its own. A model whose
    attention is not what we think is caught here, not in somebody's answers.
    """
    own = model.config._attn_implementation
    expected = _own_logits(model)
    dress(model, free_bytes=free_bytes)
    if not _close(torch.cat(_own_logits(model)), torch.cat(expected), model.dtype):
        undress(model)
    try:
        model.set_attn_implementation(ATTENTION_NAME)
        ragged = RaggedPasses(model)
        if model.config._attn_implementation == ATTENTION_NAME and _agree(ragged, expected):
            return ragged, ""
        reason = "its attention is not of the common kind"
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # noqa: BLE001 — any model code may fail here in any way; plain decoding still works
        reason = f"its code does not allow it ({type(error).__name__})"
    model.set_attn_implementation(own)
    name = type(model).__name__
    return PlainPasses(model), f"plain decoding, one answer at a time: {name} cannot be batched freely, {reason}"


_TRIAL_ROWS = ((5, 9, 3, 7, 11, 4, 8, 6, 10, 2, 7, 5), (8, 3, 3, 6, 9))
"""Token ids of the trial. Small, so that every vocabulary has them."""
_TRIAL_TOLERANCE = {torch.float32: 2e-3, torch.float16: 3e-2, torch.bfloat16: 1e-1}


def _own_logits(model: LanguageModel) -> list[Tensor]:
    device = model.get_input_embeddings().weight.device
    with torch.inference_mode():
        return [
            model(input_ids=torch.tensor([row], device=device), use_cache=False).logits[0].float()
            for row in _TRIAL_ROWS
        ]


def _agree(passes: RaggedPasses, expected: list[Tensor]) -> bool:
    first, second = _TRIAL_ROWS
    passes.open(2, len(first))
    passes.run([Chunk(0, 0, first[:7], 1), Chunk(1, 0, (*second[:2], 1, 1), 1)])
    got = passes.run([Chunk(0, 7, first[7:], 5), Chunk(1, 2, second[2:], 3)])
    passes.close()
    return _close(got, torch.cat([expected[0][7:], expected[1][2:]]), passes.dtype)


def _close(got: Tensor, want: Tensor, dtype: torch.dtype) -> bool:
    """Equal up to rounding. Weights that are not numbers are told elsewhere; they must not look like odd code here."""
    if not bool(torch.isfinite(want).all()):
        return True
    scale = max(float(want.std()), 1e-6)
    return bool((got - want).abs().max() <= _TRIAL_TOLERANCE.get(dtype, 1e-1) * scale)
