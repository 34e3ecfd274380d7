"""The published numbers that the statistics must reproduce."""

import numpy as np
import pytest

from beyondloss.analysis.statistics import agreement
from beyondloss.analysis.statistics.davidson import Pairing, fit_davidson
from beyondloss.analysis.statistics.e_process import e_value, e_values
from beyondloss.analysis.statistics.intervals import clopper_pearson, wilson
from beyondloss.analysis.statistics.multiple import benjamini_hochberg, holm
from beyondloss.analysis.statistics.wording import corrected_distinct, log_odds_z, pooled_prior

PUDDING = (
    "1,2:19,22,16 1,3:16,19,12 2,3:19,19,10 1,4:18,23,13 2,4:23,19,9 3,4:19,20,15 1,5:13,19,18 2,5:16,20,12 "
    "3,5:16,15,17 4,5:17,14,16 1,6:18,21,12 2,6:22,20,12 3,6:13,18,10 4,6:14,19,18 5,6:11,21,12"
)
DATA_C = ("1 2 3 3 2 1 4 1 2 * * *", "1 2 3 3 2 2 4 1 2 5 * 3", "* 3 3 3 2 3 4 2 2 5 1 *", "1 2 3 3 2 4 4 1 2 5 1 *")
BH_1995 = (
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459),
    *(0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0),
)


def pudding() -> list[Pairing]:
    found = []
    for row in PUDDING.split():
        pair, counts = row.split(":")
        first, second = (int(item) - 1 for item in pair.split(","))
        found.append(Pairing(first, second, *(float(count) for count in counts.split(","))))
    return found


def test_davidson_1970_chocolate_puddings():
    fit = fit_davidson(pudding(), items=6)

    assert fit.worths == pytest.approx((0.138803, 0.173001, 0.161747, 0.165373, 0.158685, 0.202389), abs=5e-7)
    assert fit.tie_strength == pytest.approx(0.746823, abs=5e-7)
    assert fit.log_likelihood == pytest.approx(-809.70951, abs=5e-6)
    assert fit.deviance == pytest.approx(15.7704, abs=5e-5)


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (agreement.nominal, 0.743421),
        (agreement.ordinal, 0.815388),
        (agreement.interval, 0.849107),
        (agreement.ratio, 0.797403),
    ],
)
def test_krippendorff_2011_data_c(difference: agreement.Difference, expected: float):
    rows = [row.split() for row in DATA_C]
    units = [[float(value) for value in column if value != "*"] for column in zip(*rows, strict=True)]

    assert agreement.krippendorff_alpha(units, difference) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(
    ("successes", "trials", "score", "exact"),
    [
        (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
        (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
        (0, 20, (0.0, 0.1611), (0.0, 0.1684)),
        (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
    ],
)
def test_newcombe_1998(successes: int, trials: int, score: tuple[float, float], exact: tuple[float, float]):
    for found, expected in ((wilson(successes, trials), score), (clopper_pearson(successes, trials), exact)):
        assert (found.low, found.high) == pytest.approx(expected, abs=5e-5)


def test_benjamini_and_hochberg_1995():
    assert sum(benjamini_hochberg(BH_1995)) == 4
    assert sum(holm(BH_1995)) == 3


def test_the_e_process_of_ten_probes():
    assert e_value([1, 1, -1, 1, 0, 1, 1, 1, -1, 1]) == pytest.approx(128 / 90, rel=1e-12)


def test_the_e_process_of_straight_wins():
    assert e_values([1.0] * 8)[3:] == pytest.approx([3.20, 5.33, 9.14, 16.00, 28.44], abs=5e-3)


def test_log_odds_with_a_flat_and_an_informative_prior():
    counts, base = [30, 20, 15, 2, 133], [10, 9, 1, 8, 172]

    flat = log_odds_z(counts, base, [0.01] * 5)
    informative = log_odds_z(counts, base, pooled_prior(counts, base, weight=50))

    assert flat == pytest.approx([3.3128, 2.1366, 2.6963, -1.7915, -9.7761], abs=5e-5)
    assert informative == pytest.approx([3.0338, 1.9336, 2.8631, -1.6603, -8.6183], abs=5e-5)


def test_length_corrected_distinct():
    assert corrected_distinct(50, 100, 1000) == pytest.approx(0.525167, abs=5e-7)


def test_gumbel_coupled_samples_agree_as_often_as_theory_says():
    p, q = np.log([0.5, 0.3, 0.2]), np.log([0.4, 0.4, 0.2])
    noise = np.random.default_rng(1).gumbel(size=(400_000, 3))

    equal = ((p + noise).argmax(axis=1) == (q + noise).argmax(axis=1)).mean()

    assert equal == pytest.approx(0.881818, abs=0.003)
