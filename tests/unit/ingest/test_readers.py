"""What every reader keeps, whatever the trainer: one suite over all layouts."""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beyondloss.domain.runs import FoundRun, RunState
from beyondloss.errors import Unreadable
from beyondloss.ingest.discover import discover
from beyondloss.ingest.formats.registry import all_readers
from beyondloss.ingest.formats.steadiness import MIN_GAP_SECONDS
from beyondloss.ingest.watch import read_run
from tests.factories.layouts import LAYOUTS, Layout
from tests.factories.run_folders import tree


@pytest.fixture(params=LAYOUTS, ids=lambda layout: layout.name)
def layout(request: pytest.FixtureRequest) -> Layout:
    return request.param


@pytest.fixture
def run(layout: Layout, tmp_path: Path) -> Path:
    return layout.build(tmp_path / "team" / "run-a")


def found_run(folder: Path) -> FoundRun:
    (only,) = discover([folder], all_readers()).runs
    return read_run(only)


def test_the_layout_is_recognised_by_its_own_reader_first(layout: Layout, run: Path):
    (only,) = discover([run.parent], all_readers()).runs
    assert only.path == run / layout.within
    assert only.reader.trainer == layout.trainer


def test_a_run_tells_its_checkpoints_by_rising_step(layout: Layout, run: Path):
    found = found_run(run)
    assert found.output_dir == run / layout.within
    assert found.trainer == layout.trainer
    assert [one.step for one in found.checkpoints] == list(layout.steps)
    assert all(one.path.is_dir() and one.stamp for one in found.checkpoints)


def test_every_whole_checkpoint_is_present(layout: Layout, run: Path):
    (only,) = discover([run], all_readers()).runs
    read_run(only)
    time.sleep(MIN_GAP_SECONDS)  # layouts without a last file need two looks
    assert {one.state for one in read_run(only).checkpoints} <= layout.states


def test_a_run_tells_its_training_loss_under_its_one_name(layout: Layout, run: Path):
    losses = {point.step: point.value for point in found_run(run).points if point.name == "loss"}
    assert set(losses) == set(layout.loss_steps)
    assert all(0 < loss < 20 for loss in losses.values())


def test_no_point_is_told_twice(run: Path):
    keys = [(point.name, point.step) for point in found_run(run).points]
    assert len(keys) == len(set(keys))


def test_a_run_tells_its_base_model(layout: Layout, run: Path):
    assert found_run(run).base_model == layout.base_model


def test_reading_leaves_everything_as_it_was(run: Path):
    before = tree(run.parent)
    found_run(run)
    found_run(run)
    assert tree(run.parent) == before


def test_reading_needs_no_right_to_write(run: Path):
    paths = [run, *run.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert found_run(run).checkpoints is not None
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def test_reading_twice_tells_the_same(run: Path):
    (only,) = discover([run], all_readers()).runs
    read_run(only)
    assert read_run(only) == read_run(only)


def test_rewritten_weights_have_another_stamp(layout: Layout, run: Path):
    if not layout.steps:
        pytest.skip("this layout has no checkpoints")
    first = found_run(run).checkpoints[-1]
    for path in sorted(first.path.glob("*.safetensors")):
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    second = found_run(run).checkpoints[-1]
    assert second.stamp != first.stamp


def test_a_vanished_checkpoint_leaves_the_others(layout: Layout, run: Path):
    if len(layout.steps) < 2:
        pytest.skip("this layout has one checkpoint or none")
    layout.remove(run, layout.steps[0])
    assert [one.step for one in found_run(run).checkpoints] == list(layout.steps[1:])


def test_a_run_tells_the_template_it_was_trained_with(layout: Layout, run: Path):
    found = found_run(run)
    assert (found.template, found.system_prompt) == (layout.template, layout.system_prompt)


def test_no_secret_is_among_the_settings(run: Path):
    config = found_run(run).config
    assert not any("secret" in str(value) for value in config.values())


def test_a_finished_run_keeps_a_state(layout: Layout, run: Path):
    assert found_run(run).state in {RunState.TRAINING, RunState.FINISHED}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_text_files_never_break_a_reader(layout: Layout, tmp_path_factory: pytest.TempPathFactory, data):
    """Cut, garbled or foreign text in any of a run's text files gives a run or one sentence, never a crash."""
    run = layout.build(tmp_path_factory.mktemp("damaged") / "run-a")
    texts = sorted(
        path
        for path in run.rglob("*")
        if (path.is_file() and path.suffix in {".json", ".jsonl", ".yaml", ".log", ".txt", ".md"})
        or path.name.startswith("events.")
    )
    if not texts:
        return
    path = data.draw(st.sampled_from(texts))
    content = path.read_bytes()
    damage = data.draw(st.sampled_from(["cut", "garble", "replace", "values"]))
    if damage == "cut":
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    elif damage == "garble":
        at = data.draw(st.integers(0, max(0, len(content) - 1)))
        path.write_bytes(content[:at] + data.draw(st.binary(min_size=1, max_size=8)) + content[at + 1 :])
    elif damage == "values":
        odd = data.draw(st.sampled_from([b"null", b"[]", b"{}", b'"text"', b"1e999", b"-1", b"true", b"NaN"]))
        for old in (b"10", b"0.3", b"1.0", b'"LORA"', b"[", b"{"):
            if old in content and data.draw(st.booleans()):
                content = content.replace(old, odd, 1)
        path.write_bytes(content)
    else:
        path.write_bytes(
            data.draw(
                st.sampled_from(
                    [
                        b"",
                        b"null",
                        b"[]",
                        b"[1]",
                        b"{}",
                        b"\x00\xff",
                        b'{"log_history": [1, null]}',
                        b"[[[[" * 50_000,
                        b"- a: [",
                        b'{"global_step": 1e400, "step": -1}',
                    ]
                )
            )
        )
    for folder in discover([run], all_readers()).runs:
        try:
            folder.reader.read(folder.path)
        except Unreadable as error:
            assert error.message
