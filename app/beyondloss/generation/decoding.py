"""The decoding loop: many answers at once, each row as long as it needs, every token by one rule.

A pass feeds, for every open row, what its cache lacks (the prompt, or its last token) and whatever a draft proposes.
The model's own choice is kept at every position; drafted tokens only decide how many positions one pass settles.
Rows leave as they finish and waiting ones take their place. Knows tokens only: no text, no adapters, no store.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from beyondloss.domain.answers import Finish
from beyondloss.domain.engine import Reference
from beyondloss.errors import OutOfMemory
from beyondloss.generation.attention import Chunk
from beyondloss.generation.passes import Passes
from beyondloss.generation.rule import Draw, TokenRule

_PASS_TOKENS = 4096
"""Most tokens of new prompts in one pass; bounds the activations in memory."""
_SHARED_TOKENS = 8
"""A beginning that all prompts share is computed once if it has at least so many tokens."""


@dataclass(frozen=True, slots=True)
class Order:
    """One answer to make. `key` names its noise; `limit` is the most new tokens."""

    index: int
    prompt: tuple[int, ...]
    limit: int
    key: bytes = b""
    references: tuple[Reference, ...] = ()


@dataclass(slots=True)
class RowStats:
    """What an answer cost. Emitted counts the end token too; verified counts drafted tokens fed."""

    passes: int = 0
    emitted: int = 0
    verified: int = 0
    accepted: int = 0


@dataclass(frozen=True, slots=True)
class Decoded:
    """A finished answer: new tokens without the end token; one margin per choice, the end's included."""

    index: int
    token_ids: tuple[int, ...]
    finish: Finish
    margins: tuple[float, ...]
    stats: RowStats


@dataclass(slots=True)
class Row:
    """An open answer. `cached` tokens of prompt + tokens lie in cache row `slot`; the last token never does."""

    order: Order
    slot: int = 0
    cached: int = 0
    tokens: list[int] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    stats: RowStats = field(default_factory=RowStats)
    finish: Finish | None = None

    def uncached(self) -> list[int]:
        prompt = self.order.prompt
        if self.cached >= len(prompt):
            return self.tokens[self.cached - len(prompt) :]
        return [*prompt[self.cached :], *self.tokens]

    def settle(
        self, choices: Sequence[int], margins: Sequence[float], *, draft: Sequence[int], stop_ids: frozenset[int]
    ) -> None:
        """Take the model's choices up to and including the first that the draft did not foresee."""
        self.stats.passes += 1
        self.stats.verified += len(draft)
        for offset, (token, margin) in enumerate(zip(choices, margins, strict=True)):
            self.margins.append(margin)
            self.stats.emitted += 1
            foreseen = offset < len(draft) and draft[offset] == token
            self.stats.accepted += foreseen
            if token in stop_ids:
                self.finish = Finish.STOP
                return
            self.tokens.append(token)
            if len(self.tokens) >= self.order.limit:
                self.finish = Finish.LENGTH
                return
            if not foreseen:
                break
        self.cached = len(self.order.prompt) + len(self.tokens) - 1

    def decoded(self) -> Decoded:
        return Decoded(
            index=self.order.index,
            token_ids=tuple(self.tokens),
            finish=self.finish or Finish.LENGTH,
            margins=tuple(self.margins),
            stats=self.stats,
        )


class Decoder:
    """Makes the answers to a list of orders. One decoder serves one set of weights and one sampling."""

    def __init__(self, passes: Passes, rule: TokenRule, *, stop_ids: frozenset[int], max_batch: int) -> None:
        self._passes = passes
        self._rule = rule
        self._stop_ids = stop_ids
        self.max_batch = max_batch
        self.passes = 0
        self.tokens_fed = 0
        self._shared = 0

    def run(self, orders: Sequence[Order]) -> Iterator[Decoded]:
        """Each answer as soon as it is finished. Halves the batch and goes on when memory runs out."""
        waiting = deque(Row(order) for order in orders)
        active: list[Row] = []
        shared = self._shared_beginning(orders)
        room = max((len(o.prompt) + o.limit for o in orders), default=0)
        self._shared = 0
        self._passes.open(min(self.max_batch, len(orders)), room)
        while waiting or active:
            try:
                if shared and not self._shared:
                    self._begin_shared(orders[0].prompt[:shared])
                self._admit(waiting, active)
                self._step(active)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(error, waiting, active)
                self._passes.open(min(self.max_batch, len(waiting)), room)
                continue
            yield from self._leave(active)

    def _shared_beginning(self, orders: Sequence[Order]) -> int:
        """Length of the beginning (chat template, system prompt) that is worth computing once for all rows."""
        if not self._passes.can_crop or len(orders) < 2:
            return 0
        first = min(orders, key=lambda order: order.prompt).prompt
        last = max(orders, key=lambda order: order.prompt).prompt
        length = next(
            (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
        )
        length = min(length, min(len(first), len(last), *(len(o.prompt) for o in orders)) - 1)
        return length if length >= _SHARED_TOKENS else 0

    def _begin_shared(self, beginning: Sequence[int]) -> None:
        """Compute the shared beginning in row 0. Every later row 0 begins with it too, so it stays there to copy."""
        self._run([Chunk(0, 0, beginning, 1)])
        self._shared = len(beginning)

    def _admit(self, waiting: deque[Row], active: list[Row]) -> None:
        fed = 0
        while waiting and len(active) < self.max_batch:
            row = waiting[0]
            fed += len(row.order.prompt) + len(row.tokens) - self._shared
            if fed > _PASS_TOKENS and active:
                return
            waiting.popleft()
            row.slot = len(active)
            row.cached = self._shared
            if row.slot and self._shared:
                self._passes.copy(0, row.slot, self._shared)
            active.append(row)

    def _step(self, active: list[Row]) -> None:
        drafts: list[list[int]] = [[] for _ in active]
        chunks = [
            Chunk(row.slot, row.cached, [*row.uncached(), *draft], 1 + len(draft))
            for row, draft in zip(active, drafts, strict=True)
        ]
        logits = self._run(chunks)
        draws = [
            Draw(row.order.key, len(row.tokens) + offset)
            for row, chunk in zip(active, chunks, strict=True)
            for offset in range(chunk.wanted)
        ]
        choice = self._rule.choose(logits, draws)
        first = 0
        for row, draft in zip(active, drafts, strict=True):
            end = first + 1 + len(draft)
            row.settle(choice.tokens[first:end], choice.margins[first:end], draft=draft, stop_ids=self._stop_ids)
            first = end

    def _run(self, chunks: Sequence[Chunk]) -> torch.Tensor:
        self.passes += 1
        self.tokens_fed += sum(len(chunk.tokens) for chunk in chunks)
        return self._passes.run(chunks)

    def _leave(self, active: list[Row]) -> Iterator[Decoded]:
        """Give out finished rows; the last rows move into their cache rows, so that open rows lie side by side."""
        finished = [row for row in active if row.finish is not None]
        for row in finished:
            last = active.pop()
            if last is not row:
                active[row.slot] = last
                self._passes.copy(last.slot, row.slot, last.cached)
                last.slot = row.slot
        for row in finished:
            yield row.decoded()

    def _halve(self, error: BaseException, waiting: deque[Row], active: list[Row]) -> None:
        """Rows go back to waiting with the tokens they have; their cache is computed again in the smaller batch."""
        rows = max(len(active), 1)
        if rows == 1:
            raise OutOfMemory(
                "There is not enough memory to answer even one probe at a time.",
                hint="Lower the token limit, choose dtype bfloat16, or free memory on this device.",
            ) from error
        self.max_batch = rows // 2
        waiting.extendleft(reversed(active))
        active.clear()
        self._shared = 0
        self._passes.close()


def is_out_of_memory(error: BaseException) -> bool:
    """CUDA and MPS have a class for it; the CPU allocator only says so."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and ("out of memory" in str(error) or "can't allocate memory" in str(error))
