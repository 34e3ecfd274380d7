"""Whole curves: what they say of learning, forgetting to generalise, and settings."""

import numpy as np

from beyondloss.analysis.alarms.rate import rate_alarms
from beyondloss.analysis.alarms.shape import Line, gap, memorising, not_learning, plateau, staircase, theil_sen
from beyondloss.domain.alarms import AlarmKind, Severity

NOTHING = Line(np.empty(0, np.int64), np.empty(0))
rng = np.random.default_rng(0)


def line(values: object, *, every: int = 1) -> Line:
    array = np.asarray(values, dtype=np.float64)
    return Line(np.arange(1, len(array) + 1, dtype=np.int64) * every, array)


FALLING = line(2.5 * np.exp(-np.arange(200) / 150))
STILL = line(np.full(200, 2.5))


def test_a_flat_loss_without_gradients_learns_nothing() -> None:
    found = not_learning(STILL, line(np.zeros(200)), NOTHING, last_step=200)
    assert found and (found.kind, found.severity) == (AlarmKind.NOT_LEARNING, Severity.CRITICAL)


def test_a_learning_rate_of_zero_learns_nothing_whatever_the_loss_does() -> None:
    found = not_learning(FALLING, line(np.ones(200)), line(np.zeros(200)), last_step=200)
    assert found and found.facts["cause"] == "learning_rate"


def test_a_flat_loss_with_gradients_or_a_falling_one_may_still_learn() -> None:
    assert not_learning(STILL, line(np.ones(200)), line(np.full(200, 1e-4)), last_step=200) is None
    assert not_learning(FALLING, line(np.zeros(200)), NOTHING, last_step=200) is None


def test_a_warm_up_that_begins_at_zero_is_no_learning_rate_of_zero() -> None:
    rates = line(np.minimum(np.arange(200) / 50, 1) * 1e-4)
    assert not_learning(STILL, line(np.ones(200)), rates, last_step=200) is None


def test_a_level_end_is_a_plateau_unless_the_schedule_has_ended() -> None:
    values = np.concatenate([np.linspace(3, 1, 150), np.ones(100)])
    assert plateau(line(values), line(np.full(250, 1e-4)))
    assert plateau(line(values), line(np.linspace(1e-4, 0, 250))) is None
    assert plateau(FALLING, NOTHING) is None


def test_a_few_wild_points_do_not_tilt_the_slope() -> None:
    x = np.arange(100) / 10
    y = 0.5 * x
    y[::10] = 50
    assert abs(theil_sen(x, y) - 0.5) < 0.05


def test_a_loss_near_zero_was_learned_by_heart_unless_eval_or_ratings_say_otherwise() -> None:
    low = line(np.geomspace(2.5, 0.02, 200))
    found = memorising(low, NOTHING, rated=False)
    assert found and found.severity is Severity.WARN
    assert memorising(low, line([2.4, 2.0, 1.2], every=60), rated=False) is None
    assert memorising(low, line([2.4, 2.39, 2.41], every=60), rated=False)
    assert memorising(low, NOTHING, rated=True) is None
    assert memorising(line(np.linspace(2.5, 1.2, 200)), NOTHING, rated=False) is None


def test_a_fall_at_the_end_of_an_epoch_is_a_stair() -> None:
    stairs = np.repeat([2.0, 1.4, 0.9], 100) + rng.normal(0, 0.05, 300)
    epochs = line(np.arange(1, 301) / 100)
    found = staircase(line(stairs), epochs)
    assert found and 99 <= found.step <= 103
    assert staircase(line(np.linspace(2, 1, 300) + rng.normal(0, 0.05, 300)), epochs) is None


def test_eval_that_leaves_the_training_loss_behind_is_a_gap_while_it_lasts() -> None:
    loss = line(np.linspace(2, 0.5, 200))
    opening = gap(loss, line([1.9, 1.5, 1.4, 1.6], every=50))
    assert opening and opening.step == 150
    assert gap(loss, line([1.9, 1.5, 1.2, 0.8], every=50)) is None


def checked(rates: Line, **given: object) -> list[object]:
    defaults: dict[str, object] = {"adapter": True, "most_norm": 1.0, "schedule": "", "last_step": 200}
    norms = given.pop("norms", line(np.full(200, 0.4)))
    return [alarm.facts["sign"] for alarm in rate_alarms(rates, norms, **(defaults | given))]  # type: ignore[arg-type]


def test_learning_rates_that_do_not_suit_are_told_as_information() -> None:
    constant = line(np.full(200, 2e-4))
    assert checked(constant) == []
    assert checked(constant, norms=line(np.full(200, 3.0))) == ["no_warm_up"]
    assert checked(constant, adapter=False) == ["high_for_full"]
    assert checked(line(np.full(200, 1e-5))) == ["low_for_adapter"]
    assert checked(constant, schedule="linear") == ["unlike_schedule"]
    assert checked(line(np.linspace(2e-4, 0, 200)), schedule="linear") == []
    assert checked(constant, schedule="some_other") == []
