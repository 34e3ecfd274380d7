"""Sharing in a real browser: make a link, open it elsewhere, revoke it."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, RunningServer
from tests.browser.watching import Watch
from tests.factories import a_project, a_run, a_share_link


def make_link(page: Page, server: RunningServer, *, note: str = "") -> str:
    page.goto(f"{server.url}/share")
    page.get_by_label("Note").fill(note)
    page.get_by_role("button", name="Make the link").click()
    return page.get_by_label("Link", exact=True).input_value()


def test_an_owner_shares_a_run_and_a_teammate_comes_in_by_name(
    server: RunningServer, page: Page, open_page: OpenPage, watch: Watch
) -> None:
    run = a_run(server.store, name="support-v3")
    url = make_link(page, server, note="for Ann")
    expect(page.get_by_role("img", name="The link as a QR code")).to_be_visible()

    teammate = open_page()
    teammate.goto(url)
    teammate.get_by_label("Name").fill("Ann")
    teammate.get_by_label("Name").press("Enter")

    expect(teammate).to_have_url(f"{server.url}/runs/{run.id}/rate")
    expect(teammate.get_by_label("Shared with you")).to_contain_text("Ann")
    page.reload()
    expect(page.locator(".link")).to_contain_text("raters: Ann")

    page.get_by_text("Revoke", exact=True).click()
    page.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_text("1 link that has ended")).to_be_visible()
    watch.allow("404")
    teammate.goto(url)
    expect(teammate.get_by_role("heading")).to_contain_text("does not work")


def test_the_copy_button_copies_and_says_so(server: RunningServer, open_page: OpenPage) -> None:
    a_run(server.store)
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    url = make_link(page, server)

    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == url


def test_a_link_is_made_and_revoked_without_javascript(server: RunningServer, open_page: OpenPage) -> None:
    a_run(server.store)
    page = open_page(java_script_enabled=False)
    assert re.fullmatch(rf"{server.url}/s/[\w-]{{43}}", make_link(page, server))
    expect(page.get_by_role("button", name="Copy")).to_be_hidden()

    page.get_by_text("Revoke", exact=True).click()
    page.get_by_role("button", name="Revoke it").click()

    expect(page.get_by_text("No link works now")).to_be_visible()


def test_the_share_pages_are_accessible_in_both_colours_and_fit_a_phone(
    server: RunningServer, open_page: OpenPage, axe: Callable[[Page], None]
) -> None:
    project = a_project(server.store, name="customer support")
    run = a_run(server.store, project, name="support-r8-with-a-rather-long-name-2026-11-24")
    a_share_link(server.store, run=run, token="rate", note="for Ann and the others of the evening shift")
    a_share_link(server.store, project=project, token="gone", revoked_at=1.0)
    for scheme, width in (("light", 1440), ("dark", 390)):
        page = open_page(color_scheme=scheme, viewport={"width": width, "height": 844})
        make_link(page, server)
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.goto(f"{server.url}/s/rate")
        axe(page)
