"""docker-compose.yml and Dockerfile say what Compose and our command line understand. Nothing is built here.

vendor/compose_spec.json is the compose-spec schema as docker-compose 1.29.2 (Apache-2.0) carries it.
"""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from beyondloss.cli.commands import build
from beyondloss.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))


def dockerfile() -> list[str]:
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def our_commands(compose: dict[str, Any]) -> Iterator[list[str]]:
    for service in compose["services"].values():
        if "command" in service:
            yield service["command"]
    for line in dockerfile():
        if line.startswith("CMD "):
            yield json.loads(line.removeprefix("CMD "))


def test_the_compose_file_keeps_to_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads((Path(__file__).parent / "vendor" / "compose_spec.json").read_text("utf-8"))
    jsonschema.Draft7Validator(schema).validate(compose)


def test_every_command_in_the_images_is_one_that_we_have(
    compose: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    commands = list(our_commands(compose))
    assert len(commands) == 4
    for program, command, *arguments in commands:
        assert program == "beyondloss"
        with pytest.raises(SystemExit) as ended:
            build()(args=[command, "--help"], prog_name="beyondloss")
        assert ended.value.code == 0
        help_text = capsys.readouterr().out
        assert all(argument in help_text for argument in arguments if argument.startswith("--"))


def test_every_variable_of_ours_is_a_setting(compose: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8") + (ROOT / "Dockerfile").read_text("utf-8")
    known = {f"BEYONDLOSS_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"BEYONDLOSS_[A-Z_]+", text)) <= known


def test_the_compose_file_builds_stages_that_the_dockerfile_has(compose: dict[str, Any]) -> None:
    stages = {line.split(" AS ")[1] for line in dockerfile() if line.startswith("FROM") and " AS " in line}
    assert {service["build"]["target"] for service in compose["services"].values() if "build" in service} <= stages


def test_everything_the_image_copies_and_installs_is_there() -> None:
    for line in dockerfile():
        if line.startswith("COPY "):
            assert all((ROOT / source).exists() for source in shlex.split(line)[1:-1]), line
    extras = re.findall(r"'\.\[([a-z,]+)\]'", "\n".join(dockerfile()))
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    for extra in {name for names in extras for name in names.split(",")}:
        assert re.search(rf"^{extra} = \[", pyproject, re.MULTILINE), extra
