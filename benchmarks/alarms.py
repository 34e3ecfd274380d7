"""How often the spike rule cries wolf, and what it catches: the figures that judgement of a loss curve rests on.

Curves of 1,000 steps with multiplicative noise: 8 % and 30 % normal (in the log), and heavy tails (Student's t with 3
degrees of freedom). Each once settled, falling by a sixth over the run, and once falling fast, from 2.5 towards 1.

The rule's own limit of six deviations lets 3.2 of 1,000 points of Student's t pass, whatever its scale; that a spike
must also be half as high again takes away the more the smaller the noise is: 2.3 are left at 5.5 %, 3 at 8 %.
"""

import sys
import time

import numpy as np

from beyondloss.analysis.alarms.spikes import WARMED_UP, spike_ratios
from beyondloss.analysis.curve import Floats

STEPS = 1000
CURVES = 500
MOST_FALSE = {"8 % normal": 0.05, "30 % normal": 0.05, "8 % Student t(3)": 3.5, "5.5 % Student t(3)": 2.5}
LEAST_TWOFOLD = 0.94
LEAST_THREEFOLD = 1.0
SETTLED = np.linspace(1.2, 1.0, STEPS)
FALLING = 1.0 + 1.5 * np.exp(-np.arange(STEPS) / 250)
SHAPES = {"settled": SETTLED, "falling": FALLING}


def main(arguments: list[str]) -> int:
    """Prints a table; 1 if a target was missed."""
    del arguments
    rng = np.random.default_rng(1)
    noises = {"8 % normal": _normal(0.08), "30 % normal": _normal(0.3), "8 % Student t(3)": _heavy(0.08)}
    noises["5.5 % Student t(3)"] = _heavy(0.055)
    rates = {
        (name, shape): false_alarms(noise, rng, shape=curve)
        for name, noise in noises.items()
        for shape, curve in SHAPES.items()
    }
    print("| noise | loss | false alarms per 1,000 steps |\n|---|---|---|")
    for (name, shape), rate in rates.items():
        print(f"| {name} | {shape} | {rate:.2f} |")
    caught = {
        (name, shape, factor): detected(noises[name], factor, rng, shape=curve)
        for name in ("8 % normal", "8 % Student t(3)")
        for shape, curve in SHAPES.items()
        for factor in (2.0, 3.0)
    }
    print("\n| single spike | noise | loss | caught |\n|---|---|---|---|")
    for (name, shape, factor), share in caught.items():
        print(f"| {factor:.0f}× | {name} | {shape} | {share:.1%} |")
    started = time.perf_counter()
    spike_ratios(rng.normal(0, 0.08, 1_000_000), np.empty(0))
    print(f"\n1,000,000 points judged in {time.perf_counter() - started:.2f} s")
    good = (
        all(rates[name, shape] <= MOST_FALSE[name] for name, shape in rates)
        and all(caught["8 % normal", shape, 2.0] >= LEAST_TWOFOLD for shape in SHAPES)
        and all(caught["8 % normal", shape, 3.0] >= LEAST_THREEFOLD for shape in SHAPES)
    )
    return 0 if good else 1


class _Noise:
    """Draws of log noise."""

    def __init__(self, scale: float, degrees: float | None) -> None:
        self.scale, self.degrees = scale, degrees

    def draw(self, rng: np.random.Generator, count: int) -> Floats:
        if self.degrees is None:
            return rng.normal(0, self.scale, count)
        return np.asarray(self.scale * rng.standard_t(self.degrees, count))


def _normal(scale: float) -> _Noise:
    return _Noise(scale, None)


def _heavy(scale: float) -> _Noise:
    return _Noise(scale, 3)


def false_alarms(noise: _Noise, rng: np.random.Generator, *, shape: Floats) -> float:
    """Per 1,000 steps."""
    flagged = sum(
        int((spike_ratios(np.log(shape) + noise.draw(rng, STEPS), np.empty(0)) > 0).sum()) for _ in range(CURVES)
    )
    return flagged * 1000 / (CURVES * STEPS)


def detected(noise: _Noise, factor: float, rng: np.random.Generator, *, shape: Floats) -> float:
    """The share of single steps, raised by a factor anywhere after the first 64, that are flagged."""
    caught = 0
    for _ in range(CURVES):
        curve = np.log(shape) + noise.draw(rng, STEPS)
        place = int(rng.integers(WARMED_UP, STEPS))
        curve[place] += np.log(factor)
        caught += bool(spike_ratios(curve, np.empty(0))[place] > 0)
    return caught / CURVES


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
