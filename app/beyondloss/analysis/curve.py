"""Curves made small enough to draw without losing what must be seen: extremes, lone spikes, values that are no numbers.

A lone spike cannot be told from its bucket's extremes alone (the bucket keeps only the highest), so each point's
deviation from the median of its five neighbours is kept along, with the noise around it: the filter of F. R. Hampel
("The influence curve and its role in robust estimation", JASA 1974), used to keep outliers instead of dropping them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NOISE_WINDOW = 512
SPIKE_RATIO = 4.0
"""How many times the noise a point must deviate by to be a spike."""
_UNBOUNDED = np.errstate(over="ignore", invalid="ignore")
"""A diverging curve may leave the numbers: what is computed of it is then infinite, which is no error here."""
VISIBLE_RATIO = 1 / 500
"""A deviation below this share of the curve's range is less than a line's width on screen."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """N points by strictly rising step; every array is (N,).

    `deviations` is 0 for all but spikes, where it is the distance from the neighbours; `noise` is the scale around.
    """

    steps: Ints
    values: Floats
    deviations: Floats
    noise: Floats

    def __len__(self) -> int:
        return len(self.steps)

    def at(self, which: Bools) -> "Curve":
        return Curve(self.steps[which], self.values[which], self.deviations[which], self.noise[which])

    def between(self, start: int | None, end: int | None) -> "Curve":
        """The points with `start` ≤ step ≤ `end`."""
        inside = np.ones(len(self), dtype=np.bool_)
        if start is not None:
            inside &= self.steps >= start
        if end is not None:
            inside &= self.steps <= end
        return self.at(inside)


def curve_of(steps: Ints, values: Floats) -> Curve:
    """A curve whose spikes are found from all its points, which must lie by strictly rising step."""
    deviations, noise = _deviations(values)
    return Curve(steps, values, deviations, noise)


def joined(curves: Sequence[Curve]) -> Curve:
    """Curves one after the other, steps rising throughout."""
    return Curve(
        np.concatenate([curve.steps for curve in curves] or [np.empty(0, np.int64)]),
        np.concatenate([curve.values for curve in curves] or [np.empty(0)]),
        np.concatenate([curve.deviations for curve in curves] or [np.empty(0)]),
        np.concatenate([curve.noise for curve in curves] or [np.empty(0)]),
    )


def with_points(curve: Curve, others: Curve) -> Curve:
    """Both together, each step once."""
    both = joined([curve, others])
    steps, places = np.unique(both.steps, return_index=True)
    return Curve(steps, both.values[places], both.deviations[places], both.noise[places])


def thinned(curve: Curve, budget: int, *, non_finite: int | None = None, marked: Sequence[int] = ()) -> Curve:
    """At most `budget` points (2 or more): the ends, values that are no numbers, spikes, extremes of equal buckets.

    Values that are no numbers take at most three quarters of the budget, or up to `non_finite` on top of it if given.
    Points of `marked` steps are kept as well, a quarter of what the others leave at most.
    """
    if len(curve) <= budget:
        return curve
    finite = np.isfinite(curve.values)
    missing = _some_of(~finite, budget * 3 // 4 - 2 if non_finite is None else non_finite)
    room = budget - 2 - (int(missing.sum()) if non_finite is None else 0)
    marks = _some_of(np.isin(curve.steps, np.asarray(marked, dtype=np.int64)) & finite, room // 4)
    room -= int(marks.sum())
    spikes = _spikes(curve, finite, min(budget // 4, room // 2))
    kept = missing | marks | spikes
    places = np.flatnonzero(finite)
    kept[places[_extremes(curve.values[places], (room - int(spikes.sum())) // 2)]] = True
    kept[[0, -1]] = True
    return curve.at(kept)


@_UNBOUNDED
def outline(curve: Curve, length: int) -> list[float | None]:
    """The curve as at most `length` means of equal buckets, for a sparkline; None where a value is no number."""
    buckets = np.array_split(curve.values, min(length, len(curve))) if len(curve) else []
    means = [float(f"{bucket.mean():.5g}") for bucket in buckets]
    return [mean if np.isfinite(mean) else None for mean in means]


@_UNBOUNDED
def _deviations(values: Floats) -> tuple[Floats, Floats]:
    """(N,) distances from the median of five where that is a spike, and (N,) the noise there."""
    count = len(values)
    if count < 3:
        return np.zeros(count), np.zeros(count)
    filled = _filled(values)
    padded = np.concatenate([filled[2:0:-1], filled, filled[-2:-4:-1]])  # reflected: (N + 4,)
    median = _median_of_five(padded[:-4], padded[1:-3], padded[2:-2], padded[3:-1], padded[4:])
    distances = np.abs(filled - median)
    noise = _noise(distances)
    return np.where(distances > SPIKE_RATIO * noise, distances, 0.0), noise


def _filled(values: Floats) -> Floats:
    """Values that are no numbers replaced by the last number before them (or the first after)."""
    finite = np.isfinite(values)
    if finite.all():
        return values
    if not finite.any():
        return np.zeros(len(values))
    last_finite = np.maximum.accumulate(np.where(finite, np.arange(len(values)), -1))
    last_finite[last_finite < 0] = int(finite.argmax())
    return np.asarray(values[last_finite])


def _median_of_five(a: Floats, b: Floats, c: Floats, d: Floats, e: Floats) -> Floats:  # noqa: PLR0917
    """By a sorting network: some twenty times faster than a median along an axis."""
    low_one, high_one = np.minimum(a, b), np.maximum(a, b)
    low_two, high_two = np.minimum(c, d), np.maximum(c, d)
    middle_one, middle_two = np.maximum(low_one, low_two), np.minimum(high_one, high_two)
    low, high = np.minimum(middle_one, middle_two), np.maximum(middle_one, middle_two)
    return np.asarray(np.maximum(low, np.minimum(high, e)))


def _noise(distances: Floats) -> Floats:
    """(N,) the scale of ordinary distances, by windows: robust to one point in twenty being a spike.

    The median alone is 0 on a curve logged with few digits, where most neighbours are equal.
    """
    count = len(distances)
    windows = max(1, count // NOISE_WINDOW)
    noise = np.empty(count)
    for part, out in zip(np.array_split(distances, windows), np.array_split(noise, windows), strict=True):
        ordered = np.sort(part)
        out[:] = max(1.4826 * ordered[len(part) // 2], 0.5 * ordered[min(len(part) - 1, int(len(part) * 0.95))])
    return noise


def _some_of(which: Bools, limit: int) -> Bools:
    """All of them up to the limit. Above it they are no lone points: a third of it shows where their stretches lie.

    The ends of the stretches come first, then evenly chosen ones of the rest.
    """
    if int(which.sum()) <= limit:
        return which
    limit //= 3
    before, after = np.roll(which, 1), np.roll(which, -1)
    before[0] = after[-1] = False
    ends = which & ~(before & after)
    chosen = np.zeros(len(which), dtype=np.bool_)
    for group in (np.flatnonzero(ends), np.flatnonzero(which & ~ends)):
        room = max(limit - int(chosen.sum()), 0)
        chosen[group[np.linspace(0, len(group) - 1, min(room, len(group))).astype(np.int64)]] = True
    return chosen


@_UNBOUNDED
def _spikes(curve: Curve, finite: Bools, limit: int) -> Bools:
    """The `limit` points that stand out most, measured in the noise around them."""
    chosen = np.zeros(len(curve), dtype=np.bool_)
    places = np.flatnonzero((curve.deviations > 0) & finite)
    if not len(places) or limit <= 0:
        return chosen
    low, high = np.quantile(curve.values[finite], (0.02, 0.98))
    floor = max(VISIBLE_RATIO * float(high - low), np.finfo(np.float64).tiny)
    scores = curve.deviations[places] / np.maximum(curve.noise[places], floor)
    standing_out = places[scores > SPIKE_RATIO]
    scores = scores[scores > SPIKE_RATIO]
    if len(standing_out) > limit:
        standing_out = standing_out[np.argpartition(scores, -limit)[-limit:]]
    chosen[standing_out] = True
    return chosen


def _extremes(values: Floats, buckets: int) -> Bools:
    """The lowest and highest of each of `buckets` stretches with as many points each, all finite."""
    chosen = np.zeros(len(values), dtype=np.bool_)
    if buckets <= 0 or not len(values):
        return chosen
    edges = np.linspace(0, len(values), buckets + 1).astype(np.int64)[:-1]
    width = -(-len(values) // buckets)
    places = np.minimum(edges[:, None] + np.arange(width), len(values) - 1)  # (buckets, width), may overlap by one
    rows = np.arange(buckets)
    chosen[places[rows, values[places].argmin(axis=1)]] = True
    chosen[places[rows, values[places].argmax(axis=1)]] = True
    return chosen
