"""The command line's manners: options everywhere, one sentence for an error, the right exit code."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from beyondloss.cli import main
from beyondloss.cli.invocation import Everywhere, Invocation
from beyondloss.cli.runs import _duration_seconds
from beyondloss.errors import InvalidInput

COMMANDS = {
    "serve": ["--host", "--port", "--no-worker", "--open"],
    "import": ["--project", "--base"],
    "probes add": ["--project", "--set"],
    "probes list": ["--project"],
    "probes export": ["--project"],
    "report": ["--step", "--against", "--format", "-o"],
    "export ratings": ["--format", "-o"],
    "export preferences": ["--format", "--ties", "--both-bad", "--least-agreement", "--least-raters", "-o"],
    "export answers": ["--format", "-o"],
    "ratings import": [],
    "answer": ["--step", "--set", "--max-new-tokens", "--dtype", "--temperature", "--samples"],
    "worker": ["--once", "--engine", "--device", "--dtype"],
    "share": ["--can-rate", "--expires"],
    "demo": ["--recorded", "--no-serve"],
    "backup": [],
    "restore": [],
    "doctor": [],
}


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_options_and_those_that_work_everywhere(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*command.split(), "--help") == 0
    shown = capsys.readouterr().out
    for option in [*COMMANDS[command], "--data-dir", "--database-url", "--json", "--debug"]:
        assert option in shown


def test_options_that_work_everywhere_stand_before_or_after_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--data-dir", str(tmp_path / "a"), "--json", "doctor") == 0
    before = capsys.readouterr().out
    assert run("doctor", "--data-dir", str(tmp_path / "a"), "--json") == 0
    after = capsys.readouterr().out
    assert [item["name"] for item in json.loads(before)["items"]] == [i["name"] for i in json.loads(after)["items"]]
    assert str(tmp_path / "a") in before


def test_a_wrong_call_ends_with_two_and_says_how_to_get_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("serve", "--no-such-option") == 2
    assert run("no-such-command") == 2
    told = capsys.readouterr().err
    assert "--help" in told or "-h" in told
    assert "Traceback" not in told


def test_an_error_is_a_sentence_and_a_hint_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("serve", str(tmp_path / "nowhere")) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        f"There is no folder {tmp_path / 'nowhere'}.",
        "Name the folder that the trainer writes to.",
    ]


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "beyondloss", "serve", str(tmp_path / "nowhere"), "--debug"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_setting_that_cannot_be_is_told_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BEYONDLOSS_PORT", "seven")
    assert run("doctor") == 1
    assert "BEYONDLOSS_PORT" in capsys.readouterr().err


def test_the_command_line_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BEYONDLOSS_PORT", "9000")
    invocation = Invocation(Everywhere(data_dir=tmp_path))
    assert invocation.settings().port == 9000
    assert invocation.settings(port=9001).port == 9001
    assert invocation.settings(port=None).data_dir == tmp_path


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("text", "seconds"), [("12h", 43_200.0), ("7d", 604_800.0), ("1w", 604_800.0), ("never", None)]
)
def test_lengths_of_time_are_read(text: str, seconds: float | None) -> None:
    assert _duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "0d", "7", "d", "-1d", "1.5h", "7 d", "forever", "9999999d"])
def test_what_is_no_length_of_time_is_told(text: str) -> None:
    with pytest.raises(InvalidInput, match="length of time"):
        _duration_seconds(text)


def test_opening_the_command_line_imports_nothing_heavy() -> None:
    script = (
        "import sys; from beyondloss.cli.commands import build; build();"
        "heavy = {'torch', 'transformers', 'numpy', 'sqlalchemy', 'fastapi', 'rich', 'alembic', 'pydantic'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
