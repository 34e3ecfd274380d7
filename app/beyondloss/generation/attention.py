"""Attention for ragged passes: rows of different lengths lie end to end in one sequence, without padding.

Linear layers then compute exactly the tokens that are needed. Only attention itself, a small part of the arithmetic,
is padded per group of rows. Registered with transformers under `ATTENTION_NAME`; it takes the arguments that flash
attention gets (sliding window, soft cap, sinks), so every model that supports that interface can run on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.cache_utils import Cache

ATTENTION_NAME = "beyondloss_ragged"
_GROUP_BOUNDS = (16, 64)
"""Rows are grouped by how many tokens they feed, so that one long prompt does not pad fifteen single tokens."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tokens to feed for one row. They extend the row's cached tokens, whose first `start` stay valid.

    Logits are wanted for the last `wanted` of them.
    """

    slot: int
    start: int
    tokens: Sequence[int]
    wanted: int


@dataclass(slots=True)
class Group:
    """Rows that attend together, padded to `queries` tokens each and `keys` cached positions."""

    rows: slice | Tensor
    count: int
    queries: int
    keys: int
    gather: Tensor | None
    """(count·queries,) index of each padded query among the pass's tokens; None when nothing is padded or moved."""
    scatter: Tensor
    """(tokens,) index of each of this group's tokens among its padded queries."""
    members: Tensor
    """(tokens,) index of each of this group's tokens in the pass."""
    positions: Tensor
    """(count, queries) position of each padded query in its own row."""
    masks: dict[int, Tensor] = field(default_factory=dict)

    def mask(self, window: int, dtype: torch.dtype, repeats: int) -> Tensor:
        """(count, 1, repeats·queries, keys), 0 where a query may look and -inf elsewhere; made once per pass."""
        key = window * 1024 + repeats
        if key not in self.masks:
            keys = torch.arange(self.keys, device=self.positions.device)
            queries = self.positions[:, :, None]
            seen = keys <= queries
            if window:
                seen = seen & (keys > queries - window)
            mask = torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill_(~seen, -torch.inf)
            self.masks[key] = mask.repeat(1, repeats, 1)[:, None]
        return self.masks[key]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the tokens of one pass go: which row and position each has, and how rows attend."""

    slots: Tensor
    positions: Tensor
    groups: tuple[Group, ...]


def lay_out(chunks: Sequence[Chunk], device: torch.device) -> Layout:
    """The layout of a pass. Padded queries repeat their row's last token; nobody reads what they attend to."""
    slots = [chunk.slot for chunk in chunks for _ in chunk.tokens]
    positions = [chunk.start + offset for chunk in chunks for offset in range(len(chunk.tokens))]
    firsts, total = [], 0
    for chunk in chunks:
        firsts.append(total)
        total += len(chunk.tokens)
    buckets: dict[int, list[int]] = {}
    for index, chunk in enumerate(chunks):
        bucket = sum(len(chunk.tokens) > bound for bound in _GROUP_BOUNDS)
        buckets.setdefault(bucket, []).append(index)
    groups = tuple(
        _group([chunks[index] for index in bucket], [firsts[index] for index in bucket], total, device)
        for bucket in buckets.values()
    )
    return Layout(torch.tensor(slots, device=device), torch.tensor(positions, device=device), groups)


def _group(chunks: Sequence[Chunk], firsts: Sequence[int], total: int, device: torch.device) -> Group:
    queries = max(len(chunk.tokens) for chunk in chunks)
    gather: list[int] = []
    scatter: list[int] = []
    members: list[int] = []
    positions: list[int] = []
    for row, (chunk, first) in enumerate(zip(chunks, firsts, strict=True)):
        length = len(chunk.tokens)
        real = range(length)
        members += [first + offset for offset in real]
        scatter += [row * queries + offset for offset in real]
        gather += [first + min(offset, length - 1) for offset in range(queries)]
        positions += [chunk.start + min(offset, length - 1) for offset in range(queries)]
    slots = [chunk.slot for chunk in chunks]
    in_line = slots == list(range(slots[0], slots[0] + len(slots)))
    return Group(
        rows=slice(slots[0], slots[0] + len(slots)) if in_line else torch.tensor(slots, device=device),
        count=len(chunks),
        queries=queries,
        keys=max(chunk.start + len(chunk.tokens) for chunk in chunks),
        gather=None if gather == list(range(total)) else torch.tensor(gather, device=device),
        scatter=torch.tensor(scatter, device=device),
        members=torch.tensor(members, device=device),
        positions=torch.tensor(positions, device=device).view(len(chunks), queries),
    )


class RaggedCache(Cache):
    """Keys and values of every row, in one buffer per layer: (slots, heads, capacity, width).

    Cropping costs nothing: what lies beyond a row's valid tokens is never looked at and gets overwritten.
    """

    def __init__(self, slots: int, capacity: int) -> None:
        super().__init__(layers=[])
        self.slots = slots
        self.capacity = capacity
        self.layout: Layout | None = None
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: object, **kwargs: object
    ) -> tuple[Tensor, Tensor]:
        """Write the pass's keys and values (1, heads, tokens, width); give back the whole buffers."""
        layout = self.layout
        if layout is None:
            raise RuntimeError("A pass was run without a layout.")
        while len(self.keys) <= layer_idx:
            self.keys.append(self._buffer(key_states))
            self.values.append(self._buffer(value_states))
        keys, values = self.keys[layer_idx], self.values[layer_idx]
        keys[layout.slots, :, layout.positions] = key_states[0].transpose(0, 1)
        values[layout.slots, :, layout.positions] = value_states[0].transpose(0, 1)
        return keys, values

    def _buffer(self, like: Tensor) -> Tensor:
        return like.new_zeros((self.slots, like.shape[1], self.capacity, like.shape[3]))

    def copy(self, source: int, target: int, length: int) -> None:
        """The first `length` tokens of one row become those of another."""
        for buffer in (*self.keys, *self.values):
            buffer[target, :, :length] = buffer[source, :, :length]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return 0


def attend(  # noqa: PLR0917 — the order is that of transformers' attention interface
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    ragged: Layout,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **unused: object,
) -> tuple[Tensor, None]:
    """query (1, H, T, D) against the cache's buffers; gives (1, T, H, D). Called by the model's attention layers."""
    heads, kv_heads = query.shape[1], key.shape[1]
    repeats = heads // kv_heads
    outputs = []
    for group in ragged.groups:
        packed = query[0] if group.gather is None else query[0].index_select(1, group.gather)
        # (H, n·Q, D) → (n, heads of the cache, repeats·Q, D): grouped heads become further queries.
        packed = packed.view(kv_heads, repeats, group.count, group.queries, -1).permute(2, 0, 1, 3, 4)
        packed = packed.reshape(group.count, kv_heads, repeats * group.queries, -1)
        attended = _attend_group(
            packed,
            key[group.rows, :, : group.keys],
            value[group.rows, :, : group.keys],
            mask=group.mask(sliding_window or 0, query.dtype, repeats),
            scaling=scaling,
            softcap=softcap,
            sinks=s_aux,
        )
        # back to (n·Q, H, D), then only the real tokens
        attended = attended.view(group.count, kv_heads, repeats, group.queries, -1).permute(0, 3, 1, 2, 4)
        attended = attended.reshape(group.count * group.queries, heads, -1)
        outputs.append(attended if group.gather is None else attended.index_select(0, group.scatter))
    if len(outputs) == 1:
        return outputs[0][None], None
    joined = outputs[0].new_empty((query.shape[2], *outputs[0].shape[1:]))
    for group, output in zip(ragged.groups, outputs, strict=True):
        joined[group.members] = output
    return joined[None], None


def _attend_group(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    mask: Tensor,
    scaling: float | None,
    softcap: float | None,
    sinks: Tensor | None,
) -> Tensor:
    """(n, h, Q, D) × (n, h, S, D) → (n, h, Q, D). Soft caps (Gemma 2) and sinks (GPT-OSS) have no fused kernel."""
    if softcap is None and sinks is None:
        return torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scaling)
    scores = query @ key.transpose(-1, -2) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    scores = (scores + mask).float()
    if sinks is not None:
        per_query = sinks.view(key.shape[1], -1, 1).expand(-1, -1, query.shape[2] * key.shape[1] // sinks.numel())
        column = per_query.reshape(1, key.shape[1], -1, 1).expand(query.shape[0], -1, -1, -1)
        scores = torch.cat([scores, column.float()], dim=-1)
        return (scores.softmax(-1)[..., :-1]).to(value.dtype) @ value
    return scores.softmax(-1).to(value.dtype) @ value


AttentionInterface.register(ATTENTION_NAME, attend)
