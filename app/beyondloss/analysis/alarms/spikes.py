"""Single steps that stand far above those before them, measured in the log of the value."""

import numpy as np

from beyondloss.analysis.curve import Floats

WINDOW = 128
WARMED_UP = 64
"""Points before a spread can be trusted; until then only a ratio counts."""
LEAST_POINTS = 5
MOST_DEVIATIONS = 6.0
LEAST_RATIO = 1.5
LEAST_EARLY_RATIO = 3.0
MAD_TO_SIGMA = 1.4826
STRIDE = 16
THIRD_STRIDE = 4


def spike_ratios(logs: Floats, before: Floats) -> Floats:
    """(N,) how many times its level a point is where that is a spike, else 0.

    `logs` (N,) are natural logs of values, `before` (≤ 128,) the logs of the points before those.
    (l − level₁₂₈) / (1.4826 · MAD₁₂₈) > 6 and ratio > 1.5; with fewer than 64 points before it: ratio > 3.
    The level is the median before the point, or, where the values fall by more than their spread, where they had come
    to (see `_levels`).
    """
    both = np.concatenate([before, logs])
    first = len(before)
    ratios = np.zeros(len(logs))
    for place in range(first, min(len(both), WINDOW)):
        ratios[place - first] = _ratio(both[place], both[:place])
    start = max(first, WINDOW)
    places = _candidates(both, start)
    for chunk in np.array_split(places, max(1, len(places) // 4096)):
        ratios[chunk - first] = _ratios(both, chunk)
    return ratios


def _ratio(log: float, window: Floats) -> float:
    if len(window) < LEAST_POINTS:
        return 0.0
    if len(window) < WARMED_UP:
        above = float(log) - float(np.median(window))
        return float(np.exp(above)) if above > np.log(LEAST_EARLY_RATIO) else 0.0
    return float(_judged(np.array([log]), window[None, :])[0])


def _candidates(both: Floats, start: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Places from `start` on that could be a spike: some of the medians rule most points out.

    A window that slides by one point changes one of its values, so that from its order statistics bounds follow for
    the medians of the next ones.
    """
    if start >= len(both):
        return np.empty(0, dtype=np.int64)
    third = WINDOW // 3
    level = _bounds(both[start - WINDOW : -1], WINDOW, STRIDE, low=True)
    late = _bounds(both[start - third : -1], third, THIRD_STRIDE, low=True)
    early = _bounds(both[start - WINDOW : len(both) - 1 - (WINDOW - third)], third, THIRD_STRIDE, low=False)
    fallen = late - np.maximum(early - late, 0) * _AHEAD / (WINDOW - third)
    return np.flatnonzero(both[start:] > np.minimum(level, fallen) + np.log(LEAST_RATIO)) + start


def _bounds(values: Floats, length: int, stride: int, *, low: bool) -> Floats:
    """A bound, low or high, for the median of every window of this length."""
    windows = np.lib.stride_tricks.sliding_window_view(values, length)
    rank = (length - 1) // 2 - stride if low else length // 2 + stride
    return np.repeat(np.partition(windows[::stride], rank, axis=1)[:, rank], stride)[: len(windows)]


def _ratios(both: Floats, places: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Floats:
    if not len(places):
        return np.zeros(0)
    return _judged(both[places], np.lib.stride_tricks.sliding_window_view(both, WINDOW)[places - WINDOW])


def _judged(logs: Floats, windows: Floats) -> Floats:
    """(N,) ratios of the spikes among `logs` (N,), each after its row of `windows` (N, W)."""
    levels, spreads = _levels(windows)
    above = logs - levels
    return np.where(above > np.maximum(np.log(LEAST_RATIO), MOST_DEVIATIONS * spreads), np.exp(above), 0.0)


def _levels(windows: Floats) -> tuple[Floats, Floats]:
    """(N,) what to expect next, and (N,) the spread around it, after each row of (N, W).

    The median, unless the values fall by more than their spread around the line through the medians of their first and
    last third (the resistant line; Tukey, Exploratory Data Analysis, 1977, without its middle): then that line goes on.
    While a loss falls fast its median lags so far above it that a single step of twice the loss looks ordinary. A rise
    is never followed: to get used to it is not what an alarm is for.
    """
    length = windows.shape[1]
    third = length // 3
    medians = np.median(windows, axis=1)
    early, late = np.median(windows[:, :third], axis=1), np.median(windows[:, -third:], axis=1)
    slopes = (late - early) / (length - third)
    ahead = (third + 1) / 2
    places = np.arange(length) - (length - ahead)  # from the middle of the last third
    around = MAD_TO_SIGMA * np.median(np.abs(windows - (late[:, None] + slopes[:, None] * places)), axis=1)
    spreads = MAD_TO_SIGMA * np.median(np.abs(windows - medians[:, None]), axis=1)
    falls = early - late > around
    return np.where(falls, late + slopes * ahead, medians), np.where(falls, around, spreads)


_AHEAD = (WINDOW // 3 + 1) / 2
"""Points from the middle of the last third of a window to the point after it."""
