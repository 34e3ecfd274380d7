"""A run that logs to trackio too is one run, with every point once."""

from pathlib import Path

import pytest

from beyondloss.domain.runs import FoundRun, RunState
from beyondloss.ingest.discover import discover
from beyondloss.ingest.formats.registry import all_readers
from beyondloss.ingest.watch import FolderWatch, read_run
from tests.factories.run_folders import hf_run, write_checkpoint
from tests.factories.trackio_files import trackio_run, trainer_entries


def found_runs(root: Path) -> list[FoundRun]:
    return [read_run(run) for run in discover([root], all_readers()).runs]


def losses(run: FoundRun) -> dict[int, float]:
    points = [(point.step, point.value) for point in run.points if point.name == "loss"]
    assert len(points) == len(dict(points))
    return dict(points)


@pytest.mark.parametrize("named", ["absolute", "relative", "by name"])
def test_a_log_that_names_the_output_folder_is_that_runs(tmp_path: Path, named: str) -> None:
    folder = hf_run(tmp_path / "saves" / "support-v3", steps=[10, 20])
    hf_run(tmp_path / "saves" / "other", steps=[10])
    homes = {"absolute": str(folder), "relative": "./saves/support-v3"}
    config: dict[str, object] = {"seed": 7} | ({"output_dir": homes[named]} if named in homes else {})
    name = "support-v3" if named == "by name" else "dainty-sunset-0"
    trackio_run(tmp_path / "trackio" / "p.db", name, trainer_entries([5, 10, 15, 20, 25], scale=9.0), config=config)
    other, support = found_runs(tmp_path)
    assert (other.name, support.name, support.trainer) == ("other", "support-v3", "huggingface")
    assert [checkpoint.step for checkpoint in support.checkpoints] == [10, 20]
    assert losses(support) == {5: 0.6, 10: 0.3, 15: 0.2, 20: 0.15, 25: 9.0 / 25}  # the folder's own are right
    assert support.config["seed"] == 7
    assert {point.name for point in support.points} == {
        "loss",
        "epoch",
        "grad_norm",
        "learning_rate",
        "elapsed_seconds",
    }


def test_a_name_that_several_folders_have_joins_none(tmp_path: Path) -> None:
    hf_run(tmp_path / "a" / "run-1", steps=[10])
    hf_run(tmp_path / "b" / "run-1", steps=[10])
    trackio_run(tmp_path / "p.db", "run-1", trainer_entries([5]), config={})
    assert sorted(run.trainer for run in found_runs(tmp_path)) == ["huggingface", "huggingface", "trackio"]


def test_before_its_first_save_a_run_has_the_name_of_its_folder_already(tmp_path: Path) -> None:
    folder = tmp_path / "saves" / "support-v3"
    folder.mkdir(parents=True)
    trackio_run(tmp_path / "p.db", "x", trainer_entries([5]), config={"output_dir": str(folder)})
    (found,) = found_runs(tmp_path)
    assert (found.name, found.output_dir, found.log_only) == ("support-v3", folder, True)


def test_a_log_that_starts_over_is_a_rerun_and_one_that_goes_on_a_resume(tmp_path: Path) -> None:
    folder = hf_run(tmp_path / "saves" / "a", steps=[10])
    config = {"output_dir": str(folder)}
    file = tmp_path / "p.db"
    trackio_run(file, "first", trainer_entries([15, 20]), config=config, began="2026-01-01T00:00")
    trackio_run(file, "again", trainer_entries([15, 30], scale=6), config=config, began="2026-01-02T00:00")
    trackio_run(file, "resumed", trainer_entries([30, 35], scale=9), config=config, began="2026-01-03T00:00")
    (found,) = found_runs(tmp_path)
    assert losses(found) == {5: 0.6, 10: 0.3, 15: 6 / 15, 30: 9 / 30, 35: 9 / 35}
    elapsed = {point.step: point.value for point in found.points if point.name == "elapsed_seconds"}
    assert elapsed == {15: 0.0, 30: 86400.0, 35: 86401.0}


def test_a_joined_log_is_watched_with_its_run(tmp_path: Path) -> None:
    folder = hf_run(tmp_path / "saves" / "a", steps=[10])
    file = trackio_run(tmp_path / "t" / "p.db", "x", trainer_entries([5, 10]), config={"output_dir": str(folder)})
    watch = FolderWatch([tmp_path])
    assert [run.name for run in watch.look().runs] == ["a"]
    assert watch.look().runs == ()
    trackio_run(file, "x", trainer_entries([15]))
    (told,) = watch.look().runs
    assert (told.name, losses(told)) == ("a", {15: 0.2})
    write_checkpoint(folder, 20)
    (told,) = watch.look().runs
    assert (told.name, losses(told)) == ("a", {20: 0.15})


def test_a_broken_log_elsewhere_keeps_no_run_from_being_read(tmp_path: Path) -> None:
    folder = hf_run(tmp_path / "saves" / "a", steps=[10])
    file = trackio_run(tmp_path / "p.db", "x", [{"note": "no number"}], config={"output_dir": str(folder)})
    (run,) = discover([tmp_path], all_readers()).runs
    file.write_bytes(b"no database any more")
    assert losses(read_run(run)) == {5: 0.6, 10: 0.3}


def test_only_silence_ends_a_run_that_trackio_logs(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    trackio_run(tmp_path / "p.db", "old", trainer_entries([5]))
    trackio_run(tmp_path / "p.db", "new", trainer_entries([5]), began=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M"))
    states = {run.name: run.state for run in found_runs(tmp_path)}
    assert states == {"p-old": RunState.FINISHED, "p-new": RunState.TRAINING}
