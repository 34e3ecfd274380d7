"""Metric points: kept whole, found again from any level, on SQLite and PostgreSQL."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beyondloss.domain.metrics import MetricPoint, ValueKind
from beyondloss.errors import InvalidInput, NotFound
from beyondloss.services.metrics import append_points, metric_names, read_series
from beyondloss.services.runs import run_revision
from beyondloss.store import curves, metrics
from beyondloss.store.engine import Store
from beyondloss.store.metrics import Points
from beyondloss.store.runs import lock_run
from beyondloss.store.tables import Alarm
from tests.factories import a_run, points
from tests.factories.rows import NOW, stored

NAN, INF = math.nan, math.inf


def put(store: Store, run_id: int, steps: np.ndarray, values: np.ndarray, name: str = "loss") -> int:
    with store.write() as session:
        lock_run(session, run_id)
        return metrics.append_points(session, run_id, {name: Points(steps.astype(np.int64), values)})


def everything(store: Store, run_id: int, name: str = "loss") -> dict[int, float]:
    series = read_series(store, run_id, [name], budget=10**9)[name]
    numbers = {ValueKind.NAN: NAN, ValueKind.POSINF: INF, ValueKind.NEGINF: -INF}
    return {
        step: numbers.get(kind, value)
        for step, value, kind in zip(series.steps, series.values, series.kinds, strict=True)
    }


def noisy(count: int, seed: int = 0) -> np.ndarray:
    return 2 * np.exp(-np.arange(count) / (count / 4)) + 0.5 + np.random.default_rng(seed).normal(0, 0.05, count)


def test_points_come_back_as_they_were_stored(any_store: Store) -> None:
    run = a_run(any_store)
    points(any_store, run, loss=[2.5, NAN, INF, -INF, 1e-300, -1.7976931348623157e308])

    series = read_series(any_store, run.id, ["loss"])["loss"]

    assert series.steps == [1, 2, 3, 4, 5, 6]
    assert series.values == [2.5, None, None, None, 1e-300, -1.7976931348623157e308]
    assert series.kinds == ["finite", "nan", "posinf", "neginf", "finite", "finite"]
    assert series.total == 6


def test_on_a_repeated_step_the_last_wins(any_store: Store) -> None:
    run = a_run(any_store)
    assert append_points(any_store, run.id, [MetricPoint("loss", 1, 3.0), MetricPoint("loss", 1, 2.0)]) == 1
    assert append_points(any_store, run.id, [MetricPoint("loss", 1, NAN), MetricPoint("loss", 2, 1.0)]) == 2
    assert append_points(any_store, run.id, [MetricPoint("loss", 1, NAN), MetricPoint("loss", 2, 1.0)]) == 0

    assert str(everything(any_store, run.id)) == "{1: nan, 2: 1.0}"


def test_steps_may_come_in_any_order(any_store: Store) -> None:
    run = a_run(any_store)
    append_points(any_store, run.id, [MetricPoint("loss", step, float(step)) for step in (30, 10, 20)])
    append_points(any_store, run.id, [MetricPoint("loss", 15, 15.0)])

    assert list(everything(any_store, run.id)) == [10, 15, 20, 30]


def test_a_run_is_bumped_only_when_something_changed(any_store: Store) -> None:
    run = a_run(any_store)
    before = run_revision(any_store, run.id)
    points(any_store, run, loss=[1.0])
    after = run_revision(any_store, run.id)
    points(any_store, run, loss=[1.0])

    assert after > before
    assert run_revision(any_store, run.id) == after


def test_names_come_in_the_order_people_look_for_them(store: Store) -> None:
    run = a_run(store)
    points(store, run, entropy=[1.0], grad_norm=[1.0], eval_loss=[1.0], loss=[1.0], accuracy=[1.0], learning_rate=[1.0])

    assert metric_names(store, run.id) == ["loss", "eval_loss", "learning_rate", "grad_norm", "accuracy", "entropy"]


def test_an_unknown_name_gives_an_empty_series(store: Store) -> None:
    series = read_series(store, a_run(store).id, ["nothing"])["nothing"]
    assert (series.steps, series.values, series.kinds, series.total) == ([], [], [], 0)


def test_points_of_a_run_that_is_not_there_are_refused(any_store: Store) -> None:
    with pytest.raises(NotFound):
        append_points(any_store, 999, [MetricPoint("loss", 1, 1.0)])


@pytest.mark.parametrize(("name", "step"), [("loss", -1), ("loss", 2**60), ("", 1), (" ", 1), ("x" * 201, 1)])
def test_points_that_no_chart_could_show_are_refused(store: Store, name: str, step: int) -> None:
    run = a_run(store)
    with pytest.raises(InvalidInput):
        append_points(store, run.id, [MetricPoint(name, step, 1.0)])


def test_a_name_with_a_lone_surrogate_is_stored_readably(any_store: Store) -> None:
    run = a_run(any_store)
    append_points(any_store, run.id, [MetricPoint("a\ud800", 1, 1.0), MetricPoint("a\udfff", 2, 2.0)])
    assert everything(any_store, run.id, "a\N{REPLACEMENT CHARACTER}") == {1: 1.0, 2: 2.0}


def test_points_logged_one_by_one_are_sealed_without_losing_any(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "BLOCK_POINTS", 32)
    monkeypatch.setattr(curves, "BLOCK_POINTS", 32)
    run = a_run(store, steps=())
    values = noisy(100)
    for step, value in enumerate(values):
        append_points(store, run.id, [MetricPoint("loss", step, float(value))])

    assert everything(store, run.id) == dict(enumerate(values))
    with store.read() as session:
        series = metrics.find_series(session, run.id, ["loss"])["loss"]
        assert (series.total, series.sealed_total, series.sealed_step) == (100, 96, 95)


def test_a_resume_may_go_back_into_what_is_sealed(any_store: Store) -> None:
    run = a_run(any_store)
    values = noisy(10_000)
    put(any_store, run.id, np.arange(10_000), values)
    again = np.arange(3_000, 11_000)
    changed = values[3_000:].tolist() + [0.0] * 1_000
    changed[0] = -7.0

    assert put(any_store, run.id, again, np.array(changed)) == 1_001

    stored = everything(any_store, run.id)
    assert len(stored) == 11_000
    assert stored == dict(enumerate(values)) | dict(zip(again.tolist(), changed, strict=True))
    assert read_series(any_store, run.id, ["loss"], start=2_990, end=3_010)["loss"].total == 21


def test_late_points_between_sealed_ones_split_a_block_that_grew_too_long(any_store: Store) -> None:
    run = a_run(any_store)
    put(any_store, run.id, np.arange(0, 16_384, 2), noisy(8_192))
    put(any_store, run.id, np.arange(1, 16_384, 2), noisy(8_192))

    assert list(everything(any_store, run.id)) == list(range(16_384))
    with any_store.read() as session:
        series = metrics.find_series(session, run.id, ["loss"])["loss"]
        spans = curves.read_spans(session, series, None, None)
    assert [span.count for span in spans] == [4096, 4096, 8191]  # and the last point is in the tail


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 60), st.floats(width=32)), min_size=1, max_size=40), min_size=1, max_size=6
    )
)
def test_any_appends_leave_what_a_dictionary_would_hold(
    store: Store, monkeypatch: pytest.MonkeyPatch, batches: list[list[tuple[int, float]]]
) -> None:
    monkeypatch.setattr(metrics, "BLOCK_POINTS", 8)
    monkeypatch.setattr(curves, "BLOCK_POINTS", 8)
    run = a_run(store, steps=())
    expected: dict[int, float] = {}
    for batch in batches:
        append_points(store, run.id, [MetricPoint("loss", step, value) for step, value in batch])
        expected |= {step: value + 0.0 for step, value in batch}  # SQLite has one zero

    assert repr(everything(store, run.id)) == repr(dict(sorted(expected.items())))
    with store.read() as session:
        series = metrics.find_series(session, run.id, ["loss"])["loss"]
        assert series.total == len(expected)
        assert series.last_step == max(expected)


@pytest.mark.parametrize("count", [50_000, 300_000])
@pytest.mark.parametrize("budget", [500, 2_000])
def test_every_lone_spike_is_in_the_answer(store: Store, count: int, budget: int) -> None:
    run = a_run(store)
    values, random = noisy(count), np.random.default_rng(1)
    spikes = np.sort(random.choice(np.arange(1, count - 1), 20, replace=False))
    values[spikes] += np.where(np.arange(20) % 2, 0.6, -0.6)
    values[[count // 3, count // 2]] = [NAN, INF]
    put(store, run.id, np.arange(count) * 10, values)

    series = read_series(store, run.id, ["loss"], budget=budget)["loss"]

    assert budget * 0.7 < len(series.steps) <= budget
    assert set((spikes * 10).tolist()) <= set(series.steps)
    assert [kind for kind in series.kinds if kind is not ValueKind.FINITE] == ["nan", "posinf"]
    assert (series.steps[0], series.steps[-1]) == (0, (count - 1) * 10)
    assert series.total == count


@pytest.mark.parametrize("count", [50_000, 300_000])
def test_where_alarms_begin_and_end_is_in_every_answer(any_store: Store, count: int) -> None:
    run = a_run(any_store)
    values = noisy(count)
    put(any_store, run.id, np.arange(count), values)
    plain = set(read_series(any_store, run.id, ["loss"], budget=500)["loss"].steps)
    ordinary = [step for step in range(7, count, count // 40) if step not in plain][:30]
    for first, last in zip(ordinary[::2], ordinary[1::2], strict=True):
        alarm = Alarm(run_id=run.id, kind="divergence", step=first, last_step=last, severity="critical", raised_at=NOW)
        stored(any_store, alarm)

    series = read_series(any_store, run.id, ["loss"], budget=500)["loss"]

    assert set(ordinary) <= set(series.steps)
    assert len(series.steps) <= 500
    assert {step: values[step] for step in ordinary}.items() <= dict(
        zip(series.steps, series.values, strict=True)
    ).items()
    part = read_series(any_store, run.id, ["loss"], budget=500, start=ordinary[3], end=count // 2)["loss"]
    assert {step for step in ordinary[3:] if step <= count // 2} <= set(part.steps)
    assert min(part.steps) == ordinary[3]


def test_zooming_in_gives_every_point_again(store: Store) -> None:
    run = a_run(store)
    values = noisy(300_000)
    put(store, run.id, np.arange(300_000), values)

    series = read_series(store, run.id, ["loss"], budget=500, start=100_000, end=100_299)["loss"]

    assert series.steps == list(range(100_000, 100_300))
    assert series.values == values[100_000:100_300].tolist()
    assert series.total == 300


def test_the_sparkline_follows_the_curve(store: Store) -> None:
    run = a_run(store)
    put(store, run.id, np.arange(10_000), np.linspace(3, 1, 10_000))
    points(store, run, first_step=10_000, loss=[NAN] * 400)
    with store.read() as session:
        sparkline = metrics.find_series(session, run.id, ["loss"])["loss"].sparkline

    assert len(sparkline) == 60
    assert sparkline[0] == pytest.approx(3, abs=0.05)
    assert sparkline[-1] is None
