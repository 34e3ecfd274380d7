"""The one rule for every token: argmax of the filtered logits over temperature, plus noise (none when greedy).

The same rule chooses a token and verifies a drafted one, so an answer cannot depend on the draft.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from beyondloss.domain.sampling import Sampling
from beyondloss.errors import UnreadableCheckpoint
from beyondloss.generation.noise import gumbel, position_seed

_ROWS_AT_ONCE = 32
"""Bounds the float64 noise in memory: 32 rows of a 150,000 token vocabulary are 38 MB."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Which answer's noise a row of logits gets, and for which of its new tokens (0 is the first)."""

    key: bytes
    position: int


@dataclass(frozen=True, slots=True)
class Choice:
    tokens: list[int]
    margins: list[float]
    """Best minus second-best, in logits: under about 1e-3 another kernel may rightly choose otherwise."""


class TokenRule:
    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling

    @torch.inference_mode()
    def choose(self, logits: Tensor, draws: Sequence[Draw]) -> Choice:
        """One token per row of `logits` (P, V) float32; `draws` has one entry per row."""
        tokens: list[int] = []
        margins: list[float] = []
        step = len(draws) if self._sampling.greedy else _ROWS_AT_ONCE
        for first in range(0, len(draws), max(step, 1)):
            scores = self._scores(logits[first : first + step], draws[first : first + step])
            best = scores.argmax(-1, keepdim=True)
            top = scores.gather(-1, best)
            # In place and back again: a copy of the scores would cost more than both passes over them.
            second = scores.scatter_(-1, best, -torch.inf).amax(-1, keepdim=True)
            scores.scatter_(-1, best, top)
            tokens += best[:, 0].tolist()
            margins += ((top - second) * (self._sampling.temperature or 1.0))[:, 0].tolist()
            if not bool(torch.isfinite(top).all()):
                raise not_numbers()
        return Choice(tokens, margins)

    def _scores(self, logits: Tensor, draws: Sequence[Draw]) -> Tensor:
        if self._sampling.greedy:
            return logits
        scores = _nucleus(logits / self._sampling.temperature, self._sampling.top_p)
        seeds = [position_seed(draw.key, draw.position) for draw in draws]
        return scores + gumbel(seeds, logits.shape[-1], logits.device)


def _nucleus(scores: Tensor, top_p: float) -> Tensor:
    """Everything outside the smallest set of tokens whose probability reaches `top_p` becomes -inf."""
    if top_p >= 1.0:
        return scores
    ordered, order = scores.sort(dim=-1, descending=True, stable=True)
    probabilities = ordered.softmax(-1)
    outside = probabilities.cumsum(-1) - probabilities >= top_p
    return scores.masked_fill(outside.scatter(-1, order, outside), -torch.inf)


def not_numbers() -> UnreadableCheckpoint:
    return UnreadableCheckpoint(
        "The weights are not numbers.",
        hint="Training diverged before this checkpoint was saved; an earlier checkpoint may be sound.",
        code="weights_not_numbers",
    )
