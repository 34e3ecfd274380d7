"""Rating mode in a real browser: keys, touch, undo, and what happens when the network or the server says no."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from beyondloss.domain.access import OWNER
from beyondloss.services.ratings import RatingView, list_ratings
from beyondloss.store.tables import Answer
from tests.browser.conftest import OpenPage, RunningServer
from tests.browser.run_content import a_changing_run
from tests.browser.watching import Watch
from tests.factories import points

CARD = "#rate-stage .rate-card"


def pair(page: Page) -> str:
    return page.locator(CARD).get_attribute("data-pair") or ""


def given_in_the_end(server: RunningServer, number: int, run_id: int = 1) -> list[RatingView]:
    """Once so many ratings are stored."""
    for _attempt in range(200):
        found = list_ratings(server.store, OWNER, run_id)
        if len(found) >= number:
            return found
        time.sleep(0.05)
    return list_ratings(server.store, OWNER, run_id)


def test_undo_comment_skip_and_both_bad_by_keys(server: RunningServer, page: Page) -> None:
    run, _probes = a_changing_run(server.store)
    page.goto(f"/runs/{run.id}/rate?step=30")
    page.wait_for_selector(CARD)
    first = pair(page)
    page.keyboard.press("x")
    expect(page.locator("#rate-last")).to_contain_text("both bad")
    page.keyboard.press("u")
    expect(page.locator(CARD)).to_have_attribute("data-pair", first)
    expect(page.locator("#rate-last")).to_contain_text("Taken back")
    assert list_ratings(server.store, OWNER, 1) == []

    page.keyboard.press("Enter")
    expect(page.locator(CARD)).not_to_have_attribute("data-pair", first)
    second = pair(page)
    page.keyboard.press("c")
    page.keyboard.type("a b s x")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    expect(page.locator(CARD)).not_to_have_attribute("data-pair", second)
    [given] = given_in_the_end(server, 1)
    assert (given.verdict, given.comment) == (0, "a b s x")

    page.keyboard.press("s")
    expect(page.locator("#rate-end")).to_contain_text("1 comparison left, which you skipped.")
    page.reload()
    page.get_by_role("link", name="Look at them again").click()
    expect(page.locator(CARD)).to_have_attribute("data-pair", first)
    page.keyboard.press("u")  # after a reload too: the newest of mine
    expect(page.locator("#rate-last")).to_contain_text("Taken back")


def test_keys_pressed_faster_than_the_server_answers_are_all_kept_and_taken_back_in_order(
    server: RunningServer, page: Page
) -> None:
    run, _probes = a_changing_run(server.store)
    page.goto(f"/runs/{run.id}/rate?step=30")
    page.wait_for_selector(CARD)
    held: list[Route] = []
    is_slow = True

    def hold(route: Route) -> None:
        if is_slow:
            held.append(route)
        else:
            route.continue_()

    page.route("**/rate", hold)
    first = pair(page)
    page.keyboard.press("x")
    second = pair(page)
    page.keyboard.press("s")
    page.keyboard.press("u")
    expect(page.locator(CARD)).to_have_attribute("data-pair", second)
    page.keyboard.press("u")
    expect(page.locator(CARD)).to_have_attribute("data-pair", first)
    is_slow = False
    held[0].continue_()
    expect(page.locator("#rate-last")).to_contain_text("Taken back")
    page.wait_for_load_state("networkidle")
    expect(page.locator("#rate-mine + .num")).to_have_text("0 of 3")
    expect(page.locator("#rate-undo")).to_be_hidden()
    assert list_ratings(server.store, OWNER, 1) == []


def test_a_vote_that_could_not_be_saved_comes_back(server: RunningServer, page: Page, watch: Watch) -> None:
    watch.allow("ERR_FAILED")
    run, _probes = a_changing_run(server.store)
    page.goto(f"/runs/{run.id}/rate?step=30")
    page.wait_for_selector(CARD)
    first = pair(page)
    page.route("**/rate", lambda route: route.abort())
    page.keyboard.press("a")
    expect(page.locator("#toasts")).to_contain_text("Your vote is not saved")
    expect(page.locator(CARD)).to_have_attribute("data-pair", first)
    page.unroute("**/rate")
    page.keyboard.press("a")
    [given] = given_in_the_end(server, 1)
    assert given.blind  # the names were never shown


def test_a_vote_that_is_refused_says_why_and_begins_the_round_anew(
    server: RunningServer, page: Page, watch: Watch
) -> None:
    watch.allow("404")
    run, probes = a_changing_run(server.store)
    page.goto(f"/runs/{run.id}/rate?step=30")
    page.wait_for_selector(CARD)
    gone = pair(page)
    with server.store.write() as session:
        for answer_id in map(int, gone.split("-")):
            session.delete(session.get_one(Answer, answer_id))
    page.keyboard.press("a")
    expect(page.locator("#toasts")).to_contain_text("There is no such answer.")
    expect(page.locator("#rate-mine + .num")).to_have_text("0 of 2")
    page.wait_for_selector(CARD)
    seen = {pair(page)}
    page.keyboard.press("s")
    expect(page.locator("#rate-mine + .num")).to_have_text("1 of 2")
    seen.add(pair(page))
    page.keyboard.press("s")
    expect(page.locator("#rate-end")).to_contain_text("You have rated all 2 comparisons")
    assert gone not in seen
    assert len(given_in_the_end(server, 2)) == 2 < len(probes)


def test_keys_that_belong_to_what_has_the_focus_are_no_votes_nor_are_keys_held_down(
    server: RunningServer, page: Page
) -> None:
    run, _probes = a_changing_run(server.store)
    page.goto(f"/runs/{run.id}/rate?step=30")
    page.wait_for_selector(CARD)
    first = pair(page)
    summary = page.locator(f"{CARD} .rate-comment summary")
    summary.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(f"{CARD} .rate-comment")).to_have_attribute("open", "")
    page.evaluate(
        """() => document.dispatchEvent(
            new KeyboardEvent("keydown", {key: "a", repeat: true, bubbles: true, cancelable: true}))"""
    )
    assert pair(page) == first
    assert list_ratings(server.store, OWNER, 1) == []


def test_a_training_that_logs_its_loss_does_not_refresh_the_page(server: RunningServer, page: Page) -> None:
    run, _probes = a_changing_run(server.store)
    page.goto(f"/runs/{run.id}/rate?step=30")
    page.wait_for_selector(CARD)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    points(server.store, run, loss=[0.7])
    page.wait_for_event("response", lambda answer: "/rate/live" in answer.url and answer.status == 200)
    page.wait_for_event("response", lambda answer: "/rate/live" in answer.url and answer.status == 204)
    assert [url for url in asked if "/live" not in url] == []


def test_another_device_goes_on_where_the_first_stopped(server: RunningServer, page: Page, open_page: OpenPage) -> None:
    run, _probes = a_changing_run(server.store)
    page.goto(f"/runs/{run.id}/rate")
    page.wait_for_selector(CARD)
    page.keyboard.press("a")
    expect(page.locator("#rate-mine + .num")).to_have_text("1 of 3")
    other = open_page()
    other.goto(f"/runs/{run.id}/rate")
    expect(other.locator(CARD)).to_have_attribute("data-pair", pair(page))
    expect(other.locator("#rate-mine + .num")).to_have_text("1 of 3")
    page.keyboard.press("b")
    expect(other.locator("#rate-mine + .num")).to_have_text("2 of 3")


def test_behaviours_are_split_by_keyboard_and_kept_by_enter(server: RunningServer, page: Page) -> None:
    run, _probes = a_changing_run(server.store)
    page.goto(f"/runs/{run.id}/rate?step=30")
    page.locator(f"{CARD} .rate-splits summary").click()
    first = page.locator(f"{CARD} .rate-split-row").first.locator("input").first
    first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")  # among the choices, not a vote
    expect(page.locator(f"{CARD} .rate-split-row input:checked")).to_have_value("same")
    page.keyboard.press("Enter")
    [given] = given_in_the_end(server, 1)
    assert (given.verdict, given.behaviour_id is None) == (0, False)


def test_by_touch_on_a_phone_everything_is_in_reach_and_nothing_overflows(server: RunningServer, phone: Page) -> None:
    run, _probes = a_changing_run(server.store)
    phone.goto(f"/runs/{run.id}/rate?step=30")
    for button in phone.locator(f"{CARD} .vote").all():
        expect(button).to_be_in_viewport(ratio=1)
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    phone.locator(f"{CARD} .vote[value=right]").tap()
    expect(phone.locator("#rate-last")).to_contain_text("step 30")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [360, 390])
def test_a_narrow_phone_shows_both_answers_and_all_buttons_without_sideways_scroll(
    server: RunningServer, open_page: OpenPage, width: int
) -> None:
    run, _probes = a_changing_run(server.store)
    phone = open_page(viewport={"width": width, "height": 740}, has_touch=True, is_mobile=True)
    phone.goto(f"/runs/{run.id}/rate?step=30")
    expect(phone.locator(f"{CARD} .rate-answer")).to_have_count(2)
    assert phone.evaluate("document.documentElement.scrollWidth") <= width
    for control in phone.locator(f"{CARD} :is(.vote, summary, .rate-skip)").all():
        box = control.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["height"] >= 32


def test_rating_mode_is_accessible_in_both_colours(
    server: RunningServer, open_page: OpenPage, axe: Callable[[Page], None]
) -> None:
    run, _probes = a_changing_run(server.store)
    for scheme, width in (("light", 1440), ("dark", 390)):
        page = open_page(color_scheme=scheme, viewport={"width": width, "height": 844})
        page.goto(f"/runs/{run.id}/rate?step=30")
        page.keyboard.press("a")
        expect(page.locator("#rate-last")).to_contain_text("step 30")
        axe(page)
    page.goto(f"/runs/{run.id}/rate?step=20")
    for _number in range(3):
        seen = pair(page)
        page.keyboard.press("s")
        expect(page.locator(f'{CARD}[data-pair="{seen}"]')).to_have_count(0)
    expect(page.locator("#rate-end")).to_contain_text("You have rated all 3")
    axe(page)


def test_it_all_works_without_scripts(server: RunningServer, open_page: OpenPage) -> None:
    run, _probes = a_changing_run(server.store)
    page = open_page(java_script_enabled=False)
    page.goto(f"/runs/{run.id}/rate?step=30")
    page.get_by_role("button", name="A is more like it").first.click()
    expect(page.locator("#rate-mine + .num")).to_have_text("1 of 3")
    page.get_by_role("button", name="undo").click()
    expect(page.locator("#rate-mine + .num")).to_have_text("0 of 3")
    page.locator(f"{CARD} .rate-skip").click()
    page.get_by_role("button", name="both bad").first.click()
    expect(page.locator("#rate-last")).to_contain_text("both bad")
