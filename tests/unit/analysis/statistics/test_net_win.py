"""Net win, its interval, its tests, and evidence under peeking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beyondloss.analysis.statistics.agreement import krippendorff_alpha, raw_agreement
from beyondloss.analysis.statistics.davidson import Pairing, fit_davidson
from beyondloss.analysis.statistics.e_process import confidence_sequence, e_value, e_values
from beyondloss.analysis.statistics.multiple import e_benjamini_hochberg
from beyondloss.analysis.statistics.net_win import net_win, sign_flip_p, sign_test_p

MEANS = st.lists(st.floats(-1, 1), min_size=1, max_size=40)


def test_net_win_is_students_interval_over_probes():
    found = net_win([1.0, 0.0, 1.0, -1.0, 0.5, 1.0])

    assert found is not None
    assert (found.value, found.probes, found.decisive) == (pytest.approx(2.5 / 6), 6, 5)
    assert found.low == pytest.approx(2.5 / 6 - 2.5706 * 0.80104 / 6**0.5, abs=1e-4), "t of 5 degrees, by hand"
    assert found.high == 1.0


def test_without_probes_there_is_no_net_win_and_with_one_nothing_is_known():
    assert net_win([]) is None
    one = net_win([1.0])
    assert one
    assert (one.low, one.high) == (-1.0, 1.0)


def test_unanimous_probes_still_have_a_width():
    ties, wins = net_win([0.0] * 10), net_win([1.0] * 10)

    assert ties
    assert wins
    assert ties.low == -ties.high < -0.2
    assert (wins.low < 0.5, wins.high) == (True, 1.0)


@given(MEANS)
def test_the_interval_holds_its_mean_and_stays_in_range(means: list[float]):
    found = net_win(means)

    assert found
    assert -1 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= 1


def test_five_straight_wins_are_not_significant_and_six_are():
    assert sign_flip_p([1.0] * 5) == sign_test_p(5, 0) == pytest.approx(1 / 16)
    assert sign_flip_p([1.0] * 6) == sign_test_p(6, 0) == pytest.approx(1 / 32)


def test_no_decisive_probe_is_no_evidence():
    assert sign_flip_p([0.0, 0.0]) == sign_test_p(0, 0) == e_value([]) == 1.0
    assert e_value([0.0, 0.0]) == pytest.approx(1.0)


def test_many_probes_are_flipped_at_random_and_always_the_same_way():
    means = np.random.default_rng(3).uniform(-0.6, 1.0, 30).tolist()

    assert sign_flip_p(means) == sign_flip_p(means) < 0.2


def test_looking_after_every_probe_rarely_calls_what_is_not_there():
    random = np.random.default_rng(11)
    called = sum(bool((e_values(random.choice((-1.0, 1.0), 500)) >= 20).any()) for _ in range(400))

    assert called / 400 <= 0.05


def test_the_confidence_sequence_excludes_zero_exactly_when_the_evidence_is_called():
    weak, strong = [1.0] * 5 + [-1.0], [1.0] * 9

    assert e_value(weak) < 20 <= e_value(strong)
    assert 0.0 in confidence_sequence(weak)
    assert 0.0 not in confidence_sequence(strong)
    assert confidence_sequence([]).low == -1.0


@given(st.lists(st.sampled_from((-1.0, -0.5, 0.0, 1.0)), max_size=12))
def test_evidence_is_the_same_for_the_mirrored_probes(values: list[float]):
    assert e_value(values) == pytest.approx(e_value([-value for value in values]))


def test_e_values_are_called_together_at_the_rate_asked_for():
    assert e_benjamini_hochberg([50.0, 45.0, 1.0, 0.2]) == (True, True, False, False)
    assert e_benjamini_hochberg([19.0]) == (False,)
    assert e_benjamini_hochberg([]) == ()


def test_agreement_is_undefined_when_only_one_value_was_used():
    assert krippendorff_alpha([[1.0, 1.0], [1.0, 1.0]]) is None
    assert krippendorff_alpha([[1.0], []]) is None
    assert (raw_agreement([[1.0, 1.0], [1.0, 0.0]]), raw_agreement([[1.0]])) == (0.5, None)


def test_a_ridge_keeps_one_who_always_won_at_a_finite_worth():
    fit = fit_davidson([Pairing(0, 1, 5, 0, 1)], items=2, ridge=0.5)

    assert 0.5 < fit.worths[0] < 1.0
