"""A series followed batch by batch: the same events, once each, whatever the batches."""

import json

import numpy as np
import pytest

from beyondloss.analysis.alarms.divergence import Climb
from beyondloss.analysis.alarms.watch import Watch
from beyondloss.domain.alarms import AlarmKind, FoundAlarm, Severity


def followed(values: np.ndarray, *, name: str = "loss", batch: int = 10_000) -> list[FoundAlarm]:
    """What is found, by its first step: later batches tell of the same event again."""
    watch = Watch()
    found: dict[tuple[AlarmKind, int], FoundAlarm] = {}
    for start in range(0, len(values), batch):
        part = values[start : start + batch]
        steps = np.arange(start + 1, start + 1 + len(part), dtype=np.int64)
        for one in watch.follow(name, steps, part):
            found[one.kind, one.step] = one
        watch = Watch.restored(json.loads(json.dumps(watch.stored())))
    return sorted(found.values(), key=lambda one: (one.step, one.kind))


def calm(count: int = 400) -> np.ndarray:
    return np.exp(np.random.default_rng(1).normal(0, 0.05, count))


def test_a_healthy_curve_raises_nothing() -> None:
    assert followed(2.5 * np.exp(-np.arange(600) / 300) * np.exp(np.random.default_rng(2).normal(0, 0.08, 600))) == []


@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_a_stretch_of_nan_is_one_alarm_from_its_first_step_to_its_last(batch: int) -> None:
    values = calm()
    values[100:110] = np.nan
    (alarm,) = followed(values, batch=batch)
    assert (alarm.kind, alarm.step, alarm.last_step) == (AlarmKind.NOT_FINITE, 101, 110)
    assert alarm.severity is Severity.CRITICAL
    assert alarm.facts == {"loss": "NaN"}


def test_a_loss_of_exactly_zero_is_no_number() -> None:
    values = calm()
    values[50:] = 0
    assert [alarm.facts for alarm in followed(values)] == [{"loss": "0"}]


def test_a_gradient_norm_of_zero_is_a_number() -> None:
    assert followed(np.zeros(100), name="grad_norm") == []


@pytest.mark.parametrize("batch", [1, 5, 1000])
def test_spikes_close_together_are_one_event(batch: int) -> None:
    values = calm()
    values[[200, 203, 300]] *= [2.0, 4.0, 3.0]
    found = followed(values, batch=batch)
    assert [(one.kind, one.step, one.last_step) for one in found] == [
        (AlarmKind.SPIKE, 201, 204),
        (AlarmKind.SPIKE, 301, 301),
    ]


@pytest.mark.parametrize("batch", [1, 64, 1000])
def test_a_loss_that_climbs_and_stays_up_diverges_from_where_it_rose(batch: int) -> None:
    values = calm()
    values[250:] *= 1.7
    (alarm,) = (one for one in followed(values, batch=batch) if one.kind is AlarmKind.DIVERGENCE)
    assert alarm.severity is Severity.CRITICAL
    assert 250 < alarm.step < 270
    assert alarm.last_step == 400


def test_a_climb_that_recovers_within_twenty_points_is_none() -> None:
    assert Climb().follow([(i, 1.5 if 100 <= i < 112 else 1.0) for i in range(300)]) == []


def test_in_a_long_run_two_per_cent_of_it_must_stand_high() -> None:
    short = [(i, 2.0 if i >= 5000 else 1.0) for i in range(5090)]
    assert Climb().follow(short) == []
    assert Climb().follow([(i, 2.0 if i >= 5000 else 1.0) for i in range(5200)])
