"""The commands to merge and serve: what they say, and that no path can break out of them."""

import ast
import json
import shlex
import subprocess

import pytest

from beyondloss.services.choosing.commands import (
    Adapter,
    Command,
    Purpose,
    Whole,
    adapter_commands,
    serving_name,
    whole_commands,
)

PATHS = [
    "/runs/support/checkpoint-20",
    '/my runs/it\'s "fine"/checkpoint-20',
    "/runs/$(touch pwned)/`id`/checkpoint-20",
    "/runs/a=b,c/\\n/checkpoint 20",
    "/runs/line\nEOF\nrm -rf x/checkpoint-20",
    "/runs/微調/checkpoint-20",
]


def by_purpose(commands: tuple[Command, ...]) -> dict[Purpose, str]:
    return {one.purpose: one.text for one in commands}


def script_of(command: str) -> str:
    """What a shell would hand to Python."""
    start, *lines = command.split("\n")
    assert start == "python - <<'EOF'"
    assert lines.index("EOF") == len(lines) - 1  # the here-document ends where the command does
    return "\n".join(lines[:-1])


@pytest.mark.parametrize("path", PATHS)
def test_an_adapter_is_merged_and_served_by_the_very_paths(path: str) -> None:
    commands = by_purpose(adapter_commands(Adapter("run-step-20", path, base="acme/base-1b", tokenizer=path, rank=12)))
    assert list(commands) == [Purpose.MERGE, Purpose.SERVE_MERGED, Purpose.VLLM]
    literals = [
        node.value for node in ast.walk(ast.parse(script_of(commands[Purpose.MERGE]))) if isinstance(node, ast.Constant)
    ]
    assert [literals.count(text) for text in (path, "acme/base-1b", "./run-step-20-merged")] == [2, 1, 2]
    words = shlex.split(commands[Purpose.VLLM].replace("\\\n", " "))
    assert words[:5] == ["vllm", "serve", "acme/base-1b", "--enable-lora", "--max-lora-rank"]
    assert words[5] == "16"
    assert words[6::2] == ["--lora-modules", "--tokenizer"]
    assert json.loads(words[7]) == {"name": "run-step-20", "path": path}
    assert words[9] == path
    assert "," in words[7]  # without a comma vLLM would read it as name=path
    assert commands[Purpose.SERVE_MERGED] == "transformers serve ./run-step-20-merged"


@pytest.mark.parametrize("path", PATHS)
def test_a_shell_takes_the_commands_as_they_are_meant(path: str) -> None:
    told = 'python() { cat; }; vllm() { printf "%s\\0" "$@"; }; transformers() { vllm "$@"; }\n'
    for command in (
        *adapter_commands(Adapter("run", path, base=path, tokenizer=path)),
        *whole_commands(Whole("run", path, tokenizer=path)),
    ):
        ran = subprocess.run(["bash", "-c", told + command.text], capture_output=True, check=True, text=True)
        if command.purpose is Purpose.MERGE:
            assert ran.stdout.rstrip("\n") == script_of(command.text)
        elif command.purpose is not Purpose.SERVE_MERGED:
            assert ran.stdout.split("\0")[:2] == ["serve", path]


def test_a_whole_model_needs_no_merging() -> None:
    own = by_purpose(whole_commands(Whole("run-step-20", "/runs/full", tokenizer="/runs/full")))
    assert own[Purpose.VLLM] == "vllm serve /runs/full \\\n  --served-model-name run-step-20"
    assert own[Purpose.TRANSFORMERS] == "transformers serve /runs/full"
    borrowed = by_purpose(whole_commands(Whole("run-step-20", "/runs/full", tokenizer="acme/base-1b")))
    assert borrowed[Purpose.VLLM].endswith("--tokenizer acme/base-1b")
    assert Purpose.TRANSFORMERS not in borrowed  # it takes the tokenizer from the model's folder only


def test_a_rank_that_nobody_knows_or_serves_is_left_to_vllm() -> None:
    for rank in (None, 1000):
        assert "--max-lora-rank" not in adapter_commands(Adapter("run", "/a", "b", "b", rank=rank))[-1].text


@pytest.mark.parametrize(
    ("run", "step", "name"),
    [
        ("support v3/β", 120, "support-v3-step-120"),
        ("支援", 5, "run-step-5"),
        ("--help", 0, "help-base"),
        ("../x", 10, "x-step-10"),
    ],
)
def test_a_served_model_has_a_plain_name(run: str, step: int, name: str) -> None:
    assert serving_name(run, step) == name
