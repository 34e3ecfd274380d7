"""What ratings support, per behaviour: better, worse, same, or not enough. Pure; knows no store and no words on screen.

The unit is the probe. Its value is the mean of its ratings in [−1, 1]; answers equal to the byte are a tie that nobody
is asked about. "Better" and "worse" are called by an e-process, which may be looked at as often as anybody likes, with
the false discovery rate held over the behaviours; "same" by equivalence, never by a difference that was not found.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import fmean, stdev

from beyondloss.analysis.statistics.e_process import e_value, e_values
from beyondloss.analysis.statistics.multiple import e_benjamini_hochberg, holm
from beyondloss.analysis.statistics.net_win import FEWEST_DECISIVE, NetWin, net_win, sign_flip_p
from beyondloss.domain.blinding import shuffled_place

ALPHA = 0.05
MARGIN = 0.2
"""Net wins within ±M are the same for all that matters."""
EQUIVALENCE_CONFIDENCE = 0.90
MOST_MARGIN = 0.5
"""Where raters' own noise is wider than this, nothing is called the same: it would mean nothing."""
MOST_NEEDED = 200
"""Further than this nobody plans: "200 or more"."""


class VerdictWord(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    NOT_ENOUGH = "not_enough"


@dataclass(frozen=True, slots=True)
class ProbeValue:
    """One probe of a behaviour. `mean` is None while nobody rated it; `identical`: equal to the byte, `mean` is 0."""

    probe_id: int
    mean: float | None
    ratings: int = 0
    identical: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """What the ratings of one behaviour support.

    `net_win` is None while nothing is known. `needed` counts the ratings still missing for a verdict if answers go on
    as they do, `new_probes` how many of those need probes that do not exist yet; `next_probes` are the ones to rate
    first. `p_value` and `holm` are for one look at the end of a round: the verdict does not use them.
    """

    word: VerdictWord
    net_win: NetWin | None
    ratings: int
    identical: bool
    """Every answer equals its reference to the byte: "same" without any rating."""
    e_value: float
    p_value: float
    holm: bool
    needed: int
    new_probes: int
    next_probes: tuple[int, ...]


def judge(
    behaviours: Sequence[Sequence[ProbeValue]], *, margin: float = MARGIN, noise: float = 0.0, alpha: float = ALPHA
) -> tuple[Judged, ...]:
    """The verdicts of behaviours that are looked at together. `noise`: half-width of base against base, if measured."""
    margin = max(margin, noise)
    evidence = [_evidence(values) for values in behaviours]
    called = e_benjamini_hochberg([one.e_value for one in evidence], alpha=alpha)
    in_holm = holm([one.p_value for one in evidence], alpha=alpha)
    threshold = len(behaviours) / (alpha * (min(sum(called) + 1, len(behaviours)) or 1))
    judged = []
    for values, one, rejected, declared in zip(behaviours, evidence, called, in_holm, strict=True):
        word = _word(one, values, rejected=rejected, margin=margin)
        found = replace(one, word=word, holm=declared)
        judged.append(_with_need(found, values, threshold, margin) if word is VerdictWord.NOT_ENOUGH else found)
    return tuple(judged)


def noise_half_width(base_means: Sequence[float]) -> float:
    """Half the interval of the net win of base against base, from the means of its probes; 0 with too few of them."""
    if len(base_means) < FEWEST_DECISIVE:
        return 0.0
    found = net_win(base_means)
    return (found.high - found.low) / 2 if found else 0.0


def margin_for(noise: float) -> float:
    """Net wins within ±this are the same: never less than the noise of base against base."""
    return max(MARGIN, noise)


def known_means(values: Sequence[ProbeValue]) -> list[float]:
    """The values that count now. Ties enter in the proportion in which the changed answers have been rated.

    All ties at once would make a half-rated behaviour look like the part of it that never changed.
    """
    rated = [one.mean for one in values if not one.identical and one.mean is not None]
    changed = sum(not one.identical for one in values)
    ties = sum(one.identical for one in values)
    return rated + [0.0] * (ties if not changed else ties * len(rated) // changed)


def _evidence(values: Sequence[ProbeValue]) -> Judged:
    means = known_means(values)
    return Judged(
        word=VerdictWord.NOT_ENOUGH,
        net_win=net_win(means),
        ratings=sum(one.ratings for one in values),
        identical=bool(values) and all(one.identical for one in values),
        e_value=e_value(means),
        p_value=sign_flip_p(means),
        holm=False,
        needed=0,
        new_probes=0,
        next_probes=(),
    )


def _word(one: Judged, values: Sequence[ProbeValue], *, rejected: bool, margin: float) -> VerdictWord:
    if one.identical:
        return VerdictWord.SAME
    found = one.net_win
    if found is None:
        return VerdictWord.NOT_ENOUGH
    if rejected and found.decisive >= FEWEST_DECISIVE:
        if found.low > 0:
            return VerdictWord.BETTER
        if found.high < 0:
            return VerdictWord.WORSE
    narrow = net_win(known_means(values), confidence=EQUIVALENCE_CONFIDENCE)
    is_inside = narrow is not None and -margin < narrow.low and narrow.high < margin
    if is_inside and found.probes >= FEWEST_DECISIVE and margin <= MOST_MARGIN:
        return VerdictWord.SAME
    return VerdictWord.NOT_ENOUGH


def _with_need(one: Judged, values: Sequence[ProbeValue], threshold: float, margin: float) -> Judged:
    """How much is missing, and where to look first: what nobody rated, then what was rated least and leans least.

    What nobody rated comes shuffled: in the order of the set, the first families alone would decide.
    """
    needed = _needed(values, threshold, margin)
    unrated = [value.probe_id for value in values if value.mean is None]
    unrated.sort(key=lambda probe_id: shuffled_place(probe_id, 0, salt="needed"))
    rated = [value for value in values if value.mean is not None and not value.identical]
    rated.sort(key=lambda value: (value.ratings, abs(value.mean or 0.0)))
    return replace(
        one,
        needed=needed,
        new_probes=max(0, needed - len(unrated)),
        next_probes=tuple(unrated or [value.probe_id for value in rated])[:needed],
    )


def _needed(values: Sequence[ProbeValue], threshold: float, margin: float) -> int:
    """Ratings of further probes until a verdict, were they like those so far; were they all one way, without any."""
    rated = [one.mean for one in values if not one.identical and one.mean is not None]
    if not any(rated):
        straight = e_values([1.0] * MOST_NEEDED)
        ways = [int((straight < threshold).sum()) + 1]
    else:
        going_on = rated + [rated[place % len(rated)] for place in range(MOST_NEEDED)]
        later = e_values(going_on)[len(rated) :]
        ways = [int((later < threshold).sum()) + 1]
    decisive = sum(mean != 0 for mean in rated)
    ways = [max(ways[0], FEWEST_DECISIVE - decisive), _needed_for_same(values, margin)]
    return max(1, min(*ways, MOST_NEEDED))


def _needed_for_same(values: Sequence[ProbeValue], margin: float) -> int:
    """Ratings until the interval fits inside the margin; as many as anybody plans where the mean lies outside it."""
    means = known_means(values)
    share = sum(not one.identical for one in values) / len(values) if values else 1.0
    if not means or abs(fmean(means)) >= margin or margin > MOST_MARGIN:
        return MOST_NEEDED
    if len(means) == 1 or stdev(means) == 0:
        # Student's interval would have no width; what K probes did not show must be rarer than the margin.
        probes = next((k for k in range(1, MOST_NEEDED) if (1 - margin) ** k < (1 - EQUIVALENCE_CONFIDENCE) / 2), 0)
    else:
        probes = int((1.645 * stdev(means) / (margin - abs(fmean(means)))) ** 2) + 1
    return max(1, round(share * (max(probes, FEWEST_DECISIVE) - len(means))))
