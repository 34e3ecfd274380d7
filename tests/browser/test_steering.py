"""Steering a training that really runs: asked first, done at its next step, told on the page; a guest cannot."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from beyondloss.domain.access import OWNER
from beyondloss.domain.ratings import LinkRole
from beyondloss.integrations import sender as sender_module
from beyondloss.services import runs
from beyondloss.services.sharing import make_link
from tests.browser.conftest import OpenPage, RunningServer
from tests.fakes.training_loop import TrainingLoop


@pytest.fixture
def training(server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainingLoop]:
    monkeypatch.setattr(sender_module, "SEND_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(sender_module, "LISTEN_EVERY_SECONDS", 0.05)
    with TrainingLoop(server.url, tmp_path / "saves" / "support", spool_dir=tmp_path / "spool") as loop:
        yield loop


def open_run(page: Page, server: RunningServer) -> None:
    """Once the training has told of itself."""
    page.goto(server.url)
    page.get_by_role("link", name="support").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("support")


def test_the_owner_saves_and_stops_a_training_from_its_page(
    server: RunningServer, page: Page, training: TrainingLoop
) -> None:
    open_run(page, server)
    steering = page.locator("#run-steering")

    steering.get_by_role("link", name="Save and probe now").click()
    expect(page.get_by_role("heading")).to_have_text("Save support and probe it now?")
    page.get_by_role("button", name="Save and probe now").click()
    expect(steering.get_by_role("status")).to_contain_text("Saved at step")
    expect(page.locator("#checkpoints")).to_contain_text("1 checkpoint")
    (saved,) = [c.step for c in runs.find_run(server.store, "support", OWNER).checkpoints if c.step]
    expect(steering.get_by_role("status")).to_contain_text(f"Saved at step {saved}, as you asked")
    assert not training.stopped

    steering.get_by_role("link", name="Stop training").click()
    page.get_by_role("link", name="Let it train").click()
    expect(page.locator("#run-head .state")).to_have_text("training")
    assert not training.stopped

    steering.get_by_role("link", name="Stop training").click()
    page.get_by_role("button", name="Stop training").click()
    expect(steering.get_by_role("status")).to_contain_text("Stopped at step")
    expect(page.locator("#run-head .state")).to_have_text("finished")
    expect(steering.get_by_role("link")).to_have_count(0)
    assert training.stopped
    assert (training.output_dir / f"checkpoint-{training.step}").is_dir()


def test_a_guest_sees_the_training_and_no_way_to_steer_it(
    server: RunningServer, page: Page, open_page: OpenPage, training: TrainingLoop
) -> None:
    open_run(page, server)
    expect(page.get_by_role("link", name="Stop training")).to_be_visible()
    run = runs.find_run(server.store, "support", OWNER)
    link = make_link(server.store, run_id=run.id, project_id=None, role=LinkRole.VIEW, expires_in_seconds=60)

    guest = open_page()
    guest.goto(f"{server.url}/s/{link.token}")
    guest.goto(f"{server.url}/runs/{run.id}")

    expect(guest.get_by_role("heading", level=1)).to_have_text("support")
    expect(guest.locator("#run-steering")).to_have_count(0)
    answer = guest.request.post(f"{server.url}/runs/{run.id}/steer/stop")
    assert answer.status == 403
    assert not training.stopped
