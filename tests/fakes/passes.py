"""A language model without weights: the next token is a hash of everything before it. Keeps the `Passes` protocol.

It holds its callers to the cache's rules: a row may only go on from tokens that were fed before.
"""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from beyondloss.generation.attention import Chunk


class HashPasses:
    def __init__(
        self, *, vocabulary: int = 12, salt: str = "", can_crop: bool = True, memory_tokens: int | None = None
    ) -> None:
        """`memory_tokens` bounds the tokens of one pass; more raise what a full GPU raises."""
        self.can_crop = can_crop
        self.vocabulary = vocabulary
        self.salt = salt
        self.memory_tokens = memory_tokens
        self.fed: list[int] = []
        self.opened: list[int] = []
        self._rows: dict[int, list[int]] = {}

    def open(self, slots: int, capacity: int) -> None:
        self.opened.append(slots)
        self._rows = {}

    def run(self, chunks: Sequence[Chunk]) -> Tensor:
        total = sum(len(chunk.tokens) for chunk in chunks)
        if self.memory_tokens is not None and total > self.memory_tokens:
            self._rows = {}
            raise torch.OutOfMemoryError("CUDA out of memory.")
        self.fed.append(total)
        logits = []
        for chunk in chunks:
            row = self._rows.setdefault(chunk.slot, [])
            assert chunk.start <= len(row), "the row goes on from tokens that were never fed"
            assert self.can_crop or chunk.start in {0, len(row)}, "a draft was given to a cache that cannot be cropped"
            row[chunk.start :] = chunk.tokens
            logits += [self.logits(row[: len(row) - left]) for left in range(chunk.wanted - 1, -1, -1)]
        return torch.stack(logits)

    def copy(self, source: int, target: int, length: int) -> None:
        self._rows[target] = self._rows[source][:length]

    def close(self) -> None:
        self._rows = {}

    def logits(self, tokens: Sequence[int]) -> Tensor:
        """(vocabulary,) logits after these tokens; only the last eight matter, so that answers come back together."""
        text = self.salt + ",".join(map(str, tokens[-8:]))
        digest = hashlib.blake2b(text.encode(), digest_size=min(self.vocabulary * 2, 64)).digest()
        values = [int.from_bytes(digest[2 * i : 2 * i + 2], "little") / 8192 for i in range(self.vocabulary)]
        return torch.tensor(values)

    def answer(self, prompt: Sequence[int], limit: int, stop_ids: frozenset[int]) -> tuple[int, ...]:
        """What greedy decoding must give, made the simplest way."""
        tokens: list[int] = []
        while len(tokens) < limit:
            token = int(self.logits([*prompt, *tokens]).argmax())
            if token in stop_ids:
                break
            tokens.append(token)
        return tuple(tokens)
