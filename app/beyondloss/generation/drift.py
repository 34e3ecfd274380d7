"""How far weights have moved from the base, token by token, wherever an answer still says what the base said.

What the base thought is kept from the time when it answered; what a checkpoint thinks of the same beginning comes out
of the passes that it makes anyway. Nothing is computed for this alone.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

_KEPT = 64
"""Tokens kept of each of the base's distributions; all others count as one."""


_ROUNDING = 1e-6
"""What float32 leaves of 1 minus probabilities that sum to 1; no probability."""


class BaseAnswer:
    """The base's answer to one prompt, and its distribution before each token, the end's included."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self._ids: list[Tensor] = []
        self._logprobs: list[Tensor] = []

    def keep(self, tokens: Sequence[int], logits: Tensor) -> None:
        """The base said `tokens` by these (tokens, vocabulary) logits."""
        top = logits.topk(min(_KEPT, logits.shape[-1]))
        self.tokens += tokens
        self._ids += top.indices.cpu().unbind()
        self._logprobs += (top.values - logits.logsumexp(-1, keepdim=True)).cpu().unbind()

    def divergence(self, at: int, logits: Tensor) -> tuple[int, float]:
        """How many tokens were compared from `at` on, and the sum of their KL(base ‖ these logits), in nats.

        Row i of `logits` must stand after the base's first `at + i` tokens. All but the base's likeliest tokens are
        taken as one, which can only lower the divergence (data processing inequality).
        """
        count = min(len(logits), len(self.tokens) - at)
        if count <= 0:
            return 0, 0.0
        ids, base = torch.stack(self._ids[at : at + count]), torch.stack(self._logprobs[at : at + count]).double()
        here = log_probabilities(logits[:count], ids).double()
        named = (base.exp() * (base - here)).sum(-1)
        rest, rest_here = (_rest(logprobs) for logprobs in (base, here))
        other = torch.where(rest > _ROUNDING, rest * (rest.log() - rest_here.clamp_min(_ROUNDING).log()), 0.0)
        return count, float((named + other).clamp_min(0).sum())


def log_probabilities(logits: Tensor, ids: Tensor) -> Tensor:
    """(n, k) on the CPU: of tokens `ids` (n, k) under `logits` (n, vocabulary), without writing out all the others."""
    return (logits.gather(-1, ids.to(logits.device)) - logits.logsumexp(-1, keepdim=True)).cpu()


def _rest(logprobs: Tensor) -> Tensor:
    """The probability that is left beside these tokens."""
    return (1 - logprobs.exp().sum(-1)).clamp_min(0)


class BaseAnswers:
    """Of the base in memory, by prompt and noise; gone with it."""

    def __init__(self) -> None:
        self._answers: dict[tuple[tuple[int, ...], bytes], BaseAnswer] = {}

    def begin(self, prompt: tuple[int, ...], key: bytes) -> BaseAnswer:
        """An empty one to fill while the base answers."""
        self._answers[prompt, key] = BaseAnswer()
        return self._answers[prompt, key]

    def find(self, prompt: tuple[int, ...], key: bytes) -> BaseAnswer | None:
        return self._answers.get((prompt, key))

    def clear(self) -> None:
        self._answers.clear()
