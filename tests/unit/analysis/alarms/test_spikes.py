"""Single steps that stand out are found, and ordinary noise is not."""

import numpy as np
import pytest

from beyondloss.analysis.alarms.spikes import WINDOW, spike_ratios

NOTHING = np.empty(0)


def calm(count: int, *, noise: float = 0.05, seed: int = 0) -> np.ndarray:
    """Log losses around 1."""
    return np.random.default_rng(seed).normal(0, noise, count)


def plainly(logs: np.ndarray) -> np.ndarray:
    """The rule as it is written down, point by point."""
    found = np.zeros(len(logs))
    for place in range(5, len(logs)):
        window = logs[max(0, place - WINDOW) : place]
        level, spread = expected(window)
        limit = np.log(3) if len(window) < 64 else max(np.log(1.5), 6 * spread)
        found[place] = np.exp(logs[place] - level) if logs[place] - level > limit else 0
    return found


def expected(window: np.ndarray) -> tuple[float, float]:
    """The median, or the line through the medians of the outer thirds where it falls by more than the spread."""
    median = float(np.median(window))
    spread = 1.4826 * float(np.median(np.abs(window - median)))
    if len(window) < 64:
        return median, spread
    third = len(window) // 3
    first, last = float(np.median(window[:third])), float(np.median(window[-third:]))
    slope = (last - first) / (len(window) - third)
    middle = len(window) - (third + 1) / 2
    line = last + slope * (np.arange(len(window)) - middle)
    around = 1.4826 * float(np.median(np.abs(window - line)))
    return (last + slope * (len(window) - middle), around) if first - last > around else (median, spread)


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("fall", [0.0, 0.002, 0.01, -0.004])
def test_the_quick_way_finds_what_the_rule_as_written_finds(noise: float, fall: float) -> None:
    rng = np.random.default_rng(3)
    logs = noise * rng.standard_t(2, 900) - fall * np.arange(900)
    assert np.allclose(spike_ratios(logs, NOTHING), plainly(logs))


def test_a_step_of_twice_the_loss_is_found_while_the_loss_falls_fast() -> None:
    logs = calm(200, noise=0.08) - np.linspace(0, 2, 200)
    logs[150] += np.log(2)
    found = spike_ratios(logs, NOTHING)
    assert np.flatnonzero(found).tolist() == [150]
    assert found[150] == pytest.approx(2, rel=0.25)


def test_a_rise_is_never_got_used_to() -> None:
    logs = calm(400, noise=0.02) + np.where(np.arange(400) < 200, 0, np.linspace(0, 3, 400))
    assert (spike_ratios(logs, NOTHING)[200:] > 0).sum() > 10


def test_one_step_of_twice_the_loss_is_found_with_its_ratio() -> None:
    logs = calm(500)
    logs[300] = np.log(2)
    found = spike_ratios(logs, NOTHING)
    assert np.flatnonzero(found).tolist() == [300]
    assert found[300] == pytest.approx(2, rel=0.05)


def test_before_64_steps_only_three_times_as_much_is_a_spike() -> None:
    logs = calm(60)
    logs[30], logs[50] = np.log(2), np.log(4)
    assert np.flatnonzero(spike_ratios(logs, NOTHING)).tolist() == [50]


def test_nothing_is_said_of_the_first_points() -> None:
    assert not spike_ratios(np.log(np.array([0.1, 3.0, 9.0, 90.0])), NOTHING).any()


@pytest.mark.parametrize("batch", [1, 7, 128, 400])
def test_batches_of_any_length_find_the_same(batch: int) -> None:
    logs = calm(700, noise=0.1)
    logs[[70, 200, 201, 650]] += np.log(4)
    whole = spike_ratios(logs, NOTHING)
    parts = [spike_ratios(logs[i : i + batch], logs[max(0, i - WINDOW) : i]) for i in range(0, len(logs), batch)]
    assert np.allclose(np.concatenate(parts), whole)


def test_a_curve_with_equal_values_has_no_spread_and_still_finds_its_spike() -> None:
    logs = np.zeros(200)
    logs[150] = np.log(1.6)
    assert np.flatnonzero(spike_ratios(logs, NOTHING)).tolist() == [150]


def test_eight_per_cent_of_noise_raises_nothing_in_ten_thousand_steps() -> None:
    assert not spike_ratios(calm(10_000, noise=0.08), NOTHING).any()
