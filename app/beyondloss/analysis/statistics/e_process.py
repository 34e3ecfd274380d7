"""Evidence that stays valid however often people look: E ≥ 1/α may be called at any time (betting, mixture over λ).

E_n(m) is the wealth of somebody who bets on the probe means d_i ∈ [−1, 1] not being m on average, mixed uniformly over
bets λ. For m = 0 that is E_n = ½ ∫_{−1}^{1} Π(1 + λ d_i) dλ (Waudby-Smith and Ramdas 2024).
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from beyondloss.analysis.statistics.intervals import Interval

Floats = npt.NDArray[np.float64]

GRID_STEPS = 400
"""Resolution of the confidence sequence: 1/200 of net win."""
MOST_NODES = 256
"""Gauss–Legendre nodes are exact for twice as many probes, and to many digits beyond."""


def e_values(values: Sequence[float], *, mean: float = 0.0) -> Floats:
    """E after each value in turn, against the hypothesis that they average to `mean`. One value per probe."""
    centred = np.asarray(values, dtype=np.float64) - mean
    if not -1.0 < mean < 1.0:
        raise ValueError("the mean of values in [−1, 1] that vary lies between them")
    bets, weights = _bets(mean, min(len(centred) // 2 + 1, MOST_NODES))
    with np.errstate(divide="ignore"):
        wealth = np.cumsum(np.log1p(np.clip(np.outer(bets, centred), -1.0, None)), axis=1)  # (bets, values)
        return np.asarray(np.exp(np.logaddexp.reduce(wealth + np.log(weights)[:, None], axis=0)), dtype=np.float64)


def e_value(values: Sequence[float], *, mean: float = 0.0) -> float:
    """E after all of them; 1 before the first."""
    return float(e_values(values, mean=mean)[-1]) if len(values) else 1.0


def e_value_above(values: Sequence[float]) -> float:
    """E against "none of these is above 0 on average, given those before it": ∫₀¹ Π(1 + λ x_i) dλ, one-sided.

    Each value may be of something chosen by looking at the values before it, which a test of their mean must not be.
    """
    points, weights = _nodes(MOST_NODES // 2)
    logs = np.log1p(np.outer((points + 1) / 2, np.clip(np.asarray(values, dtype=np.float64), -1.0, 1.0))).sum(axis=1)
    return float(np.exp(np.logaddexp.reduce(logs + np.log(weights / 2))))


def confidence_sequence(values: Sequence[float], *, alpha: float = 0.05) -> Interval:
    """The means that nobody could bet against with success so far; covers at all times at once with 1 − α."""
    grid = np.linspace(-1.0, 1.0, GRID_STEPS + 1)[1:-1]
    kept = [float(mean) for mean in grid if e_value(values, mean=float(mean)) < 1.0 / alpha]
    if not kept:  # between two points of the grid, or at an end of it
        middle = float(np.mean(values))
        return Interval(middle, middle)
    step = 2.0 / GRID_STEPS
    return Interval(max(-1.0, kept[0] - step), min(1.0, kept[-1] + step))


def _bets(mean: float, nodes: int) -> tuple[Floats, Floats]:
    """Bets λ with their weights: half of them for each direction, as far as wealth cannot become negative."""
    if mean == 0.0:
        points, weights = _nodes(nodes)
        return points, weights / 2
    points, weights = _nodes(nodes)
    unit = (points + 1) / 2
    return (
        np.concatenate([-unit / (1 - mean), unit / (1 + mean)]),
        np.concatenate([weights, weights]) / 4,
    )


@lru_cache(maxsize=MOST_NODES)
def _nodes(count: int) -> tuple[Floats, Floats]:
    points, weights = np.polynomial.legendre.leggauss(count)
    return np.asarray(points, dtype=np.float64), np.asarray(weights, dtype=np.float64)
