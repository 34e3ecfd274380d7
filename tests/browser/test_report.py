"""The report in a real browser: from the run page, on paper, and as a file opened from a disk."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from beyondloss.store.tables import Run
from tests.browser.conftest import OpenPage, RunningServer
from tests.browser.watching import Watch
from tests.factories import (
    a_behaviour,
    a_probe,
    a_project,
    a_rater,
    a_rating,
    a_run,
    an_answer,
    checkpoints_of,
    points,
)

MOST_PRINTED_PAGES = 3


@pytest.fixture
def run(server: RunningServer) -> Run:
    """Four behaviours of six probes each, four rated checkpoints, long answers."""
    store = server.store
    project = a_project(store)
    behaviours = [a_behaviour(store, project, name=f"behaviour {n}", wanted="a pole in some words") for n in range(4)]
    run = a_run(store, project, steps=(10, 20, 30, 40))
    points(store, run, loss=[2.0 * 0.95**step for step in range(40)], eval_loss=[2.1 - 0.01 * s for s in range(40)])
    base, *others = checkpoints_of(store, run)
    rater = a_rater(store, name="Ann")
    for number in range(24):
        probe = a_probe(store, project, prompt=f"Question {number}?", behaviours=[behaviours[number % 4]])
        before = an_answer(store, base, probe, text=f"Before {number}. " + "The parcel is late and nobody knows. " * 4)
        for other in others:
            after = an_answer(store, other, probe, text=f"Step {other.step}. " + "Which order is it, please? " * 6)
            a_rating(store, rater, after, before, verdict=1 if number % 4 < 2 else -1)
    return run


def test_the_run_page_leads_to_a_report_that_fits_any_screen_and_three_sheets(
    server: RunningServer, page: Page, run: Run, axe: Callable[[Page], None]
) -> None:
    page.goto(f"{server.url}/runs/{run.id}?step=40")
    page.get_by_role("link", name="Report").click()
    page.get_by_role("heading", name="Clearest gains").wait_for()
    axe(page)
    sheets = page.pdf(format="A4", prefer_css_page_size=True)
    assert 1 < len(re.findall(rb"/Type\s*/Page\b", sheets)) <= MOST_PRINTED_PAGES
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_file_opens_from_a_disk_and_asks_for_nothing(
    server: RunningServer, page: Page, open_page: OpenPage, watch: Watch, run: Run, tmp_path: Path
) -> None:
    watch.allow("file://")
    page.goto(f"{server.url}/runs/{run.id}/report")
    with page.expect_download() as download:
        page.get_by_role("link", name="One HTML file").click()
    file = tmp_path / "report.html"
    download.value.save_as(file)
    offline = open_page(offline=True)
    asked: list[str] = []
    offline.on("request", lambda request: asked.append(request.url))
    offline.goto(file.as_uri())
    assert offline.get_by_role("heading", name="Clearest setbacks").is_visible()
    assert asked == [file.as_uri()]
