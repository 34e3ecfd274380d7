"""The frame around every page, in a real browser."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import RunningServer
from tests.browser.watching import Watch


def test_the_first_page_opens_without_complaint(server: RunningServer, page: Page, axe: Callable[[Page], None]) -> None:
    page.goto("/")
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Runs")).to_be_visible()
    axe(page)


def test_the_question_mark_shows_the_keys_and_escape_hides_them(server: RunningServer, page: Page) -> None:
    page.goto("/")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_language_is_chosen_in_the_page_and_stays_chosen(server: RunningServer, page: Page) -> None:
    page.goto("/")
    page.locator(".languages summary").click()
    page.get_by_role("link", name="繁體中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hant")
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hant")


def test_an_unknown_address_gets_a_page_that_says_what_to_do(server: RunningServer, page: Page, watch: Watch) -> None:
    watch.allow("404")
    page.goto("/nowhere")
    expect(page.get_by_role("heading", name="There is nothing at this address.")).to_be_visible()
    expect(page.get_by_role("link", name="To the list of runs")).to_be_visible()
