"""README, CONTRIBUTING and the decisions say what the code does: tree, settings, commands, figures."""

import re
from pathlib import Path

import pytest

from beyondloss.demo.recorded import recording
from beyondloss.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "app" / "beyondloss"
README = (ROOT / "README.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def code_blocks(text: str) -> list[str]:
    return re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)


def tree() -> tuple[set[str], set[str]]:
    """What the README's tree lists: inside the package, and at the top level."""
    block = next(block for block in code_blocks(README) if block.startswith("app/beyondloss/"))
    inside = {line.split()[0].rstrip("/") for line in block.splitlines() if line.startswith("  ")}
    outside = {line.split()[0].rstrip("/") for line in block.splitlines() if line and not line.startswith(" ")}
    return inside, outside


def test_the_tree_lists_every_folder_of_the_package_and_nothing_else() -> None:
    inside, outside = tree()
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert {name for name in inside if "." not in name} == folders
    assert all((PACKAGE / name).exists() for name in inside)
    assert all((ROOT / name).exists() for name in outside)


def test_the_settings_table_is_the_settings() -> None:
    rows = re.findall(r"^\| `BEYONDLOSS_(\w+)` \| (.*?) \| (.*?) \|$", README, re.MULTILINE)
    assert [name.lower() for name, _, _ in rows] == list(Settings.model_fields)
    for name, default, description in rows:
        field = Settings.model_fields[name.lower()]
        assert description == field.description
        if field.default_factory is None:
            assert default.strip() == ("" if field.default is None else str(field.default))


def test_the_two_commands_come_first() -> None:
    first = code_blocks(README)[0].splitlines()
    assert [line.split("#")[0].strip() for line in first] == ["make demo", "make test"]
    assert README.index("make demo") < 200


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_it_names_is_there(document: str) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b(?= *(?:#|`|\n))", (ROOT / document).read_text("utf-8"))) <= targets


def test_every_command_the_readme_names_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    from beyondloss.cli.commands import build

    named = set(re.findall(r"beyondloss ([a-z]+)\b", README)) - {"probes"}
    with pytest.raises(SystemExit):
        build()(args=["--help"], prog_name="beyondloss")
    known = set(re.findall(r"^  ([a-z]+) ", capsys.readouterr().out, re.MULTILINE))
    assert named <= known


def test_the_thesis_quotes_the_recorded_run() -> None:
    """Every row of the table: its loss, and the beginning of each answer, as recorded."""
    recorded = recording()
    loss = {point.step: point.value for point in recorded.points if point.name == "loss"}
    texts = {(a.step, a.probe): " ".join(a.answer.text.split()) for a in recorded.answers}
    rows = re.findall(r"^\| (base|\d+) \| (\S+) \| (.+?) \| (.+?) \| (.+?) \|$", README, re.MULTILINE)
    assert len(rows) >= 5
    for label, value, *answers in rows:
        step = 0 if label == "base" else int(label)
        assert value == (f"{loss[step]:.2f}" if step else "–")
        for probe, answer in zip(("france", "week", "late-order"), answers, strict=True):
            assert texts[step, probe].startswith(answer.removesuffix(" …")), (label, probe)


def test_links_and_pictures_lead_somewhere() -> None:
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", document.read_text("utf-8")):
            assert (ROOT / target).exists(), target


def test_contributing_has_the_architecture_in_ten_lines() -> None:
    assert len(re.findall(r"^\d+\. ", CONTRIBUTING, re.MULTILINE)) == 10
    order = re.search(r"`(errors ← .+?)`", CONTRIBUTING)
    assert order is not None
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    lines = pyproject.split("layers = [")[1].split("]")[0].splitlines()
    layers = [set(re.findall(r"beyondloss\.(\w+)", line)) - {"__main__", "assets"} for line in reversed(lines)]
    assert [set(re.findall(r"\w+", part)) for part in order[1].split("←")] == [layer for layer in layers if layer]


def test_every_benchmark_that_a_document_names_is_there() -> None:
    for name in re.findall(r"benchmarks/(\w+\.py)", README + CONTRIBUTING):
        assert (ROOT / "benchmarks" / name).exists()
