"""How much to draft: a model of what passes cost and how often drafts are right, fitted while running.

A pass costs `fixed + per_token · tokens`. Reading the weights is most of `fixed`; where that rules (a GPU, one row)
long drafts are nearly free, and where arithmetic rules (a CPU, many rows) each refused token costs as much as a good
one. The plan compares both and drafts nothing when that is cheapest. Knows no tokens and no model.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from beyondloss.generation.drafts import Source

_FIRST_CAP = 8
_FREE_WASTE = 1.03
"""Drafts expected to waste at most 3 % of their tokens are taken even when no pass is saved for certain."""
_HEDGE = 0.5
"""Of a row's share of a pass, what is paid for the chance that this row turns out to be the slowest."""


@dataclass(slots=True)
class PassCosts:
    """Seconds of a pass as a line in its tokens, fitted to the last passes; medians per size keep hiccups out."""

    fixed_seconds: float = 1.0
    token_seconds: float = 1.0 / 32
    """The start is a guess in no unit: only the ratio matters. It is gone after two passes of different size."""
    _seen: dict[int, deque[tuple[int, float]]] = field(default_factory=dict)

    def saw(self, tokens: int, seconds: float) -> None:
        bucket = self._seen.setdefault(
            tokens.bit_length() * 2 + (tokens >> max(tokens.bit_length() - 2, 0) & 1), deque(maxlen=7)
        )
        bucket.append((tokens, seconds))
        points = []
        for kept in self._seen.values():
            ordered = sorted(kept, key=lambda point: point[1] / point[0])
            points.append(ordered[len(ordered) // 2])
        if len(points) > 1:
            self._fit(points)

    def _fit(self, points: list[tuple[int, float]]) -> None:
        """Least squares of relative error: weights 1/t², so that small passes count as much as large ones."""
        weight = sum(t**-2 for _, t in points)
        mean_n = sum(n * t**-2 for n, t in points) / weight
        mean_t = sum(t * t**-2 for _, t in points) / weight
        spread = sum((n - mean_n) ** 2 * t**-2 for n, t in points)
        if spread <= 0:
            return
        slope = sum((n - mean_n) * (t - mean_t) * t**-2 for n, t in points) / spread
        smallest = min(t for _, t in points)
        self.token_seconds = max(slope, smallest * 1e-4)
        self.fixed_seconds = max(mean_t - self.token_seconds * mean_n, smallest * 1e-2)


@dataclass(slots=True)
class Acceptance:
    """How often drafted tokens were right, per source; recent passes count most. Shared by the rows of a run."""

    right: dict[Source, float] = field(
        default_factory=lambda: {Source.FOLLOWED: 14.0, Source.REJOINED: 6.0, Source.ITSELF: 2.0, Source.OTHERS: 6.0}
    )
    wrong: dict[Source, float] = field(
        default_factory=lambda: {Source.FOLLOWED: 1.0, Source.REJOINED: 2.0, Source.ITSELF: 2.0, Source.OTHERS: 2.0}
    )

    def saw(self, source: Source, *, accepted: int, refused: bool) -> None:
        self.right[source] = self.right[source] * 0.98 + accepted
        self.wrong[source] = self.wrong[source] * 0.98 + refused

    def rate(self, source: Source) -> float:
        return self.right[source] / (self.right[source] + self.wrong[source])

    def fade(self) -> None:
        """A new checkpoint: what the last one taught is a hint worth a few tokens."""
        for source in Source:
            scale = min(1.0, 24.0 / (self.right[source] + self.wrong[source]))
            self.right[source] *= scale
            self.wrong[source] *= scale


@dataclass(slots=True)
class RowPace:
    """One row's own record: how often its drafts were right, and how far to trust it now."""

    right: float = 0.0
    wrong: float = 0.0
    cap: int = 0

    def saw(self, *, drafted: int, accepted: int) -> None:
        """The cap doubles while all is accepted and falls to what held after a refusal."""
        if not drafted:
            return
        refused = accepted < drafted
        self.right = self.right * 0.9 + accepted
        self.wrong = self.wrong * 0.9 + refused
        if refused:
            self.cap = max(accepted, 2)
        elif drafted >= self.cap:
            self.cap = drafted * 2

    def rate(self, common: float) -> float:
        """The row's own rate, drawn towards the common one with the weight of four tokens."""
        return min((self.right + 4 * common) / (self.right + self.wrong + 4), 0.999)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the plan knows of a row: tokens it may draft, the chance that each is right, tokens left to write."""

    available: int
    rate: float
    remaining: int

    def settled(self, drafted: int) -> float:
        """Expected tokens that one pass settles: (1 − p^(k+1)) / (1 − p)."""
        return (1 - self.rate ** (drafted + 1)) / (1 - self.rate)

    def needed(self, settled: float) -> int:
        """The fewest drafted tokens that settle so many a pass in expectation, or all that are available."""
        for drafted in range(self.available):
            if self.settled(drafted) >= settled:
                return drafted
        return self.available


def plan_drafts(rows: Sequence[Outlook], costs: PassCosts, *, crowd: int) -> list[int]:
    """Draft lengths that are expected to finish soonest. `crowd` rows are waiting for a place.

    With nobody waiting, what counts is when the slowest row is done: a row that will be done earlier anyway needs no
    draft. Every number of passes is tried, rows get what they need for it, the cheapest wins. But which row will be
    the slowest is a guess, so each row also gets what would pay if half its share of a pass were saved. With rows
    waiting a place that gets free early is worth as much in every row: each minimises its own share of the cost.
    """
    if not rows:
        return []
    if crowd:
        return [_own_best(row, costs.fixed_seconds / len(rows), costs.token_seconds) for row in rows]
    best, best_cost = [0] * len(rows), float("inf")
    for passes in _pass_counts(max(row.remaining for row in rows)):
        lengths = [row.needed(row.remaining / passes) for row in rows]
        cost = _total_seconds(rows, lengths, costs)
        if cost < best_cost:
            best, best_cost = lengths, cost
    share = _HEDGE * costs.fixed_seconds / len(rows)
    hedged = [max(_own_best(row, share, costs.token_seconds), _free(row)) for row in rows]
    return [max(lengths) for lengths in zip(best, hedged, strict=True)]


def _pass_counts(most: int) -> list[int]:
    counts, count = [], 1
    while count < most:
        counts.append(count)
        count = max(count + 1, count * 4 // 3)
    return [*counts, most]


def _total_seconds(rows: Sequence[Outlook], lengths: Sequence[int], costs: PassCosts) -> float:
    needed = [max(row.remaining / row.settled(length), 1.0) for row, length in zip(rows, lengths, strict=True)]
    fed = sum(passes * (1 + length) for passes, length in zip(needed, lengths, strict=True))
    return costs.fixed_seconds * max(needed) + costs.token_seconds * fed


def _own_best(row: Outlook, share: float, token_seconds: float) -> int:
    """The length with the lowest cost for a settled token, `share` being what the row pays for a pass."""
    return min(range(row.available + 1), key=lambda k: (share + token_seconds * (1 + k)) / row.settled(k), default=0)


def _free(row: Outlook) -> int:
    drafted = 0
    while drafted < row.available and (drafted + 2) / row.settled(drafted + 1) <= _FREE_WASTE:
        drafted += 1
    return drafted


def first_cap(costs: PassCosts, rows: int) -> int:
    """How far a draft is trusted before anything is known: as far as a wholly wrong one would cost one pass."""
    return max(_FIRST_CAP, int(costs.fixed_seconds / costs.token_seconds / max(rows, 1)))
