"""Where two answers part, and whether that is the model or only its arithmetic."""

from collections.abc import Sequence

from beyondloss.domain.answers import Provenance

TIE_MARGINS = {"float32": 1e-3, "float16": 2e-2, "bfloat16": 1.25e-1}
"""Largest top-1/top-2 logit margin that another batch shape or kernel may turn round, by number type of the weights.

Used where the engine measured none on the base (`tie_margin` in an answer's provenance).
In fp32 as in the engines' identity tests. Half precisions round logits of around 20 by a few units in the last place:
2⁻¹¹ · 16 · 2 in float16, 2⁻⁸ · 16 · 2 in bfloat16.
"""
UNKNOWN_TIE_MARGIN = TIE_MARGINS["float32"]


def first_divergence(ours: Sequence[int], theirs: Sequence[int]) -> int | None:
    """Index of the first token that differs; the end of an answer differs from any token. None for equal answers."""
    for index, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one != other:
            return index
    return None if len(ours) == len(theirs) else min(len(ours), len(theirs))


def is_numerical_tie(
    position: int,
    ours: Sequence[float],
    theirs: Sequence[float],
    *,
    provenances: tuple[Provenance, Provenance],
) -> bool:
    """Whether both models were undecided at the token where the answers part: then it says nothing about behaviour.

    Margins are those of `GeneratedAnswer`; a model that has none there does not speak. One that was decided makes it
    behaviour, whatever the other says.
    """
    margins = [side[position] for side in (ours, theirs) if position < len(side)]
    limit = max(map(tie_margin, provenances))
    return bool(margins) and all(margin < limit for margin in margins)


def tie_margin(provenance: Provenance) -> float:
    """Logits: what the engine measured, base against base under two batch shapes, or the fixed one of the number type.

    A base that showed no noise at all still gets float32's: its kernels may differ elsewhere.
    """
    measured = provenance.stats.get("tie_margin")
    if measured is None:
        return TIE_MARGINS.get(provenance.dtype, UNKNOWN_TIE_MARGIN)
    return max(measured, UNKNOWN_TIE_MARGIN)
