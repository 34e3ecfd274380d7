"""From run folders to the store: once, and while they change."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from beyondloss.domain.access import OWNER
from beyondloss.domain.runs import CheckpointState
from beyondloss.services.importing import ImportReport, import_folders, watch_folders
from beyondloss.services.keeping import keep_adapters, sweep_kept
from beyondloss.services.metrics import read_series
from beyondloss.services.runs import ReportedCheckpoint, RunView, find_run, register_checkpoints, register_run
from beyondloss.store.engine import Store
from beyondloss.store.kept import kept_records
from tests.factories.layouts import llamafactory_v0
from tests.factories.run_folders import hf_run, log_entries, set_time, tree, write_adapter, write_checkpoint
from tests.factories.trackio_files import trackio_run, trainer_entries

PATIENCE_SECONDS = 20.0


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "saves"
    folder.mkdir()
    return folder


@pytest.fixture
def kept_dir(tmp_path: Path) -> Path:
    return tmp_path / "data" / "kept"


def kept_paths(store: Store) -> dict[int, Path]:
    """By checkpoint id."""
    with store.read() as session:
        return {row.checkpoint_id: Path(row.kept_path) for row in kept_records(session) if row.kept_path is not None}


def states(run: RunView) -> dict[int, CheckpointState]:
    return {checkpoint.step: checkpoint.state for checkpoint in run.checkpoints if checkpoint.step}


def test_every_run_is_stored_with_its_curve_and_twice_changes_nothing(store: Store, runs: Path, kept_dir: Path):
    hf_run(runs / "a", steps=[10, 20])
    hf_run(runs / "deep" / "b", steps=[10], full=True)
    before = tree(runs)
    report = import_folders(store, [runs], project="support", kept_dir=kept_dir)
    assert [(one.name, one.created, one.new_checkpoints) for one in report.imported] == [("a", True, 2), ("b", True, 1)]
    assert report.unreadable == ()
    run = find_run(store, "a", OWNER)
    assert states(run) == {10: CheckpointState.PRESENT, 20: CheckpointState.PRESENT}
    assert read_series(store, run.id, ["loss"])["loss"].steps == [5, 10, 15, 20]
    again = import_folders(store, [runs], project="support", kept_dir=kept_dir)
    assert [(one.created, one.new_checkpoints) for one in again.imported] == [(False, 0), (False, 0)]
    assert tree(runs) == before


def test_a_save_without_a_last_file_takes_two_looks_within_one_import(store: Store, runs: Path, kept_dir: Path):
    write_adapter(runs / "a" / "checkpoint-10")
    import_folders(store, [runs], project="support", kept_dir=kept_dir)
    assert states(find_run(store, "a", OWNER)) == {10: CheckpointState.PRESENT}


def test_an_unreadable_checkpoint_is_told_with_its_reason(store: Store, runs: Path, kept_dir: Path):
    run = hf_run(runs / "a", steps=[10, 20])
    (run / "checkpoint-10" / "adapter_model.safetensors").write_bytes(b"\xff" * 100)
    report = import_folders(store, [runs, runs / "absent"], project="support", kept_dir=kept_dir)
    assert any("a, step 10" in sentence and "not a safetensors file" in sentence for sentence in report.unreadable)
    assert any("no such folder" in sentence for sentence in report.unreadable)
    assert states(find_run(store, "a", OWNER))[20] is CheckpointState.PRESENT


def test_a_rerun_in_the_same_folder_is_a_second_run(store: Store, runs: Path, kept_dir: Path):
    run = hf_run(runs / "a", steps=[10, 20])
    (first,) = import_folders(store, [runs], project="support", kept_dir=kept_dir).imported
    set_time(run, 1_000_000)
    write_checkpoint(run, 10, seed=99, entries=log_entries(10, scale=2.0))
    (second,) = import_folders(store, [runs], project="support", kept_dir=kept_dir).imported
    assert second.run_id != first.run_id
    assert second.created
    assert read_series(store, first.run_id, ["loss"])["loss"].steps == [5, 10, 15, 20]
    assert read_series(store, second.run_id, ["loss"])["loss"].values == [1.2, 0.6]


def test_adapters_wanting_answers_are_kept_and_survive_rotation(store: Store, runs: Path, kept_dir: Path):
    run = hf_run(runs / "a", steps=[10, 20])
    content = (run / "checkpoint-10" / "adapter_model.safetensors").read_bytes()
    import_folders(store, [runs], project="support", kept_dir=kept_dir)
    assert len(kept_paths(store)) == 2
    shutil.rmtree(run / "checkpoint-10")
    import_folders(store, [runs], project="support", kept_dir=kept_dir)
    view = find_run(store, "a", OWNER)
    (gone,) = [one for one in view.checkpoints if one.step == 10]
    assert gone.state is CheckpointState.GONE
    assert (kept_paths(store)[gone.id] / "adapter_model.safetensors").read_bytes() == content


def test_rewritten_weights_get_another_copy(store: Store, runs: Path, kept_dir: Path):
    run = hf_run(runs / "a", steps=[10])
    import_folders(store, [runs], project="support", kept_dir=kept_dir)
    (old,) = kept_paths(store).values()
    write_checkpoint(run, 10, seed=77)
    import_folders(store, [runs], project="support", kept_dir=kept_dir)
    (new,) = kept_paths(store).values()
    assert new != old
    assert (new / "adapter_model.safetensors").read_bytes() == (
        run / "checkpoint-10" / "adapter_model.safetensors"
    ).read_bytes()


def test_over_the_bound_nothing_more_is_kept_and_it_is_said(store: Store, runs: Path, kept_dir: Path):
    hf_run(runs / "a", steps=[10, 20])
    report = import_folders(store, [runs], project="support", kept_dir=kept_dir, kept_bytes=1000)
    assert "no room" in report.unreadable[0]
    assert [path.name[:14] for path in kept_paths(store).values()] == ["checkpoint-20-"]  # the newest first
    assert keep_adapters(store, kept_dir) == ()
    assert len(kept_paths(store)) == 2


def test_sweeping_leaves_copies_that_checkpoints_name(store: Store, runs: Path, kept_dir: Path):
    hf_run(runs / "a", steps=[10])
    import_folders(store, [runs], project="support", kept_dir=kept_dir)
    sweep_kept(store, kept_dir)
    assert all(path.is_dir() for path in kept_paths(store).values())


class Listener:
    """Hears the reports of a watch and lets a test wait for one."""

    def __init__(self) -> None:
        self.reports: list[ImportReport] = []
        self._heard = threading.Condition()

    def __call__(self, report: ImportReport) -> None:
        with self._heard:
            self.reports.append(report)
            self._heard.notify_all()

    def wait_for(self, count: int) -> None:
        """Until so many reports of imports came."""
        with self._heard:
            done = self._heard.wait_for(
                lambda: sum(bool(one.imported) for one in self.reports) >= count, PATIENCE_SECONDS
            )
        assert done, self.reports

    def troubles(self) -> list[str]:
        return [sentence for report in self.reports for sentence in report.unreadable]


@contextmanager
def watching(store: Store, folder: Path, kept_dir: Path) -> Iterator[Listener]:
    listener, stop = Listener(), threading.Event()
    thread = threading.Thread(
        target=watch_folders,
        args=(store, [folder]),
        kwargs={"project": "support", "kept_dir": kept_dir, "poll_seconds": 0.05, "stop": stop, "told": listener},
    )
    thread.start()
    try:
        yield listener
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def test_watching_takes_in_what_comes_and_notices_what_goes(store: Store, runs: Path, kept_dir: Path):
    run = hf_run(runs / "a", steps=[10])
    with watching(store, runs, kept_dir) as heard:
        heard.wait_for(1)
        write_checkpoint(run, 20)
        heard.wait_for(2)
        shutil.rmtree(run / "checkpoint-10")
        heard.wait_for(3)
    assert heard.troubles() == []
    final = states(find_run(store, "a", OWNER))
    assert final == {10: CheckpointState.GONE, 20: CheckpointState.PRESENT}
    assert len(kept_paths(store)) == 2


def test_an_unreadable_folder_is_told_once_and_never_ends_the_watch(store: Store, runs: Path, kept_dir: Path):
    bad = hf_run(runs / "bad", steps=[10])
    (bad / "checkpoint-10" / "adapter_model.safetensors").write_bytes(b"\xff" * 100)
    with watching(store, runs, kept_dir) as heard:
        heard.wait_for(1)
        hf_run(runs / "good", steps=[10])
        heard.wait_for(2)
    assert len(heard.troubles()) == 1
    assert states(find_run(store, "good", OWNER)) == {10: CheckpointState.PRESENT}


def test_a_watch_that_starts_again_picks_up_where_the_last_one_was(store: Store, runs: Path, kept_dir: Path):
    run = hf_run(runs / "a", steps=[10])
    hf_run(runs / "ended", steps=[10, 20], max_steps=20)
    gone = hf_run(runs / "gone", steps=[10, 20], max_steps=20)
    with watching(store, runs, kept_dir) as heard:
        heard.wait_for(1)
    write_checkpoint(run, 20)
    shutil.rmtree(gone)
    with watching(store, runs, kept_dir) as heard:
        heard.wait_for(1)
    imported = {one.name: one for one in heard.reports[0].imported}
    assert imported.keys() == {"a", "gone"}  # what looks as it did is not read again
    assert (imported["a"].created, imported["a"].new_checkpoints, imported["a"].points) == (False, 1, 2 * 4)
    view = find_run(store, "a", OWNER)
    assert read_series(store, view.id, ["loss"])["loss"].steps == [5, 10, 15, 20]
    assert set(states(find_run(store, "gone", OWNER)).values()) == {CheckpointState.GONE}
    with watching(store, runs, kept_dir) as heard:
        heard.wait_for(1)
    assert [(one.name, one.points) for one in heard.reports[0].imported] == [("a", 0)]
    assert read_series(store, view.id, ["loss"])["loss"].total == 4


def test_a_log_that_grew_or_was_written_anew_meanwhile_doubles_no_point(store: Store, runs: Path, kept_dir: Path):
    run = llamafactory_v0(runs / "a")
    log = run / "trainer_log.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:4]))
    with watching(store, runs, kept_dir) as heard:
        heard.wait_for(1)
    log.unlink()  # another file of that name, as a rotation makes it
    log.write_text("".join(lines))
    with watching(store, runs, kept_dir) as heard:
        heard.wait_for(1)
    view = find_run(store, "a", OWNER)
    series = read_series(store, view.id, ["loss", "eval_loss"])
    assert series["loss"].steps == [5, 10, 15, 20, 25, 30]
    assert series["eval_loss"].steps == [10]


def test_what_trackio_told_before_the_first_save_is_the_same_run_after_it(store: Store, runs: Path, kept_dir: Path):
    folder = runs / "support-v3"
    folder.mkdir(parents=True)
    file = runs / "trackio" / "p.db"
    trackio_run(file, "x", trainer_entries([5, 10]), config={"output_dir": str(folder)})
    (before,) = import_folders(store, [runs], project="support", kept_dir=kept_dir).imported
    hf_run(folder, steps=[10])
    trackio_run(file, "x", trainer_entries([15]))
    (after,) = import_folders(store, [runs], project="support", kept_dir=kept_dir).imported
    assert (after.run_id, after.created) == (before.run_id, False)
    view = find_run(store, "support-v3", OWNER)
    assert (view.trainer, view.problems, states(view)) == ("huggingface", (), {10: CheckpointState.PRESENT})
    assert read_series(store, view.id, ["loss"])["loss"].steps == [5, 10, 15]


def test_a_log_alone_takes_nothing_from_what_the_training_process_told(store: Store, runs: Path, kept_dir: Path):
    folder = runs / "custom"
    write_adapter(folder / "epoch-one")
    run = register_run(
        store, name="custom", project="support", base_model=None, trainer="callback", output_dir=str(folder), config={}
    )
    register_checkpoints(store, run.id, [ReportedCheckpoint(7, str(folder / "epoch-one"))])
    trackio_run(runs / "trackio" / "p.db", "x", trainer_entries([5]), config={"output_dir": str(folder)})
    import_folders(store, [runs / "trackio"], project="support", kept_dir=kept_dir)
    view = find_run(store, "custom", OWNER)
    assert (view.trainer, states(view)) == ("callback", {7: CheckpointState.PRESENT})
    assert read_series(store, view.id, ["loss"])["loss"].steps == [5]
