"""Agreement of raters: Krippendorff's alpha (2011), with raw agreement beside it.

By hand in numpy: the well-kept library for it brings pandas, and the other one is under the GPL.
"""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Difference = Callable[[Floats, Floats], Floats]
"""Squared differences δ² (V, V) between values (V,) of which so many (V,) were given."""


def nominal(values: Floats, _counts: Floats) -> Floats:
    return np.asarray(values[:, None] != values[None, :], dtype=np.float64)


def ordinal(_values: Floats, counts: Floats) -> Floats:
    """Ranks between two values, their own counted half."""
    ranks = np.cumsum(counts) - counts / 2
    return np.asarray((ranks[:, None] - ranks[None, :]) ** 2, dtype=np.float64)


def interval(values: Floats, _counts: Floats) -> Floats:
    return np.asarray((values[:, None] - values[None, :]) ** 2, dtype=np.float64)


def ratio(values: Floats, _counts: Floats) -> Floats:
    total = values[:, None] + values[None, :]
    return np.divide(values[:, None] - values[None, :], total, out=np.zeros_like(total), where=total != 0) ** 2


def krippendorff_alpha(units: Sequence[Sequence[float]], difference: Difference = ordinal) -> float | None:
    """`units` holds the values that each unit was given, by whichever raters. 1 is perfect, 0 is chance.

    None where alpha is undefined: fewer than two values in every unit, or only one value ever used.
    """
    paired = [np.asarray(unit, dtype=np.float64) for unit in units if len(unit) > 1]
    if not paired:
        return None
    values, flat = np.unique(np.concatenate(paired), return_inverse=True)
    coincidences = np.zeros((len(values), len(values)))
    start = 0
    for unit in paired:
        counts = np.bincount(flat[start : start + len(unit)], minlength=len(values)).astype(np.float64)
        coincidences += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
        start += len(unit)
    totals = coincidences.sum(axis=1)
    apart = difference(values, totals)
    expected = float((np.outer(totals, totals) * apart).sum())
    if expected == 0:
        return None
    return 1.0 - (float(totals.sum()) - 1) * float((coincidences * apart).sum()) / expected


def raw_agreement(units: Sequence[Sequence[float]]) -> float | None:
    """Share of the pairs of ratings of one unit that are equal; None without any pair."""
    pairs = [one == other for unit in units for one, other in combinations(unit, 2)]
    return sum(pairs) / len(pairs) if pairs else None
