"""Counting words: which ones rose against the base, and how varied answers are."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def log_odds_z(counts: Sequence[float], base_counts: Sequence[float], prior: Sequence[float]) -> Floats:
    """z of the log-odds ratio per word (Monroe, Colaresi and Quinn 2008, equations 16, 19 and 22)."""
    ours, theirs, alpha = (np.asarray(given, dtype=np.float64) for given in (counts, base_counts, prior))
    ours, theirs = ours + alpha, theirs + alpha
    change = np.log(ours / (ours.sum() - ours)) - np.log(theirs / (theirs.sum() - theirs))
    return np.asarray(change / np.sqrt(1 / ours + 1 / theirs), dtype=np.float64)


def pooled_prior(counts: Sequence[float], base_counts: Sequence[float], *, weight: float) -> Floats:
    """The informative prior: `weight` pseudo-counts in the shares of both texts together."""
    pooled = np.asarray(counts, dtype=np.float64) + np.asarray(base_counts, dtype=np.float64)
    return np.asarray(weight * pooled / pooled.sum(), dtype=np.float64)


def corrected_distinct(distinct: int, total: int, vocabulary: int) -> float:
    """Distinct n-grams over how many a text of that length is expected to have (Liu et al. 2022).

    Plain distinct-n falls with length whatever is said. `vocabulary` is the number of n-grams there are.
    """
    expected = vocabulary * (1 - (1 - 1 / vocabulary) ** total)
    return distinct / expected if expected else 0.0
