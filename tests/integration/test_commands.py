"""The commands, one after another, on a real folder with a tiny model: import, answer, share, back up, restore."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from beyondloss.cli import main

pytest.importorskip("torch")

from tests.factories.run_folders import log_entries, write_trainer_state
from tests.factories.tiny_models import save_adapter, save_tiny_model

PROBES = """\
behaviours:
  - name: answers
    wanted: says something
probes:
  - id: one
    prompt: What is one?
    family: retention
    behaviours: [answers]
  - id: two
    prompt: 二是什么？
    language: zh
"""

Command = Callable[..., "Done"]


class Done:
    """What a command printed and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> dict:
        return json.loads(self.out)


@pytest.fixture(scope="module")
def saves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in the Hugging Face layout: two adapters of a tiny base."""
    folder = tmp_path_factory.mktemp("saves")
    base = save_tiny_model(folder / "base")
    for step in (10, 20):
        checkpoint = save_adapter(folder / "runs" / "tiny-run" / f"checkpoint-{step}", base, seed=step)
        write_trainer_state(checkpoint, step, log_entries(step), max_steps=20)
    return folder / "runs"


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: object) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments), "--data-dir", str(tmp_path / "data")])
        out, err = capsys.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture
def imported(command: Command, saves: Path, tmp_path: Path) -> Command:
    probes = tmp_path / "probes.yaml"
    probes.write_text(PROBES, "utf-8")
    assert command("probes", "add", probes).code == 0
    assert command("import", saves).code == 0
    return command


def test_importing_prints_one_line_per_run_and_twice_changes_nothing(command: Command, saves: Path) -> None:
    first = command("import", saves)
    assert first.code == 0, first.err
    assert first.out.count("\n") == 1
    assert first.out.startswith("tiny-run: ")
    again = command("import", saves, "--json").json
    assert [(run["name"], run["created"], run["new_checkpoints"]) for run in again["imported"]] == [
        ("tiny-run", False, 0)
    ]


def test_a_folder_without_runs_is_told(command: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = command("import", tmp_path / "empty")
    assert done.code == 1
    assert "No run was found" in done.err


def test_an_unreadable_checkpoint_ends_with_one_and_its_reason(command: Command, saves: Path, tmp_path: Path) -> None:
    shutil.copytree(saves, tmp_path / "copy")
    broken = tmp_path / "copy" / "tiny-run" / "checkpoint-20"
    (broken / "adapter_model.safetensors").write_bytes(b"not a safetensors file")
    done = command("import", tmp_path / "copy")
    assert done.code == 1
    assert "tiny-run, step 20" in done.err
    assert "tiny-run" in done.out


def test_answering_answers_everything_once(imported: Command) -> None:
    first = imported("answer", "tiny-run", "--set", "main", "--max-new-tokens", 8, "--json")
    assert first.code == 0, first.err
    assert (first.json["checkpoints"], first.json["answers"]) == (3, 6)
    again = imported("answer", "tiny-run", "--set", "main", "--max-new-tokens", 8)
    assert again.code == 0
    assert "there already" in again.out


def test_a_run_is_named_by_id_name_or_folder(imported: Command, saves: Path) -> None:
    for name in ("1", "tiny-run", saves / "tiny-run"):
        assert imported("share", name, "--json").code == 0
    done = imported("share", "no-such-run")
    assert done.code == 1
    assert done.err.count("\n") <= 2


def test_only_the_asked_step_is_answered_and_the_base_with_it(imported: Command) -> None:
    done = imported("answer", "tiny-run", "--step", 20, "--set", "main", "--max-new-tokens", 4, "--json")
    assert done.json["checkpoints"] == 2


def test_samples_need_a_temperature_and_that_is_told(imported: Command) -> None:
    done = imported("answer", "tiny-run", "--samples", 3)
    assert done.code == 1
    assert "temperature" in done.err


def test_a_link_is_printed_once_with_its_role(imported: Command) -> None:
    link = imported("share", "tiny-run", "--can-rate", "--expires", "never", "--json").json
    assert "/s/" in link["url"]
    assert (link["role"], link["expires_at"]) == ("rate", None)


def test_probes_come_out_as_they_went_in(imported: Command, tmp_path: Path) -> None:
    exported = tmp_path / "out.yaml"
    assert imported("probes", "export", "--set", "main", "-o", exported).code == 0
    done = imported("probes", "add", exported, "--json").json
    assert (done["added"], done["revised"], done["unchanged"]) == (0, 0, 2)
    assert "二是什么" in imported("probes", "list").out
    assert imported("probes", "export", "-o", tmp_path / "out.txt").code == 1


def test_a_backup_restores_what_was_there(imported: Command, tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    assert imported("backup", file).code == 0
    (tmp_path / "data" / "beyondloss.db").unlink()
    assert imported("restore", file).code == 0
    assert imported("share", "tiny-run", "--json").code == 0


def test_the_decoding_benchmark_measures_a_run_folder(command: Command, saves: Path, tmp_path: Path) -> None:
    probes = tmp_path / "probes.yaml"
    probes.write_text(PROBES, "utf-8")
    where = ("--run", saves / "tiny-run", "--probes", probes)
    done = command("bench", "decoding", *where, "--max-new-tokens", 8, "--json")
    assert done.code == 0, done.err
    contenders = {contender["name"]: contender for contender in done.json["contenders"]}
    assert list(contenders) == ["script", "batched", "no-draft", "ours"]
    assert all(contender["identical_to_script"] for contender in contenders.values())
    assert len({contender["tokens_emitted"] for contender in contenders.values()}) == 1
    assert contenders["ours"]["forward_passes"] < contenders["script"]["forward_passes"]
    assert [times["step"] for times in done.json["per_checkpoint"]] == [10, 20]
    assert all(set(times["seconds"]) == set(contenders) for times in done.json["per_checkpoint"])
    table = command("bench", "decoding", *where, "--max-new-tokens", 2, "--base", saves.parent / "base").out
    assert table.count("yes") == 4


def test_the_decoding_benchmark_says_what_it_lacks(command: Command, saves: Path, tmp_path: Path) -> None:
    probes = tmp_path / "probes.yaml"
    probes.write_text(PROBES, "utf-8")
    (tmp_path / "empty").mkdir()
    assert "No run was found" in command("bench", "decoding", "--run", tmp_path / "empty", "--probes", probes).err
    assert command("bench", "nothing", "--run", saves / "tiny-run", "--probes", probes).code == 1
    assert command("bench", "decoding", "--run", saves / "tiny-run", "--probes", tmp_path / "none.yaml").code == 1


def test_the_doctor_names_a_base_model_that_is_not_here(imported: Command, saves: Path) -> None:
    assert imported("doctor").code == 0
    base = saves.parent / "base"
    base.rename(saves.parent / "moved")
    try:
        done = imported("doctor", "--json")
    finally:
        (saves.parent / "moved").rename(base)
    assert done.code == 1
    assert any(item["state"] == "broken" and str(base) in item["name"] for item in done.json["items"])
