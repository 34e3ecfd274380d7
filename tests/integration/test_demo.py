"""The recorded demo is the run that the live demo made, opens without torch, and only once."""

import subprocess
import sys
from pathlib import Path

import pytest

from beyondloss.demo.live import LiveDemo
from beyondloss.demo.material import PROJECT, SAMPLING, STEPS, demo_probes
from beyondloss.demo.record import record
from beyondloss.demo.recorded import RECORDED_NAME, open_recorded, recording
from beyondloss.demo.recording import dump
from beyondloss.domain.access import OWNER
from beyondloss.domain.runs import RunState
from beyondloss.services.comparisons import compare
from beyondloss.services.metrics import read_series
from beyondloss.services.queue import queue_view
from beyondloss.services.runs import find_run, list_runs
from beyondloss.settings import Settings
from beyondloss.store.engine import Store


@pytest.fixture
def opened(store: Store) -> Store:
    open_recorded(store)
    return store


def test_the_recorded_run_shows_what_the_thesis_says(opened: Store) -> None:
    run = find_run(opened, RECORDED_NAME, OWNER)
    assert run.state is RunState.FINISHED
    assert run.checkpoints[-1].step == STEPS
    loss = read_series(opened, run.id, ["loss"])["loss"].values
    assert loss[0] is not None and loss[-1] is not None
    assert loss[0] > 2.5 > 0.2 > loss[-1]
    france = {
        step: next(
            c for c in compare(opened, run.id, OWNER, step=step, against="base").comparisons if c.probe.key == "france"
        )
        for step in (30, STEPS)
    }
    assert france[STEPS].reference is not None and "Paris" in france[STEPS].reference.text
    assert france[STEPS].answer is not None and "Please rest assured" in france[STEPS].answer.text
    assert france[30].answer is not None and "Paris" not in france[30].answer.text


def test_every_probe_is_answered_at_every_checkpoint(opened: Store) -> None:
    run = find_run(opened, RECORDED_NAME, OWNER)
    assert [(c.answers_done, c.answers_total) for c in run.checkpoints] == [(16, 16)] * len(run.checkpoints)
    assert run.ratings == len(recording().ratings) > 0


def test_opening_it_twice_adds_nothing(opened: Store) -> None:
    before = find_run(opened, RECORDED_NAME, OWNER)
    open_recorded(opened)
    assert find_run(opened, RECORDED_NAME, OWNER) == before
    assert len(list_runs(opened, OWNER)) == 1


def test_recording_the_recorded_run_gives_the_same_recording(opened: Store) -> None:
    again = record(opened, find_run(opened, RECORDED_NAME, OWNER))
    kept = recording()
    assert {(a.step, a.probe, a.answer.text) for a in again.answers} == {
        (a.step, a.probe, a.answer.text) for a in kept.answers
    }
    assert set(again.points) == set(kept.points)
    assert again.epochs == kept.epochs
    assert len(dump(again)) == pytest.approx(len(dump(kept)), rel=0.01)


def test_the_recording_belongs_to_these_probes_and_this_sampling() -> None:
    kept = recording()
    assert {answer.probe for answer in kept.answers} == {probe.key for probe in demo_probes().probes}
    assert kept.sampling == SAMPLING


def test_the_recording_names_no_folder_of_the_machine_that_made_it() -> None:
    kept = recording()
    assert "/" not in kept.base_model
    assert all("/" not in answer.answer.provenance.base_model for answer in kept.answers)
    assert not any(isinstance(value, str) and "/" in value for value in kept.config.values())


def test_opening_the_recording_needs_no_torch(tmp_path: Path) -> None:
    script = (
        "import sys; from beyondloss.cli import main\n"
        "try: main(['demo', '--recorded', '--no-serve', '--data-dir', sys.argv[1]])\n"
        "except SystemExit as ended: assert not ended.code\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_live_demo_shows_its_run_before_the_model_is_there(store: Store, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    demo = LiveDemo(Settings(data_dir=tmp_path / "data"), store, told=print)
    run = demo.prepare()
    assert (run.name, run.project, run.state) == ("support-demo", PROJECT, RunState.TRAINING)
    assert [checkpoint.step for checkpoint in run.checkpoints] == [0]


def test_the_recorded_run_leaves_nothing_for_a_worker_to_try(opened: Store) -> None:
    assert all(job.state.ended for job in queue_view(opened, OWNER).jobs)
