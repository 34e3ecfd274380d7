"""A loss that climbs and stays up: its moving mean against the lowest that mean has been."""

from collections.abc import Iterable
from dataclasses import dataclass

SPAN = 20
RISE_RATIO = 1.3
LEAST_POINTS = 20
LEAST_SHARE = 0.02
_WEIGHT = 2 / (SPAN + 1)


@dataclass(frozen=True, slots=True)
class Divergence:
    """From the first point above the limit to the last; `rise` is the mean at its highest over its lowest before."""

    step: int
    last_step: int
    rise: float


@dataclass(slots=True)
class Climb:
    """State between batches: the mean, its minimum, how many points were seen, and the climb under way."""

    mean: float | None = None
    lowest: float | None = None
    points: int = 0
    since: int | None = None
    above: int = 0
    rise: float = 0.0

    def follow(self, points: Iterable[tuple[int, float]]) -> list[Divergence]:
        """EWMA₂₀(loss) > 1.3 × its running minimum for at least max(20, 2 % of the points seen). Finite points only.

        A climb that began in an earlier batch is found again with its first step.
        """
        found: dict[int, Divergence] = {}
        for step, value in points:
            self._take(step, value)
            if self.since is not None and self.above >= max(LEAST_POINTS, LEAST_SHARE * self.points):
                found[self.since] = Divergence(self.since, step, self.rise)
        return list(found.values())

    def _take(self, step: int, value: float) -> None:
        self.points += 1
        # At first the plain mean: one high first point is no height to fall from.
        weight = max(_WEIGHT, 1 / self.points)
        self.mean = value if self.mean is None else self.mean + weight * (value - self.mean)
        if self.points >= SPAN // 2:
            self.lowest = self.mean if self.lowest is None else min(self.lowest, self.mean)
        if self.lowest is not None and self.lowest > 0 and self.mean > RISE_RATIO * self.lowest:
            self.since, self.above = (step, 1) if self.since is None else (self.since, self.above + 1)
            self.rise = max(self.rise, self.mean / self.lowest)
        else:
            self.since, self.above, self.rise = None, 0, 0.0
