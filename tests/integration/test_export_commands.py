"""`export` and `ratings import` on a store: files and standard output, and one sentence for what cannot be."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from beyondloss.cli import main
from beyondloss.store.engine import Store
from tests.factories import a_probe, a_project, a_rater, a_rating, a_run, an_answer, checkpoints_of

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Command:
    """On a store with the run `support`: two probes, one rated."""
    project = a_project(store)
    probes = [a_probe(store, project), a_probe(store, project)]
    run = a_run(store, project, steps=(10,), name="support")
    base, step = checkpoints_of(store, run)
    pairs = [(an_answer(store, step, p, text="Bonjour 好"), an_answer(store, base, p, text="Paris")) for p in probes]
    a_rating(store, a_rater(store, name="Ann"), *pairs[0], verdict=-1)

    def call(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments), "--data-dir", str(tmp_path / "data")])
        return int(ended.value.code or 0), *capfd.readouterr()

    return call


def test_preferences_are_printed_or_written(command: Command, tmp_path: Path) -> None:
    code, out, _err = command("export", "preferences", "support", "--format", "ms-swift")
    assert code == 0
    assert json.loads(out)["rejected_response"] == "Bonjour 好"
    file = tmp_path / "pairs.jsonl"
    assert command("export", "preferences", "support", "--format", "ms-swift", "-o", file) == (0, "", "")
    assert file.read_text("utf-8") == out
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []


def test_the_suffix_says_the_form_of_a_table(command: Command, tmp_path: Path) -> None:
    command("export", "answers", "support", "-o", tmp_path / "answers.jsonl")
    lines = (tmp_path / "answers.jsonl").read_text("utf-8").splitlines()
    assert sorted(json.loads(line)["step"] for line in lines) == [0, 0, 10, 10]
    command("export", "ratings", "support", "-o", tmp_path / "ratings.csv")
    assert (tmp_path / "ratings.csv").read_bytes().startswith(b"run,step,")


def test_ratings_go_out_and_come_back_once(command: Command, tmp_path: Path) -> None:
    command("export", "ratings", "support", "-o", tmp_path / "ratings.csv")
    code, out, _err = command("ratings", "import", "support", tmp_path / "ratings.csv", "--json")
    assert (code, json.loads(out)["known"], json.loads(out)["added"]) == (0, 1, 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "preferences", "support", "--format", "alpaca"),
        ("export", "preferences", "support", "--ties", "good"),
        ("export", "preferences", "nobody"),
        ("export", "ratings", "support", "--format", "xlsx"),
        ("export", "ratings", "support", "-o", "/no/such/folder/ratings.csv"),
        ("ratings", "import", "support", "/no/such/file.csv"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_what_to_do(command: Command, arguments: tuple[str, ...]) -> None:
    code, out, err = command(*arguments)
    assert (code, out) == (1, "")
    assert 1 <= err.count("\n") <= 2
