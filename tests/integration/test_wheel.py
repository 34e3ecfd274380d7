"""The built wheel, installed in an empty environment without torch, carries everything and serves pages."""

import os
import re
import subprocess
import sys
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CARRIED = ("templates", "static", "migrations", "web/locale", "ingest/starter", "demo/data")
SOURCES = {"templates": ROOT / "templates", "static": ROOT / "static", "migrations": ROOT / "migrations"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment that holds the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    constraints = str(ROOT / "constraints.txt")
    command = [python, "-m", "pip", "install", "--quiet", "--constraint", constraints, str(wheel)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "bin"


def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BEYONDLOSS_", "PYTHON"))}
    return kept | {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}


@pytest.fixture
def served(installed: Path, tmp_path: Path) -> Iterator[str]:
    """The address of `beyondloss serve`, run far from the checkout."""
    server = subprocess.Popen(
        [installed / "beyondloss", "serve", "--port", "0"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    try:
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found is not None
        yield found[0]
    finally:
        server.terminate()
        server.wait(10)
        server.stdout.close()


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        assert response.status == 200
        return response.read().decode()


def test_the_wheel_carries_every_file_that_is_not_python(wheel: Path) -> None:
    names = {name.removeprefix("beyondloss/") for name in zipfile.ZipFile(wheel).namelist()}
    for folder in CARRIED:
        source = SOURCES.get(folder, ROOT / "app" / "beyondloss" / folder)
        files = {p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file() and p.suffix != ".pyc"}
        assert files, folder
        assert {f"{folder}/{file}" for file in files} <= names, folder


def test_an_empty_environment_serves_pages_without_torch(installed: Path, served: str) -> None:
    page = read(f"{served}/")
    assert "BeyondLoss" in page
    styles = re.findall(r'href="(/static/[^"]+\.css[^"]*)"', page)
    assert styles
    for style in styles:
        assert read(served + style)
    assert '"status":"ok"' in read(f"{served}/healthz")
    torch = subprocess.run([installed / "python", "-c", "import torch"], check=False, capture_output=True)
    assert torch.returncode != 0


def test_an_empty_environment_opens_the_recorded_demo(installed: Path, tmp_path: Path) -> None:
    command = [installed / "beyondloss", "demo", "--recorded", "--no-serve"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env=environment(tmp_path))
    assert done.returncode == 0, done.stderr
    command = [installed / "beyondloss", "probes", "list", "--project", "demo"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path, env=environment(tmp_path))
    assert "france" in done.stdout
