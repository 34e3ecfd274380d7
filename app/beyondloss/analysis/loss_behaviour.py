"""Loss against behaviour between checkpoints: what each did, and what it means that both did so. Pure, without words.

Levels of two series are never correlated: any two that trend would seem related. Moves from one checkpoint to the next
are set side by side instead, and "same" is only what the equivalence test shows.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from beyondloss.analysis.loss_moves import LossWord
from beyondloss.analysis.verdicts import ProbeValue, VerdictWord


class Cell(StrEnum):
    """What it means that loss and behaviour moved as they did."""

    AGREE = "agree"
    UNMOVED = "unmoved"
    """Loss moved, behaviour did not."""
    MISLEADS = "misleads"
    """Loss fell while behaviour became worse."""
    MISSED = "missed"
    """Behaviour became better without loss falling."""
    UNSEEN = "unseen"
    """Behaviour became worse while loss stayed where it was."""
    UNKNOWN = "unknown"


_CELLS = {
    (LossWord.FELL, VerdictWord.BETTER): Cell.AGREE,
    (LossWord.FELL, VerdictWord.SAME): Cell.UNMOVED,
    (LossWord.FELL, VerdictWord.WORSE): Cell.MISLEADS,
    (LossWord.FLAT, VerdictWord.BETTER): Cell.MISSED,
    (LossWord.FLAT, VerdictWord.SAME): Cell.AGREE,
    (LossWord.FLAT, VerdictWord.WORSE): Cell.UNSEEN,
    (LossWord.ROSE, VerdictWord.BETTER): Cell.MISSED,
    (LossWord.ROSE, VerdictWord.SAME): Cell.UNMOVED,
    (LossWord.ROSE, VerdictWord.WORSE): Cell.AGREE,
}


def cell_of(loss: LossWord, behaviour: VerdictWord) -> Cell:
    """Unknown where either is."""
    return _CELLS.get((loss, behaviour), Cell.UNKNOWN)


def count_moves(moves: Sequence[tuple[LossWord, VerdictWord]]) -> dict[LossWord, dict[VerdictWord, int]]:
    """The matrix: every loss word by every verdict."""
    counted = Counter(moves)
    return {loss: {word: counted[loss, word] for word in VerdictWord} for loss in LossWord}


def moved_values(before: Sequence[ProbeValue], after: Sequence[ProbeValue]) -> list[ProbeValue]:
    """How each probe moved between two checkpoints that were both rated against the base: +1 became better, −1 worse.

    A move counts as one step at most, so that the mean is what a net win is: the share of probes that became better
    minus the share that became worse. Equal to the base at both, an answer did not move.
    """
    earlier = {one.probe_id: one for one in before}
    return [_moved(earlier[one.probe_id], one) for one in after if one.probe_id in earlier]


def _moved(before: ProbeValue, after: ProbeValue) -> ProbeValue:
    if before.identical and after.identical:
        return ProbeValue(after.probe_id, 0.0, identical=True)
    ratings = before.ratings + after.ratings
    if before.mean is None or after.mean is None:
        return ProbeValue(after.probe_id, None, ratings=ratings)
    return ProbeValue(after.probe_id, max(-1.0, min(1.0, after.mean - before.mean)), ratings=ratings)
