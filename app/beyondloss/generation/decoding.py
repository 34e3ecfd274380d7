"""The decoding loop: many answers at once, each row as long as it needs, every token by one rule.

A pass feeds, for every open row, what its cache lacks (the prompt, or its last token) and whatever a draft proposes.
The model's own choice is kept at every position; drafted tokens only decide how many positions one pass settles.
Rows leave as they finish and waiting ones take their place. Knows tokens only: no text, no adapters, no store.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from beyondloss.domain.answers import Finish
from beyondloss.domain.engine import Reference
from beyondloss.errors import OutOfMemory
from beyondloss.generation.attention import Chunk
from beyondloss.generation.drafts import Draft, Drafter, OtherAnswers, Source
from beyondloss.generation.drift import BaseAnswer, log_probabilities
from beyondloss.generation.pace import Acceptance, Outlook, PassCosts, RowPace, first_cap, plan_drafts
from beyondloss.generation.passes import Passes
from beyondloss.generation.rule import Draw, TokenRule

_PASS_TOKENS = 4096
"""Most tokens of new prompts in one pass; bounds the activations in memory."""
_SHARED_TOKENS = 8
"""A beginning that all prompts share is computed once if it has at least so many tokens."""
_LOGITS_BYTES = 256 << 20
"""Bounds the logits of one pass, and with them how much may be drafted at once."""
_UNKNOWN_REMAINING = 64
"""Tokens that an answer without a reference is taken to have left."""


@dataclass(frozen=True, slots=True)
class Order:
    """One answer to make. `key` names its noise; `limit` is the most new tokens.

    `base` is what the base said to the same prompt; with `is_base` it is filled here, else compared with.
    """

    index: int
    prompt: tuple[int, ...]
    limit: int
    key: bytes = b""
    references: tuple[Reference, ...] = ()
    base: BaseAnswer | None = None
    is_base: bool = False


@dataclass(slots=True)
class RowStats:
    """What an answer cost. Emitted counts the end token too; verified counts drafted tokens fed."""

    passes: int = 0
    emitted: int = 0
    verified: int = 0
    accepted: int = 0
    scored: int = 0
    """Tokens of the newest reference whose log-probability under these weights came out on the way."""
    scored_logprob: float = 0.0
    """The sum of them."""
    base_tokens: int = 0
    """Tokens of the base's answer before which these weights' thoughts could be compared with the base's."""
    base_kl: float = 0.0
    """The sum of KL(base ‖ these weights) there, in nats."""


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
    drafter: Drafter | None = None
    pace: RowPace = field(default_factory=RowPace)
    slot: int = 0
    cached: int = 0
    tokens: list[int] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    stats: RowStats = field(default_factory=RowStats)
    finish: Finish | None = None
    says_as_base: bool = True

    def uncached(self) -> list[int]:
        prompt = self.order.prompt
        if self.cached >= len(prompt):
            return self.tokens[self.cached - len(prompt) :]
        return [*prompt[self.cached :], *self.tokens]

    def propose(self, most: int) -> Draft:
        """Never past the limit: the model's own choice after the last drafted token must still fit."""
        if self.drafter is None:
            return NO_DRAFT
        return self.drafter.propose(min(self.pace.cap, most, self.order.limit - len(self.tokens) - 1))

    def outlook(self, draft: Draft, common_rate: float) -> Outlook:
        left = self.order.limit - len(self.tokens)
        expected = self.drafter.remaining if self.drafter is not None else None
        return Outlook(
            available=len(draft.tokens),
            rate=self.pace.rate(common_rate),
            remaining=max(min(expected or _UNKNOWN_REMAINING, left), 1),
        )

    def compare_with_base(self, draft: Draft, logits: torch.Tensor) -> None:
        """Every context in this pass that is a beginning of the base's answer tells how far the weights have moved."""
        base, at = self.order.base, len(self.tokens)
        if base is None or not self.says_as_base:
            return
        self.says_as_base = self.tokens == base.tokens[:at]
        if self.says_as_base:
            pairs = zip(draft.tokens, base.tokens[at:], strict=False)
            alike = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(draft.tokens), len(base.tokens) - at))
            count, divergence = base.divergence(at, logits[: alike + 1])
            self.stats.base_tokens += count
            self.stats.base_kl += divergence

    def settle(
        self, choices: Sequence[int], margins: Sequence[float], *, draft: Sequence[int], stop_ids: frozenset[int]
    ) -> int:
        """Take the model's choices up to and including the first that the draft did not foresee; count the foreseen."""
        self.stats.passes += 1
        self.stats.verified += len(draft)
        accepted, before = 0, len(self.tokens)
        for offset, (token, margin) in enumerate(zip(choices, margins, strict=True)):
            self.margins.append(margin)
            self.stats.emitted += 1
            foreseen = offset < len(draft) and draft[offset] == token
            accepted += foreseen
            if token in stop_ids:
                self.finish = Finish.STOP
                break
            self.tokens.append(token)
            if len(self.tokens) >= self.order.limit:
                self.finish = Finish.LENGTH
                break
            if not foreseen:
                break
        self.cached = len(self.order.prompt) + len(self.tokens) - 1
        self.stats.accepted += accepted
        if self.drafter is not None:
            self.drafter.follow(self.tokens[before:])
        return accepted

    def decoded(self) -> Decoded:
        return Decoded(
            index=self.order.index,
            token_ids=tuple(self.tokens),
            finish=self.finish or Finish.LENGTH,
            margins=tuple(self.margins),
            stats=self.stats,
        )


NO_DRAFT = Draft([], Source.ITSELF)


@dataclass(slots=True)
class Drafting:
    """What drafting learns; kept from checkpoint to checkpoint, for as long as the model stays in memory."""

    costs: PassCosts = field(default_factory=PassCosts)
    acceptance: Acceptance = field(default_factory=Acceptance)


class Decoder:
    """Makes the answers to a list of orders. One decoder serves one set of weights and one sampling."""

    def __init__(
        self,
        passes: Passes,
        rule: TokenRule,
        *,
        stop_ids: frozenset[int],
        max_batch: int,
        drafting: Drafting | None = None,
    ) -> None:
        """Without `drafting` every pass settles one token per row."""
        self._passes = passes
        self._rule = rule
        self._stop_ids = stop_ids
        self._drafting = drafting if passes.can_crop else None
        self.max_batch = max_batch
        self.passes = 0
        self.tokens_fed = 0
        self._shared = 0
        self._most_drafted = 0
        self._others = OtherAnswers()

    def run(self, orders: Sequence[Order]) -> Iterator[Decoded]:
        """Each answer as soon as it is finished. Halves the batch and goes on when memory runs out."""
        self._others = OtherAnswers()
        waiting = deque(self._row(order) for order in orders)
        if self._drafting is not None:
            self._drafting.acceptance.fade()
        active: list[Row] = []
        shared = self._shared_beginning(orders)
        room = max((len(o.prompt) + o.limit for o in orders), default=0)
        self._shared = 0
        self._most_drafted = _LOGITS_BYTES // 4 // self._passes.vocabulary
        self._passes.open(min(self.max_batch, len(orders)), room)
        while waiting or active:
            try:
                if shared and not self._shared:
                    self._begin_shared(orders[0].prompt[:shared])
                self._admit(waiting, active)
                self._step(active, crowd=len(waiting))
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

    def _row(self, order: Order) -> Row:
        if self._drafting is None:
            return Row(order)
        drafter = Drafter(order.prompt, order.references, end_id=min(self._stop_ids, default=None), others=self._others)
        return Row(order, drafter)

    def _step(self, active: list[Row], *, crowd: int) -> None:
        """One pass over all open rows, and what follows from it."""
        drafts = self._drafts(active, crowd)
        chunks = [
            Chunk(row.slot, row.cached, [*row.uncached(), *draft.tokens], 1 + len(draft.tokens))
            for row, draft in zip(active, drafts, strict=True)
        ]
        started = time.perf_counter()
        logits = self._run(chunks)
        draws = [
            Draw(row.order.key, len(row.tokens) + offset)
            for row, chunk in zip(active, chunks, strict=True)
            for offset in range(chunk.wanted)
        ]
        choice = self._rule.choose(logits, draws)
        prefill = any(chunk.start < len(row.order.prompt) for row, chunk in zip(active, chunks, strict=True))
        if self._drafting is not None and not prefill:
            # Prompt tokens need no logits, so a pass with many of them says little about one of drafts.
            self._drafting.costs.saw(sum(len(chunk.tokens) for chunk in chunks), time.perf_counter() - started)
        first = 0
        for row, draft in zip(active, drafts, strict=True):
            end = first + 1 + len(draft.tokens)
            self._score(row, draft, logits[first:end])
            settled = row.stats.emitted
            accepted = row.settle(
                choice.tokens[first:end], choice.margins[first:end], draft=draft.tokens, stop_ids=self._stop_ids
            )
            if row.order.is_base and row.order.base is not None:
                said = choice.tokens[first : first + row.stats.emitted - settled]
                row.order.base.keep(said, logits[first : first + len(said)])
            self._learn(row, draft, accepted)
            first = end

    def _drafts(self, active: list[Row], crowd: int) -> list[Draft]:
        drafting = self._drafting
        if drafting is None:
            return [NO_DRAFT] * len(active)
        cap = first_cap(drafting.costs, len(active))
        most = self._most_drafted // len(active)
        for row in active:
            row.pace.cap = row.pace.cap or cap
        proposed = [row.propose(most) for row in active]
        outlooks = [
            row.outlook(draft, drafting.acceptance.rate(draft.source))
            for row, draft in zip(active, proposed, strict=True)
        ]
        lengths = plan_drafts(outlooks, drafting.costs, crowd=crowd)
        return [Draft(draft.tokens[:length], draft.source) for draft, length in zip(proposed, lengths, strict=True)]

    def _learn(self, row: Row, draft: Draft, accepted: int) -> None:
        drafted = len(draft.tokens)
        if self._drafting is not None and drafted:
            # An answer that ended inside its draft refused nothing.
            refused = accepted < drafted and row.finish is None
            self._drafting.acceptance.saw(draft.source, accepted=accepted, refused=refused)
            row.pace.saw(drafted=drafted, accepted=accepted)

    def _score(self, row: Row, draft: Draft, logits: torch.Tensor) -> None:
        """While an answer has said nothing but its reference, its drafts score the reference under these weights."""
        if not row.order.is_base:
            row.compare_with_base(draft, logits)
        if row.drafter is None or draft.source is not Source.FOLLOWED or not row.drafter.intact:
            return
        at = len(row.tokens)
        known = row.order.references[0].token_ids[at : at + len(draft.tokens)]
        if known:
            row.stats.scored += len(known)
            logprobs = log_probabilities(logits[: len(known)], torch.tensor(known)[:, None])
            row.stats.scored_logprob += float(logprobs.sum())

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
