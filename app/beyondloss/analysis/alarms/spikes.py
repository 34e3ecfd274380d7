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


def spike_ratios(logs: Floats, before: Floats) -> Floats:
    """(N,) how many times the median before it a point is where that is a spike, else 0.

    `logs` (N,) are natural logs of values, `before` (≤ 128,) the logs of the points before those.
    (l − median₁₂₈) / (1.4826 · MAD₁₂₈) > 6 and ratio > 1.5; with fewer than 64 points before it: ratio > 3.
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
    median = float(np.median(window))
    above = float(log) - median
    if len(window) < WARMED_UP:
        return float(np.exp(above)) if above > np.log(LEAST_EARLY_RATIO) else 0.0
    spread = MAD_TO_SIGMA * float(np.median(np.abs(window - median)))
    return float(np.exp(above)) if above > max(np.log(LEAST_RATIO), MOST_DEVIATIONS * spread) else 0.0


def _candidates(both: Floats, start: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Places from `start` on that could be a spike: a sixteenth of the medians rules most points out.

    A window moved on by fewer than 16 points has its median at or above the 48th smallest of the 128 it began with.
    """
    if start >= len(both):
        return np.empty(0, dtype=np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(both, WINDOW)[start - WINDOW : len(both) - WINDOW]
    rank = WINDOW // 2 - STRIDE - 1
    floors = np.partition(windows[::STRIDE], rank, axis=1)[:, rank]
    least = np.repeat(floors, STRIDE)[: len(windows)] + np.log(LEAST_RATIO)
    return np.flatnonzero(both[start:] > least) + start


def _ratios(both: Floats, places: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Floats:
    if not len(places):
        return np.zeros(0)
    windows = np.lib.stride_tricks.sliding_window_view(both, WINDOW)[places - WINDOW]
    medians = np.median(windows, axis=1)
    spreads = MAD_TO_SIGMA * np.median(np.abs(windows - medians[:, None]), axis=1)
    above = both[places] - medians
    return np.where(above > np.maximum(np.log(LEAST_RATIO), MOST_DEVIATIONS * spreads), np.exp(above), 0.0)
