"""From folders to runs: nested, many, looping, missing."""

from pathlib import Path

import pytest

from beyondloss.ingest import discover as discovering
from beyondloss.ingest.discover import discover
from beyondloss.ingest.formats.registry import all_readers
from tests.factories.run_folders import hf_run, write_adapter, write_json, write_model


def runs_under(*roots: Path, skip: tuple[Path, ...] = ()) -> list[str]:
    found = discover(roots, all_readers(), skip=skip)
    return [run.path.relative_to(roots[0]).as_posix() for run in found.runs]


def test_nested_runs_and_runs_within_runs_are_all_found(tmp_path: Path):
    for name in ("a", "deep/er/b", "a/second-try", "saves/Model/lora/train_2024-01-01"):
        hf_run(tmp_path / name, steps=[10])
    assert runs_under(tmp_path) == ["a", "a/second-try", "deep/er/b", "saves/Model/lora/train_2024-01-01"]


def test_the_root_itself_may_be_a_run(tmp_path: Path):
    hf_run(tmp_path, steps=[10])
    assert runs_under(tmp_path) == ["."]


def test_a_checkpoint_named_by_hand_means_its_run(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10])
    assert [one.path for one in discover([run / "checkpoint-10"], all_readers()).runs] == [run]


def test_a_run_named_twice_is_found_once(tmp_path: Path):
    run = hf_run(tmp_path / "run", steps=[10])
    (tmp_path / "link").symlink_to(run)
    assert len(discover([tmp_path, run, tmp_path / "link"], all_readers()).runs) == 1


def test_a_link_to_a_part_of_a_run_is_no_further_run(tmp_path: Path):
    run = hf_run(tmp_path / "a", steps=[10, 20])
    (run / "last-checkpoint").symlink_to("checkpoint-20")
    other = hf_run(tmp_path / "elsewhere" / "b", steps=[10])
    (run / "continued").symlink_to(other)
    assert [folder.path.name for folder in discover([tmp_path / "a"], all_readers()).runs] == ["a", "continued"]


def test_a_loop_of_symlinks_ends(tmp_path: Path):
    hf_run(tmp_path / "a" / "run", steps=[10])
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a" / "self")
    assert runs_under(tmp_path) == ["a/run"]


def test_a_base_model_and_the_parts_of_a_run_are_no_runs(tmp_path: Path):
    write_model(tmp_path / "models" / "base")
    run = hf_run(tmp_path / "run", steps=[10])
    write_adapter(run / "reference")
    write_adapter(run / "checkpoint-10" / "named")
    assert runs_under(tmp_path) == ["run"]


def test_hidden_and_foreign_folders_are_not_searched(tmp_path: Path):
    for name in (".git", "node_modules", "kept", ".cache"):
        hf_run(tmp_path / name / "run", steps=[10])
    assert runs_under(tmp_path, skip=(tmp_path / "kept",)) == []


def test_missing_and_wrong_roots_are_said_in_a_sentence(tmp_path: Path):
    (tmp_path / "file").touch()
    found = discover([tmp_path / "absent", tmp_path / "file"], all_readers())
    assert found.runs == []
    assert "no such folder" in found.problems[0]
    assert "not a folder" in found.problems[1]


def test_depth_and_number_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    hf_run(tmp_path / "/".join("d" * 14) / "run", steps=[10])
    assert runs_under(tmp_path) == []
    for number in range(8):
        hf_run(tmp_path / f"run-{number}", steps=[10])
    monkeypatch.setattr(discovering, "MAX_FOLDERS", 5)
    found = discover([tmp_path], all_readers())
    assert len(found.runs) < 8
    assert sum("folders" in problem for problem in found.problems) == 1


def test_an_empty_checkpoint_folder_marks_a_run_that_has_just_begun(tmp_path: Path):
    (tmp_path / "run" / "checkpoint-10").mkdir(parents=True)
    assert runs_under(tmp_path) == ["run"]


def test_a_folder_that_only_looks_like_one_is_no_run(tmp_path: Path):
    write_json(tmp_path / "a" / "adapter_config.json", {"peft_type": "LORA"})
    (tmp_path / "b" / "checkpoint-x").mkdir(parents=True)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "checkpoint-10").touch()
    assert runs_under(tmp_path) == []
