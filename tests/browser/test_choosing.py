"""Choosing in a real browser: from the run page, by keyboard, on a phone, and the mark it leaves."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from beyondloss.store.tables import Run
from tests.browser.conftest import RunningServer
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


@pytest.fixture
def run(server: RunningServer) -> Run:
    """Raters favour step 20; both losses are lowest at step 40."""
    store = server.store
    project = a_project(store)
    behaviour = a_behaviour(store, project, name="asks first")
    run = a_run(store, project, steps=(10, 20, 30, 40))
    points(store, run, loss=[2.0 * 0.95**step for step in range(40)], eval_loss=[2.1 - 0.01 * s for s in range(40)])
    base, *others = checkpoints_of(store, run)
    rater = a_rater(store)
    for number in range(16):
        probe = a_probe(store, project, behaviours=[behaviour])
        before = an_answer(store, base, probe, text="before")
        for other, verdict in zip(others, (number % 2, 1, 0, -1), strict=True):
            a_rating(store, rater, an_answer(store, other, probe, text=f"after {other.step}"), before, verdict=verdict)
    return run


def test_a_checkpoint_is_chosen_by_keyboard_marked_everywhere_and_taken_back(
    server: RunningServer, page: Page, run: Run, axe: Callable[[Page], None]
) -> None:
    page.goto(f"{server.url}/runs/{run.id}")
    page.get_by_role("link", name="Choose").click()
    expect(page.get_by_role("radio", name="step 20")).to_be_checked()  # what raters favour is offered
    expect(page.get_by_text("would cost you", exact=False).first).to_be_visible()
    axe(page)
    page.get_by_role("radio", name="step 20").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    page.keyboard.type("asks first, knows the most")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Chosen: step 10")).to_be_visible()
    expect(page.get_by_text("merge_and_unload", exact=False)).to_be_visible()
    axe(page)
    page.get_by_role("link", name="Back to the run").click()
    expect(page.get_by_role("link", name="step 10 chosen")).to_be_visible()
    drawn = "document.querySelector('#chart .js-plotly-plot, #chart.js-plotly-plot')?.data"
    page.wait_for_function(drawn)
    symbols = page.evaluate(f"{drawn}.find((trace) => trace.meta === 'marks').marker.symbol")
    assert symbols.index("star") == 1
    page.get_by_role("link", name="step 10 chosen").click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("heading", name="Chosen: step 10")).to_have_count(0)
    page.get_by_text("2 earlier choices").click()
    page.get_by_role("button", name="Choose it again").click()
    expect(page.get_by_role("heading", name="Chosen: step 10")).to_be_visible()
    expect(page.get_by_role("textbox")).to_have_value("asks first, knows the most")


def test_the_page_fits_a_phone(server: RunningServer, phone: Page, run: Run, axe: Callable[[Page], None]) -> None:
    phone.goto(f"{server.url}/runs/{run.id}/choose")
    phone.get_by_role("radio", name="step 30").check()
    phone.get_by_role("button", name="Choose this checkpoint").tap()
    expect(phone.get_by_role("heading", name="Chosen: step 30")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    axe(phone)
