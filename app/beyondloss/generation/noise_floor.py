"""How far the lead of the best token over the second may move by arithmetic alone: base against base, two batch shapes.

In 16 bits a product rounds differently with the number of rows in it, in every engine. Two answers that part where
the lead is within this are a coin toss, not behaviour. Knows no text and no adapters.
"""

from collections.abc import Sequence

import torch

from beyondloss.generation.attention import Chunk
from beyondloss.generation.passes import Passes

TOKENS = 48
"""How much of a prompt is computed twice: at once, and token by token."""
SAFETY = 2.0
"""A few dozen places show less than the worst of all; answers have thousands."""
SHAPED_DTYPES = frozenset({torch.float16, torch.bfloat16})
"""In float32 rounding is far below the fixed threshold, which the identity tests use too."""


def measure_tie_margin(passes: Passes, prompt: Sequence[int]) -> float | None:
    """Logits. None where it cannot be measured: too short a prompt, or weights that are not numbers."""
    tokens = list(prompt[:TOKENS])
    if not passes.can_crop or len(tokens) < 2:
        return None
    passes.open(1, len(tokens))
    at_once = passes.run([Chunk(0, 0, tokens, len(tokens))])
    one_by_one = torch.cat([passes.run([Chunk(0, at, tokens[at : at + 1], 1)]) for at in range(len(tokens))])
    best = at_once.topk(2, dim=-1).indices  # (tokens, 2)
    leads = [shape.gather(-1, best).diff(dim=-1) for shape in (at_once, one_by_one)]
    moved = float((leads[0] - leads[1]).abs().max())
    return SAFETY * moved if moved < float("inf") else None
