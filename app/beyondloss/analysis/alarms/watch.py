"""One series followed as its points arrive: what is no number, what stands out, what climbs and stays up."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from beyondloss.analysis.alarms.divergence import Climb
from beyondloss.analysis.alarms.spikes import WINDOW, spike_ratios
from beyondloss.analysis.curve import Bools, Floats, Ints
from beyondloss.domain.alarms import AlarmFacts, AlarmKind, FoundAlarm, Severity, broken_word
from beyondloss.domain.metrics import kind_of

SAME_SPIKE_POINTS = 16
"""A spike so soon after another is the same event."""


@dataclass(slots=True)
class Watch:
    """State between batches of one series, small enough to be stored with each."""

    last_step: int = -1
    window: list[float] = field(default_factory=list)
    climb: Climb = field(default_factory=Climb)
    broken_since: int | None = None
    spike_since: int | None = None
    since_spike: int = 0

    def stored(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def restored(cls, stored: dict[str, Any]) -> "Watch":
        return cls(**{**stored, "climb": Climb(**stored["climb"])})

    def follow(self, name: str, steps: Ints, values: Floats) -> list[FoundAlarm]:
        """What the rules find in points that come after all points seen before. `name` is the metric's.

        What goes on since an earlier batch is found again with the step it began at.
        """
        if not len(steps):
            return []
        found = self._broken(name, steps, values)
        positive = np.isfinite(values) & (values > 0)
        if name in {"loss", "grad_norm"}:
            found += self._spikes(name, steps[positive], values[positive])
        if name == "loss":
            points = zip(steps[positive].tolist(), values[positive].tolist(), strict=True)
            for one in self.climb.follow(points):
                facts: AlarmFacts = {"rise": round(one.rise, 3)}
                found.append(FoundAlarm(AlarmKind.DIVERGENCE, one.step, one.last_step, Severity.CRITICAL, facts))
        self.last_step = int(steps[-1])
        return found

    def _broken(self, name: str, steps: Ints, values: Floats) -> list[FoundAlarm]:
        """Stretches of points that are not finite. A loss of exactly 0 is one too: trainers write it for NaN."""
        bad: Bools = ~np.isfinite(values)
        if name == "loss":
            bad |= values == 0
        if not bad.any():
            self.broken_since = None
            return []
        edges = np.flatnonzero(np.diff(np.concatenate([[False], bad, [False]]).astype(np.int8)))
        found = []
        for start, end in zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True):
            goes_on = start == 0 and self.broken_since is not None
            first = self.broken_since if goes_on and self.broken_since is not None else int(steps[start])
            facts: AlarmFacts = {name: broken_word(kind_of(float(values[start])))}
            found.append(FoundAlarm(AlarmKind.NOT_FINITE, first, int(steps[end]), Severity.CRITICAL, facts))
        self.broken_since = found[-1].step if bad[-1] else None
        return found

    def _spikes(self, name: str, steps: Ints, values: Floats) -> list[FoundAlarm]:
        logs = np.log(values)
        ratios = spike_ratios(logs, np.array(self.window, dtype=np.float64))
        self.window = [*self.window, *logs[-WINDOW:].tolist()][-WINDOW:]
        found: dict[int, FoundAlarm] = {}
        seen = 0
        for place in np.flatnonzero(ratios).tolist():
            step, ratio = int(steps[place]), float(ratios[place])
            self.since_spike += place - seen
            seen = place
            if self.spike_since is None or self.since_spike > SAME_SPIKE_POINTS:
                self.spike_since = step
            self.since_spike = 0
            before = found.get(self.spike_since)
            highest = max(ratio, float(before.facts[name])) if before else ratio
            found[self.spike_since] = FoundAlarm(
                AlarmKind.SPIKE, self.spike_since, step, Severity.WARN, {name: round(highest, 3)}
            )
        self.since_spike += len(steps) - seen
        return list(found.values())
