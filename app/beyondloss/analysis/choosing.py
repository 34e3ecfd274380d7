"""Which checkpoint ratings favour, and what going by another one costs. Pure; knows no store and no words on screen.

The highest of several measured values is high partly by luck. So what a choice is worth is never read from the probes
it was made by: it is made by half of the probes and read from the other half, averaged over many splits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from beyondloss.analysis.statistics.e_process import e_value_above
from beyondloss.analysis.statistics.intervals import clopper_pearson
from beyondloss.analysis.statistics.net_win import FEWEST_DECISIVE, net_win
from beyondloss.analysis.verdicts import ALPHA, EQUIVALENCE_CONFIDENCE, MARGIN, ProbeValue
from beyondloss.domain.blinding import shuffled_place
from beyondloss.domain.runs import BASE_STEP

Floats = npt.NDArray[np.float64]

FEWEST_PROBES = 2 * FEWEST_DECISIVE
"""Each half must be able to say something."""
SPLITS = 100
RESAMPLES = 400
_TIED = 1e-9


@dataclass(frozen=True, slots=True)
class Table:
    """Checkpoints on the same probes. `values` is (checkpoints, probes), each in [−1, 1] against the base.

    The base is the first of them: 0 on every probe. `left_out` are rated too little to stand beside the others.
    """

    steps: tuple[int, ...]
    values: Floats
    left_out: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    value: float
    low: float
    high: float


class CostWord(StrEnum):
    COSTS = "costs"
    """Shown to be worse than the choice by ratings, however often somebody looked."""
    NOTHING = "nothing"
    """Shown not to be worse by as much as the margin."""
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Cost:
    """Selection regret: net win of the choice by ratings minus that of `step`, both on probes that did not choose."""

    step: int
    regret: Estimate
    e_value: float
    word: CostWord


@dataclass(frozen=True, slots=True)
class Standing:
    """`share` of the half-splits in which ratings would have chosen it; those that tie share one."""

    step: int
    value: float
    share: float


@dataclass(frozen=True, slots=True)
class Weighed:
    """`best` has the highest net win, the earliest of equals. `expected`: what choosing so is worth on other probes."""

    probes: int
    best: int
    standings: tuple[Standing, ...]
    expected: Estimate
    costs: tuple[Cost, ...]


def lay_table(by_step: Mapping[int, Sequence[ProbeValue]]) -> Table | None:
    """The checkpoints that can be compared, on the probes that are known at all of them. None with too few probes.

    While too few probes are common to all, the checkpoint with the fewest is left out.
    """
    steps, left_out = sorted(by_step), list[int]()
    while steps:
        common = _common(steps, by_step)
        most = max(sum(one.mean is not None for one in by_step[step]) for step in steps)
        if common.shape[1] >= max(FEWEST_PROBES, most // 2):
            values = np.vstack([np.zeros(common.shape[1]), common])
            return Table((BASE_STEP, *steps), values, tuple(sorted(left_out)))
        fewest = min(steps, key=lambda step: (sum(one.mean is not None for one in by_step[step]), step))
        steps.remove(fewest)
        left_out.append(fewest)
    return None


def _common(steps: Sequence[int], by_step: Mapping[int, Sequence[ProbeValue]]) -> Floats:
    """(steps, probes). Probes that never changed enter in the proportion in which the others are known.

    Probes come shuffled, always alike: in the order of their set, the first families alone would tempt the evidence.
    """
    rows = [{one.probe_id: one for one in by_step[step]} for step in steps]
    asked = sorted(set[int].intersection(*(set(row) for row in rows)))
    still = [probe for probe in asked if all(row[probe].identical for row in rows)]
    moved = [probe for probe in asked if not all(row[probe].identical for row in rows)]
    known = [probe for probe in moved if all(row[probe].mean is not None for row in rows)]
    ties = still[: len(still) * len(known) // len(moved)] if moved else still
    probes = sorted(known + ties, key=lambda probe: shuffled_place(probe, 0, salt="choosing"))
    return np.array([[row[probe].mean or 0.0 for probe in probes] for row in rows], dtype=np.float64)


def weigh(table: Table, references: Sequence[int] = (), *, margin: float = MARGIN, seed: int = 0) -> Weighed:
    """`references` are steps of the table whose cost is asked for, such as the one with the lowest eval loss."""
    values = table.values
    count = values.shape[1]
    rng = np.random.default_rng(seed)
    halves = rng.permuted(np.tile(np.arange(count) < count // 2, (SPLITS, 1)), axis=1)  # (splits, probes)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    weights = np.vstack([np.ones(count), drawn])  # (1 + resamples, probes): the first is what was measured
    worth, means, shares = _cross_fitted(values, weights, halves)
    places = [table.steps.index(step) for step in references]
    best = int(np.argmax(np.round(values.mean(axis=1), 9)))
    return Weighed(
        probes=count,
        best=table.steps[best],
        standings=tuple(
            Standing(step, float(value), float(share))
            for step, value, share in zip(table.steps, values.mean(axis=1), shares, strict=True)
        ),
        expected=_estimate(worth, probes=count, widest=1.0),
        costs=tuple(_cost(table, place, worth - means[:, place], margin) for place in places),
    )


def _cross_fitted(values: Floats, weights: Floats, halves: npt.NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Worth of choosing by ratings and every checkpoint's mean, both on the probes left out, a row per weighting; and
    how often each checkpoint was chosen under the first.

    A probe drawn twice stays on one side: on both it would tell the choice what it is measured by.
    """
    worth, means = np.zeros(len(weights)), np.zeros((len(weights), len(values)))
    shares = np.zeros(len(values))
    for side in halves:
        one, other = _means(values, weights * side), _means(values, weights * ~side)
        for choosing, reading in ((one, other), (other, one)):
            chosen = _leading(choosing)
            worth += (chosen * reading).sum(axis=1)
            means += reading
            shares += chosen[0]
    turns = 2 * len(halves)
    return worth / turns, means / turns, shares / turns


def _leading(means: Floats) -> Floats:
    """1 for the highest of a row, shared by those that tie."""
    chosen = (means >= means.max(axis=1, keepdims=True) - _TIED).astype(np.float64)
    return np.asarray(chosen / chosen.sum(axis=1, keepdims=True), dtype=np.float64)


def _means(values: Floats, weights: Floats) -> Floats:
    """(weightings, checkpoints)."""
    return np.asarray(weights @ values.T / np.maximum(weights.sum(axis=1, keepdims=True), 1.0), dtype=np.float64)


def _estimate(drawn: Floats, *, probes: int, widest: float) -> Estimate:
    """What was measured, with the bootstrap's spread over probes and Student's width, which few probes need."""
    from scipy.special import stdtrit

    value, spread = float(drawn[0]), float(drawn[1:].std(ddof=1))
    if spread < _TIED:  # as for net wins: what no probe showed may still be in some of all others
        unseen = clopper_pearson(0, probes, confidence=1 - ALPHA).high
        return Estimate(value, value - unseen * (widest + value), value + unseen * (widest - value))
    half = float(stdtrit(probes - 1, 1 - ALPHA / 2)) * spread * (probes / (probes - 1)) ** 0.5
    return Estimate(value, max(-widest, value - half), min(widest, value + half))


def _cost(table: Table, place: int, drawn: Floats, margin: float) -> Cost:
    regret = _estimate(drawn, probes=table.values.shape[1], widest=2.0)
    evidence = e_value_above(_learning(table.values, place))
    word = CostWord.UNDECIDED
    if regret.low > 0 and evidence >= 1 / ALPHA:
        word = CostWord.COSTS
    elif _none_better(table.values, place, margin):
        word = CostWord.NOTHING
    return Cost(table.steps[place], regret, evidence, word)


def _none_better(values: Floats, place: int, margin: float) -> bool:
    """Whether each of the others is shown to be less than the margin above. Being true of all, no luck picks among
    them: the one that is truly best is wrongly cleared no more often than it would be alone.
    """
    gains = [net_win((row - values[place]).tolist(), confidence=EQUIVALENCE_CONFIDENCE) for row in values]
    return all(gain is not None and gain.high < margin for at, gain in enumerate(gains) if at != place)


def _learning(values: Floats, place: int) -> list[float]:
    """Probe after probe: how much better the best so far does on it than the reference, as a share of all there is.

    What is best so far has not seen the probe, so that looking again after every probe keeps its promise.
    """
    before = np.cumsum(values, axis=1) - values  # (checkpoints, probes): the sum up to, and without, this probe
    chosen = (_leading(before.T).T * values).sum(axis=0)
    return [float(gain) for gain in (chosen - values[place]) / 2]
