"""Alarms from stored points to pages: raised as points arrive, seen, muted, withdrawn."""

import numpy as np
import pytest

from beyondloss.domain.access import OWNER
from beyondloss.domain.alarms import AlarmKind, Severity
from beyondloss.domain.runs import RunState
from beyondloss.errors import NotFound
from beyondloss.services import alarms, runs
from beyondloss.services.alarms import AlarmView
from beyondloss.store.engine import Store
from beyondloss.store.tables import Run
from tests.factories import a_run, points


def calm(count: int, seed: int = 0) -> list[float]:
    return np.exp(np.random.default_rng(seed).normal(0, 0.05, count)).tolist()


def raised(store: Store, run: Run) -> list[AlarmView]:
    """Without mere information: a curve of noise is a plateau too."""
    return [alarm for alarm in alarms.find_alarms(store, run.id).alarms if alarm.severity is not Severity.INFO]


def test_a_spike_is_raised_when_its_point_arrives(any_store: Store) -> None:
    run = a_run(any_store)
    points(any_store, run, loss=calm(100))
    assert raised(any_store, run) == []
    points(any_store, run, first_step=101, loss=[3.0])
    (alarm,) = raised(any_store, run)
    assert (alarm.kind, alarm.step, alarm.severity) == (AlarmKind.SPIKE, 101, Severity.WARN)


def test_loss_and_gradient_norm_together_are_one_stronger_alarm(store: Store) -> None:
    run = a_run(store)
    points(store, run, loss=[*calm(100), 3.0], grad_norm=[*calm(100, 1), 5.0])
    (alarm,) = raised(store, run)
    assert alarm.severity is Severity.CRITICAL
    assert set(alarm.facts) == {"loss", "grad_norm"}


def test_points_sent_again_raise_nothing_twice_and_undo_no_acknowledgement(store: Store) -> None:
    run = a_run(store)
    values = [*calm(100), 3.0, *calm(30)]
    points(store, run, loss=values)
    alarms.acknowledge(store, OWNER, run.id)
    points(store, run, first_step=90, loss=[*values[89:], 1.0])
    (alarm,) = raised(store, run)
    assert alarm.acknowledged


def test_a_resume_that_writes_over_a_spike_withdraws_it(store: Store) -> None:
    run = a_run(store)
    points(store, run, loss=[*calm(100), 3.0, 1.0])
    points(store, run, first_step=100, loss=[1.0, 1.0, 1.0, 1.0])
    assert raised(store, run) == []


def test_a_late_point_is_judged_where_it_belongs(store: Store) -> None:
    run = a_run(store)
    points(store, run, loss=calm(100))
    points(store, run, first_step=102, loss=calm(50, 1))
    points(store, run, first_step=101, loss=[4.0])
    assert [alarm.step for alarm in raised(store, run)] == [101]


def test_nan_hidden_by_the_trainers_filter_is_told_with_the_gradient_norm(store: Store) -> None:
    run = a_run(store)
    points(store, run, loss=[2.0, 1.9, 0.0, 0.0], grad_norm=[1.0, 1.0, np.nan, np.nan])
    (alarm,) = raised(store, run)
    assert (alarm.kind, alarm.step, alarm.last_step) == (AlarmKind.NOT_FINITE, 3, 4)
    assert alarm.facts == {"loss": "0", "grad_norm": "NaN"}


def test_a_run_of_learning_rate_zero_is_told_at_its_end(store: Store) -> None:
    run = a_run(store, state="training", config={"max_steps": 60})
    points(store, run, loss=calm(60), learning_rate=[0.0] * 60, grad_norm=[1.0] * 60)
    runs.set_run_state(store, run.id, RunState.FINISHED)
    assert AlarmKind.NOT_LEARNING in {alarm.kind for alarm in raised(store, run)}


def test_the_runs_list_counts_what_nobody_has_seen_and_nothing_of_a_muted_run(store: Store) -> None:
    run = a_run(store)
    points(store, run, loss=[*calm(100), 3.0, *calm(40), float("nan")])

    def counted() -> tuple[int, Severity | None]:
        (row,) = runs.list_runs(store, OWNER)
        return row.alarms, row.worst_alarm

    assert counted() == (2, Severity.CRITICAL)
    alarms.acknowledge(store, OWNER, run.id, raised(store, run)[1].id)
    assert counted() == (1, Severity.WARN)
    alarms.mute(store, OWNER, run.id, muted=True)
    assert counted() == (0, None)
    alarms.mute(store, OWNER, run.id, muted=False)
    assert counted() == (1, Severity.WARN)


def test_an_alarm_of_another_run_cannot_be_acknowledged(store: Store) -> None:
    run, other = a_run(store), a_run(store)
    points(store, run, loss=[1.0, float("inf")])
    with pytest.raises(NotFound):
        alarms.acknowledge(store, OWNER, other.id, raised(store, run)[0].id)


def test_only_what_a_training_run_raises_is_news(store: Store) -> None:
    done, live = a_run(store), a_run(store, state="training", name="live")
    for run in (done, live):
        points(store, run, loss=[1.0, float("nan")])
    (news,) = alarms.untold_alarms(store)
    assert (news.run, news.alarm.kind) == ("live", AlarmKind.NOT_FINITE)
    alarms.mark_told(store, [news.alarm.id])
    assert alarms.untold_alarms(store) == []


@pytest.mark.parametrize("batch", [500, 5000])
def test_a_long_curve_raises_the_same_whatever_the_batches(store: Store, batch: int) -> None:
    run = a_run(store)
    values = calm(10_000)
    for place in (900, 4095, 4096, 9000):
        values[place] *= 3
    for start in range(0, len(values), batch):
        points(store, run, first_step=start + 1, loss=values[start : start + batch])
    assert [a.step for a in raised(store, run) if a.kind is AlarmKind.SPIKE] == [901, 4096, 9001]
