"""Curves made small keep what must be seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from beyondloss.analysis.curve import Curve, curve_of, joined, outline, thinned

numbers = st.floats(allow_nan=True, allow_infinity=True)


def curve(values: list[float] | np.ndarray) -> Curve:
    given_values = np.asarray(values, dtype=np.float64)
    return curve_of(np.arange(len(given_values), dtype=np.int64), given_values)


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, count)


@given(arrays.arrays(np.float64, st.integers(0, 400), elements=numbers), st.integers(2, 300))
def test_any_curve_fits_its_budget_and_keeps_its_ends_and_extremes(values: np.ndarray, budget: int) -> None:
    whole, small = curve(values), thinned(curve(values), budget)

    assert len(small) <= budget
    assert set(small.steps.tolist()) <= set(whole.steps.tolist())
    assert (np.diff(small.steps) > 0).all()
    np.testing.assert_array_equal(small.values, values[small.steps])
    if len(values):
        assert {small.steps[0], small.steps[-1]} == {0, len(values) - 1}
    finite = values[np.isfinite(values)]
    if len(finite) and len(finite) == len(values) and budget >= 8:
        assert (small.values.min(), small.values.max()) == (finite.min(), finite.max())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [5_000, 50_000])
def test_twenty_lone_spikes_of_either_sign_survive(count: int, seed: int) -> None:
    values = 2 * np.exp(-np.arange(count) / count * 5) + noise(count, seed)
    spikes = np.random.default_rng(seed).choice(np.arange(1, count - 1), 20, replace=False)
    values[spikes] += np.where(np.arange(20) % 2, 1.0, -1.0)
    assert set(spikes.tolist()) <= set(thinned(curve(values), 500).steps.tolist())


def test_spikes_side_by_side_in_one_bucket_survive() -> None:
    values = noise(50_000)
    values[20_000:20_040:4] += np.linspace(1.0, 2.0, 10)
    assert set(range(20_000, 20_040, 4)) <= set(thinned(curve(values), 500).steps.tolist())


def test_a_spike_in_a_calm_stretch_survives_beside_a_wild_one() -> None:
    values = np.concatenate([np.random.default_rng(0).standard_t(2, 25_000), np.full(25_000, 1.0)])
    values[40_000] = 2.0
    assert 40_000 in thinned(curve(values), 500).steps


def test_the_jitter_of_rounded_values_does_not_crowd_spikes_out() -> None:
    """A curve logged with four digits that has come to rest moves by one unit now and then: that is no spike."""
    calm = np.where(np.random.default_rng(0).random(40_000) < 0.04, 0.0042, 0.0041)
    values = np.concatenate([2.5 - np.arange(10_000) / 5_000 + noise(10_000), calm])
    spikes = np.arange(500, 9_500, 450)
    values[spikes] += 1.0
    assert set(spikes.tolist()) <= set(thinned(curve(values), 500).steps.tolist())


def test_values_that_are_no_numbers_survive_up_to_three_quarters_of_the_budget() -> None:
    values = noise(50_000)
    places = np.random.default_rng(1).choice(50_000, 300, replace=False)
    values[places] = np.resize([np.nan, np.inf, -np.inf], 300)
    assert set(places.tolist()) <= set(thinned(curve(values), 500).steps.tolist())


def test_a_curve_that_diverged_for_good_shows_where_and_still_has_a_shape() -> None:
    values = noise(50_000)
    values[30_000:] = np.nan
    small = thinned(curve(values), 500)
    assert {30_000, 49_999} <= set(small.steps.tolist())
    assert np.isfinite(small.values).sum() > 100


def test_spikes_marked_before_joining_survive_as_in_the_whole_curve() -> None:
    values = noise(40_000)
    spikes = np.arange(1_000, 40_000, 2_000)
    values[spikes] += 1.0
    whole = curve(values)
    pieces = [whole.at((whole.steps >= start) & (whole.steps < start + 4_000)) for start in range(0, 40_000, 4_000)]
    small = thinned(joined([thinned(piece, 128, non_finite=1_024) for piece in pieces]), 500)
    assert set(spikes.tolist()) <= set(small.steps.tolist())


def test_a_range_is_cut_at_both_ends() -> None:
    assert curve(np.arange(10.0)).between(3, 5).steps.tolist() == [3, 4, 5]
    assert curve(np.arange(10.0)).between(None, None).steps.tolist() == list(range(10))


def test_an_outline_is_means_of_equal_stretches_with_gaps_where_a_value_is_none() -> None:
    assert outline(curve([1, 3, 5, 7, np.nan, 1]), 3) == [2.0, 6.0, None]
    assert outline(curve([]), 60) == []
    assert outline(curve([1.0, 2.0]), 60) == [1.0, 2.0]
