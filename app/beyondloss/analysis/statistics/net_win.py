"""Net win θ = P(better) − P(worse): the mean over probes of each probe's mean rating in [−1, 1]."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

from beyondloss.analysis.statistics.intervals import Interval, clopper_pearson

FEWEST_DECISIVE = 6
"""With fewer probes that lean either way no test can be significant at 5 %: 2 · ½⁵ > 0.05."""
EXACT_PROBES = 14
PERMUTATIONS = 20_000


@dataclass(frozen=True, slots=True)
class NetWin:
    """`decisive` counts the probes whose raters lean either way."""

    value: float
    low: float
    high: float
    probes: int
    decisive: int

    @property
    def win_rate(self) -> float:
        """With half of the ties."""
        return (1 + self.value) / 2


def net_win(probe_means: Sequence[float], *, confidence: float = 0.95) -> NetWin | None:
    """None without probes. The interval is Student's over probes, which the bootstrap only matches from 40 on."""
    if not probe_means:
        return None
    interval = _interval(probe_means, confidence)
    return NetWin(
        value=fmean(probe_means),
        low=interval.low,
        high=interval.high,
        probes=len(probe_means),
        decisive=sum(mean != 0 for mean in probe_means),
    )


def _interval(means: Sequence[float], confidence: float) -> Interval:
    count, middle = len(means), fmean(means)
    if count == 1:
        return Interval(-1.0, 1.0)
    deviation = stdev(means)
    if deviation == 0:
        # Student's would have no width. What has not been seen in K probes may still be in some of all others.
        unseen = clopper_pearson(0, count, confidence=confidence).high
        return Interval(middle - unseen * (1 + middle), middle + unseen * (1 - middle))
    from scipy.special import stdtrit

    half = float(stdtrit(count - 1, 0.5 + confidence / 2)) * deviation / count**0.5
    return Interval(max(-1.0, middle - half), min(1.0, middle + half))


def sign_flip_p(probe_means: Sequence[float], *, seed: int = 0) -> float:
    """Two-sided p-value of no net win: how often random signs give a sum as far from 0. Exact up to 14 probes."""
    values = np.asarray([mean for mean in probe_means if mean != 0], dtype=np.float64)
    if not len(values):
        return 1.0
    exact = len(values) <= EXACT_PROBES
    if exact:
        bits = (np.arange(2 ** len(values))[:, None] >> np.arange(len(values))) & 1
        signs = 1.0 - 2.0 * bits
    else:
        signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(PERMUTATIONS, len(values)))
    as_far = np.abs(signs @ values) >= abs(values.sum()) - 1e-9
    return float(as_far.mean()) if exact else float((as_far.sum() + 1) / (PERMUTATIONS + 1))


def sign_test_p(better: int, worse: int) -> float:
    """Exact two-sided sign test, ties left out: for one rating per probe and few probes."""
    from scipy.special import bdtr

    decisive = better + worse
    return min(1.0, 2.0 * float(bdtr(min(better, worse), decisive, 0.5))) if decisive else 1.0
