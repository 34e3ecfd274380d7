"""The main job in one journey: `serve` on an empty store, a run's folder, a real worker, a person who rates."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from beyondloss.domain.probes import BehaviourSpec, Family, Message, MessageRole, ProbeFile, ProbeSpec
from beyondloss.services.projects import add_probes
from beyondloss.settings import Settings
from beyondloss.store.engine import Store
from tests.browser.conftest import OpenPage, RunningServer
from tests.browser.test_run_page import DRAWN, mark_of
from tests.factories.run_folders import log_entries, write_trainer_state

pytest.importorskip("torch")
tiny_models = pytest.importorskip("tests.factories.tiny_models")

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

WORKER_MS = 90_000
"""How long a cold worker may take to import torch and answer, on a busy machine."""


def save_checkpoint(run: Path, step: int, base: Path) -> None:
    """A LoRA checkpoint as the Trainer leaves it; `trainer_state.json` comes last, as it does there."""
    folder = run / f"checkpoint-{step}"
    tiny_models.save_adapter(folder, base, seed=step, scale=0.2)
    write_trainer_state(folder, step, log_entries(step), max_steps=40)


PROBES = ProbeFile(
    behaviours=(BehaviourSpec("plain tone", "says it simply"),),
    probes=tuple(
        ProbeSpec(key, (Message(MessageRole.USER, prompt),), Family.RETENTION, behaviours=("plain tone",))
        for key, prompt in (("france", "What is the capital of France?"), ("week", "How many days has a week?"))
    ),
)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tiny_models.save_tiny_model(tmp_path / "base")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """The real command with its own worker, over a data folder that does not exist yet."""
    settings = Settings(data_dir=tmp_path / "data")
    process = subprocess.Popen(
        [sys.executable, "-m", "beyondloss", "serve", "--port", "0", "--data-dir", str(settings.data_dir)],
        env=os.environ | {"BEYONDLOSS_DEVICE": "cpu", "BEYONDLOSS_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found is not None
    store = Store(settings.resolved_database_url)
    yield RunningServer(found.group(0).rstrip("/"), store, settings)
    store.dispose()
    process.send_signal(signal.SIGINT)
    process.stdout.close()
    assert process.wait(30) == 0


def test_from_an_empty_store_to_a_rated_checkpoint_and_a_teammates_link(
    page: Page, open_page: OpenPage, server: RunningServer, tmp_path: Path, base: Path
) -> None:
    run = tmp_path / "saves" / "support"
    save_checkpoint(run, 10, base)
    add_probes(server.store, "default", PROBES)
    page.goto("/")
    page.get_by_label("Folder on this machine").fill(str(tmp_path / "saves"))
    page.get_by_role("button", name="Import").click()
    page.get_by_role("rowheader").get_by_role("link", name="support").click()

    page.wait_for_selector(DRAWN)
    expect(page.locator("#run-cards ins").first).to_be_visible(timeout=WORKER_MS)
    save_checkpoint(run, 20, base)
    expect(page.locator("#step-select option[value='20']")).to_have_count(1)

    marks = page.locator("#chart .scatterlayer .trace").last.locator(".points path")
    expect(marks).to_have_count(3)
    expect(page.locator("#step-select")).to_have_value("20")  # an address without a step follows the newest
    page.mouse.click(**mark_of(page, 1))
    page.wait_for_url("**step=10*")
    page.mouse.click(**mark_of(page, 2))
    page.wait_for_url("**step=20*")
    card = page.locator("#run-cards > [data-card]").first
    expect(card.locator("ins").first).to_be_visible(timeout=WORKER_MS)
    page.keyboard.press("3")
    expect(card.locator(".verdicts .rate.more")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("u")
    expect(card.locator(".verdicts .rate.more")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("1")
    page.keyboard.press("c")
    page.keyboard.type("babble")
    page.keyboard.press("Escape")
    expect(page.locator("#toasts")).to_contain_text("Comment saved.")
    page.reload()
    page.wait_for_selector(DRAWN)
    expect(card.locator(".verdicts .rate.less")).to_have_attribute("aria-pressed", "true")
    expect(card.locator("textarea")).to_have_value("babble")

    link = page.request.post("/api/v1/share-links", data={"run_id": 1, "role": "rate", "expires_in_days": 1}).json()
    teammate = open_page()
    teammate.goto(link["url"])
    teammate.get_by_label("name").fill("Mei")
    teammate.keyboard.press("Enter")
    teammate.wait_for_selector("#rate-stage .rate-card")
    teammate.keyboard.press("s")
    expect(teammate.locator("#rate-last")).to_contain_text("same")
    theirs = page.request.get("/api/v1/ratings?run=support").json()["items"]
    assert sorted(item["verdict"] for item in theirs) == [-1, 0]
