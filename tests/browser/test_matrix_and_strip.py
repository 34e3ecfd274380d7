"""The matrix and one answer through all checkpoints in a real browser: by keyboard, live, on a phone."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from beyondloss.domain.metrics import MetricPoint
from beyondloss.services.metrics import append_points
from tests.browser.conftest import OpenPage, RunningServer
from tests.browser.run_content import a_changing_run
from tests.factories import a_checkpoint, an_answer

CheckPage = Callable[[Page], None]
FOCUSED = "table.matrix a:focus"


def test_the_matrix_is_walked_by_keyboard_and_enter_opens_the_difference(
    page: Page, server: RunningServer, axe: CheckPage
) -> None:
    a_changing_run(server.store)
    page.goto(f"{server.url}/runs/support")
    page.get_by_role("link", name="Matrix").click()
    expect(page.get_by_role("heading", name="Where the answers moved")).to_be_visible()
    axe(page)
    page.locator('table.matrix a[tabindex="0"]').focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    expect(page.locator(FOCUSED)).to_have_attribute("href", "/runs/1?step=20&probe=2")
    expect(page.locator("#matrix-readout")).to_contain_text("20 · 42 % of its words differ · About parcel?")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(FOCUSED)).to_have_text("About parcel?")
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    assert page.locator(FOCUSED).count() == 0  # one stop for the whole table
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/1?step=30&probe=2")
    expect(page.locator("#card-2-0 ins").first).to_be_visible()


def test_the_matrix_follows_filters_and_reference_and_takes_news_without_moving_focus(
    page: Page, server: RunningServer
) -> None:
    run, probes = a_changing_run(server.store)
    page.goto(f"{server.url}/runs/support/matrix")
    page.keyboard.press("p")
    page.wait_for_url("**/matrix?against=previous")
    page.get_by_label("Behaviour").select_option(label="asks first")
    page.wait_for_url("**/matrix?against=previous&behaviour=1")
    page.go_back()
    expect(page.locator("#matrix-key")).to_contain_text("from the base's answer")
    page.locator('table.matrix a[tabindex="0"]').focus()
    page.keyboard.press("ArrowDown")
    before = page.locator(FOCUSED).get_attribute("href")
    checkpoint = a_checkpoint(server.store, run, step=40)
    an_answer(server.store, checkpoint, probes[1], text="Something new.")
    append_points(server.store, run.id or 0, [MetricPoint("loss", 40, 0.1)])  # the page hears of it
    expect(page.locator("table.matrix thead th")).to_have_count(5)
    assert page.locator(FOCUSED).get_attribute("href") == before


def test_the_scrubber_goes_from_checkpoint_to_checkpoint(page: Page, server: RunningServer, axe: CheckPage) -> None:
    a_changing_run(server.store)
    page.goto(f"{server.url}/runs/support?step=10&show=all")
    page.get_by_role("link", name="through all checkpoints").first.click()
    page.wait_for_url("**/probes/1?step=10")
    expect(page.locator("#strip-say")).to_contain_text("Changed at 1 of 3 checkpoints, first at step 20")
    axe(page)
    scrubber = page.get_by_role("slider", name="Checkpoint")
    scrubber.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/probes/1?step=20")
    expect(page.locator("#card-1-0 ins")).to_contain_text("Please rest assured")
    expect(scrubber).to_be_focused()
    expect(scrubber).to_have_attribute("aria-valuetext", "step 20")
    page.keyboard.press("Home")
    page.wait_for_url("**/probes/1?step=0")
    page.locator("h1").click()
    page.keyboard.press("j")
    page.wait_for_url("**/probes/1?step=20")
    page.keyboard.press("p")
    page.wait_for_url("**/probes/1?step=20&against=previous")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("Word for word the answer before.")).to_be_visible()
    expect(page.locator(".frame[aria-current]")).to_contain_text("unchanged since step 20")
    page.go_back()
    page.wait_for_url("**/probes/1?step=20&against=previous")
    expect(scrubber).to_have_value("20")


def test_both_fit_a_phone_in_the_dark(open_page: OpenPage, server: RunningServer, axe: CheckPage) -> None:
    a_changing_run(server.store)
    phone = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, color_scheme="dark")
    for address in ("matrix", "probes/1?step=20"):
        phone.goto(f"{server.url}/runs/support/{address}")
        phone.wait_for_selector("h1")
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390, address
        axe(phone)


def test_without_scripts_cells_and_frames_are_links(open_page: OpenPage, server: RunningServer) -> None:
    a_changing_run(server.store)
    plain = open_page(java_script_enabled=False)
    plain.goto(f"{server.url}/runs/support/matrix")
    plain.get_by_role("link", name="About refund?").click()
    plain.wait_for_url("**/probes/3")
    plain.locator(".frame.changed").click()
    plain.wait_for_url("**/probes/3?step=20")
    assert plain.locator("#card-3-0 ins").count() == 1
