"""Do the verdicts, and the choice of a checkpoint, keep what they promise? Simulated: false calls while peeking,
coverage, power, and whether the best of many is told from luck.

`python -m benchmarks.statistics` prints a table and exits 1 when a promise is broken. Pure computing, no store.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beyondloss.analysis.choosing import FEWEST_PROBES, Cost, CostWord, Table, weigh
from beyondloss.analysis.statistics.net_win import net_win, sign_flip_p
from beyondloss.analysis.verdicts import ALPHA, MARGIN, ProbeValue, VerdictWord, judge

Floats = npt.NDArray[np.float64]

PROBE_SD, RATING_SD = 0.45, 0.75
"""How much probes differ, and raters on one probe, in net win: the values behind the guide that the pages show."""
BETS, _weights = np.polynomial.legendre.leggauss(64)
WEIGHTS = _weights / 2
PROBES = (8, 16, 30, 60)
RATERS = (1, 3, 5)


@dataclass(frozen=True, slots=True)
class Promise:
    name: str
    measured: float
    least: float = 0.0
    most: float = 1.0

    @property
    def kept(self) -> bool:
        return self.least <= self.measured <= self.most


def ratings(rng: np.random.Generator, *, probes: int, raters: int, net: float) -> Floats:
    """Ratings −1, 0, 1 of shape (probes, raters), in expectation `net` over all probes there could be."""
    lean = net + PROBE_SD * np.clip(rng.standard_normal((probes, 1)), -1.4, 1.4)  # cut alike on both sides
    decided = np.maximum(np.abs(lean), RATING_SD**2)  # share of ratings that lean either way
    drawn = rng.random((probes, raters))
    better = (decided + lean) / 2
    return np.where(drawn < better, 1.0, np.where(drawn < decided, -1.0, 0.0))


def values(given: Floats) -> list[ProbeValue]:
    """One value per probe; NaN marks a rating not given yet."""
    return [
        ProbeValue(number, float(np.nanmean(row)) if (count := int(np.isfinite(row).sum())) else None, ratings=count)
        for number, row in enumerate(given)
    ]


def ever_called(given: Floats) -> bool:
    """Whether a difference is on screen after any single rating: raters go through all probes one after the other.

    The evidence is kept up to date bet by bet, which is quick; what it seems to allow is asked of the verdict itself.
    """
    logs = np.zeros((len(BETS), given.shape[0]))
    for rater in range(given.shape[1]):
        means = given[:, : rater + 1].mean(axis=1)
        for probe in range(given.shape[0]):
            logs[:, probe] = np.log1p(BETS * means[probe])
            if WEIGHTS @ np.exp(logs.sum(axis=1)) >= 1 / ALPHA and called(given, rater=rater, probe=probe):
                return True
    return False


def called(given: Floats, *, rater: int, probe: int) -> bool:
    """The verdict once this rater has come to this probe."""
    seen = np.array(given)
    seen[:, rater + 1 :] = np.nan
    seen[probe + 1 :, rater] = np.nan
    return judge([values(seen)])[0].word in {VerdictWord.BETTER, VerdictWord.WORSE}


def false_calls_under_peeking(*, probes: int, raters: int, rounds: int, seed: int = 1) -> float:
    """Share of rounds without any difference in which a difference was ever called."""
    rng = np.random.default_rng(seed)
    return sum(ever_called(ratings(rng, probes=probes, raters=raters, net=0.0)) for _ in range(rounds)) / rounds


def false_sames(*, probes: int, raters: int, rounds: int, seed: int = 2) -> float:
    """Share of rounds with a net win just at the margin that are called "same"."""
    rng = np.random.default_rng(seed)
    drawn = (values(ratings(rng, probes=probes, raters=raters, net=MARGIN)) for _ in range(rounds))
    return sum(judge([one])[0].word is VerdictWord.SAME for one in drawn) / rounds


def coverage(*, probes: int, raters: int, net: float, rounds: int, seed: int = 3) -> float:
    """How often the interval holds the net win."""
    rng = np.random.default_rng(seed)
    hits = 0
    for _ in range(rounds):
        found = net_win(ratings(rng, probes=probes, raters=raters, net=net).mean(axis=1).tolist())
        hits += found is not None and found.low <= net <= found.high
    return hits / rounds


def power(*, probes: int, raters: int, net: float, rounds: int, seed: int = 4) -> tuple[float, float]:
    """How often a net win of this size is found: by one look at the end, and by the verdict that may be peeked at."""
    rng = np.random.default_rng(seed)
    once = always = 0
    for _ in range(rounds):
        given = ratings(rng, probes=probes, raters=raters, net=net)
        once += sign_flip_p(given.mean(axis=1).tolist()) <= ALPHA
        always += judge([values(given)])[0].word is VerdictWord.BETTER
    return once / rounds, always / rounds


def checkpoints(rng: np.random.Generator, nets: Sequence[float], *, probes: int, raters: int) -> Table:
    """One checkpoint per net win, the base before them."""
    rated = [ratings(rng, probes=probes, raters=raters, net=net).mean(axis=1) for net in nets]
    return Table((0, *range(1, len(nets) + 1)), np.vstack([np.zeros(probes), *rated]), ())


@dataclass(frozen=True, slots=True)
class CostsOfLoss:
    """Means over rounds: of the regret as it is estimated, and as the highest mean minus the reference's would say."""

    regret: float
    naive: float
    covered: float
    costs: float
    nothing: float


def costs_of_loss(nets: Sequence[float], *, probes: int, raters: int, rounds: int, seed: int = 5) -> CostsOfLoss:
    """The last checkpoint is the one that loss would choose; the base's net win is 0."""
    rng = np.random.default_rng(seed)
    found: list[Cost] = []
    naive = 0.0
    for _ in range(rounds):
        table = checkpoints(rng, nets, probes=probes, raters=raters)
        means = table.values.mean(axis=1)
        naive += float(means.max() - means[-1]) / rounds
        found += weigh(table, [len(nets)]).costs
    truth = max(0.0, *nets) - nets[-1]
    return CostsOfLoss(
        regret=float(np.mean([one.regret.value for one in found])),
        naive=naive,
        covered=float(np.mean([one.regret.low <= truth <= one.regret.high for one in found])),
        costs=float(np.mean([one.word is CostWord.COSTS for one in found])),
        nothing=float(np.mean([one.word is CostWord.NOTHING for one in found])),
    )


def false_costs_under_peeking(*, probes: int, count: int, rounds: int, seed: int = 6) -> float:
    """Share of rounds with equal checkpoints in which one is ever said to cost something, looking after each probe."""
    rng = np.random.default_rng(seed)
    wrong = 0
    for _ in range(rounds):
        table = checkpoints(rng, [0.0] * count, probes=probes, raters=1)
        seen = (Table(table.steps, table.values[:, :upto], ()) for upto in range(FEWEST_PROBES, probes + 1))
        wrong += any(weigh(one, [count]).costs[0].word is CostWord.COSTS for one in seen)
    return wrong / rounds


def promises_of_choosing(*, rounds: int) -> Iterator[Promise]:
    for probes in (12, 30):
        size = f"6 equal checkpoints x {probes} probes"
        equal = costs_of_loss([0.0] * 5, probes=probes, raters=3, rounds=rounds)
        yield Promise(f"regret where there is none, {size}", equal.regret, least=-0.03, most=0.03)
        yield Promise(f"the same by the highest mean (biased), {size}", equal.naive, least=0.05)
        yield Promise(f"coverage of the regret's interval, {size}", equal.covered, least=0.93)
        margin = costs_of_loss([MARGIN, 0.0], probes=probes, raters=3, rounds=rounds)
        yield Promise(f"false 'costs nothing' at the margin, {probes} probes", margin.nothing, most=0.06)
    peeking = false_costs_under_peeking(probes=40, count=5, rounds=max(1, rounds // 5))
    yield Promise("false 'costs' while peeking, 6 equal checkpoints x 40 probes", peeking, most=ALPHA)
    real = costs_of_loss([0.1, 0.5, 0.3, -0.3], probes=30, raters=3, rounds=rounds)
    yield Promise("a cost of 0.8 is found, 30 probes x 3 raters", real.costs, least=0.8)


def promises(*, rounds: int) -> Iterator[Promise]:
    for probes in PROBES:
        for raters in RATERS:
            size = f"{probes} probes x {raters} raters"
            peeking = false_calls_under_peeking(probes=probes, raters=raters, rounds=rounds)
            yield Promise(f"false calls while peeking, {size}", peeking, most=ALPHA)
            sames = false_sames(probes=probes, raters=raters, rounds=rounds)
            yield Promise(f"false same at the margin, {size}", sames, most=0.06)
            for net in (0.0, 0.3):
                covered = coverage(probes=probes, raters=raters, net=net, rounds=4 * rounds)
                yield Promise(f"coverage of {net:.1f}, {size}", covered, least=0.93)
    once, always = power(probes=30, raters=3, net=0.33, rounds=rounds)
    yield Promise("power at 0.33, 30 probes x 3 raters, one look at the end", once, least=0.8)
    yield Promise("power at 0.33, 30 probes x 3 raters, as it may be peeked at", always, least=0.4)
    yield from promises_of_choosing(rounds=max(1, rounds // 2))


def main(arguments: list[str]) -> int:
    """Prints every promise with what was measured; 1 if one was broken."""
    broken = 0
    for one in promises(rounds=int(arguments[0]) if arguments else 1000):
        broken += not one.kept
        print(f"{'kept  ' if one.kept else 'BROKEN'} {one.measured:6.3f}  {one.name}", flush=True)
    return min(broken, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
