"""The run page in a real browser: choose on the curve, read, rate with keys, come back another day."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from beyondloss.domain.metrics import MetricPoint
from beyondloss.services.metrics import append_points
from tests.browser.conftest import OpenPage, RunningServer
from tests.browser.run_content import a_changing_run
from tests.factories import (
    a_behaviour,
    a_checkpoint,
    a_probe,
    a_project,
    a_rater,
    a_rating,
    a_run,
    an_answer,
    checkpoints_of,
    points,
)

CheckPage = Callable[[Page], None]

DRAWN = "#chart[data-drawn]"
CURRENT = "[data-kept-current]"


def opened(page: Page, server: RunningServer, address: str = "") -> Page:
    page.goto(f"{server.url}/runs/support{address}")
    page.wait_for_selector(DRAWN)
    return page


def mark_of(page: Page, index: int) -> dict[str, float]:
    """Where the middle of a checkpoint's mark is; the base is the first."""
    box = page.locator("#chart .scatterlayer .trace").last.locator(".points path").nth(index).bounding_box()
    assert box
    return {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}


def pressed(page: Page, verdict: str) -> None:
    expect(page.locator(f"{CURRENT} .verdicts .rate.{verdict}")).to_have_attribute("aria-pressed", "true")


def test_the_newest_answered_checkpoint_opens_with_what_changed(page: Page, server: RunningServer) -> None:
    a_changing_run(server.store)
    opened(page, server)
    expect(page.locator("#run-say")).to_contain_text("At step 30, against base: 3 of 4 answers changed")
    expect(page.locator("#run-cards > [data-card]")).to_have_count(3)
    expect(page.locator("#unchanged > summary")).to_contain_text("1 answer is the same")


def test_a_click_on_the_curve_moves_diffs_and_address_and_back_undoes_it(page: Page, server: RunningServer) -> None:
    a_changing_run(server.store)
    opened(page, server)
    page.mouse.click(**mark_of(page, 1))
    page.wait_for_url("**/runs/*step=10*")
    expect(page.locator("#run-say")).to_contain_text("At step 10")
    expect(page.locator("#fell-back")).to_be_visible()
    page.mouse.click(**mark_of(page, 2))
    page.wait_for_url("**/runs/*step=20*")
    expect(page.locator("#card-1-0 ins")).to_contain_text("Please rest assured")
    page.go_back()
    expect(page.locator("#run-say")).to_contain_text("At step 10")
    page.go_forward()
    expect(page.locator("#run-say")).to_contain_text("At step 20")
    expect(page.locator(DRAWN)).to_have_count(1)


def test_keys_choose_checkpoint_reference_and_view(page: Page, server: RunningServer) -> None:
    a_changing_run(server.store)
    opened(page, server)
    page.keyboard.press("[")
    expect(page.locator("#step-select")).to_have_value("20")
    page.keyboard.press("p")
    page.wait_for_url("**against=previous*")
    page.keyboard.press("b")
    expect(page.locator("#run-say")).to_contain_text("against base")
    page.keyboard.press("d")
    page.wait_for_url("**view=merged*")
    expect(page.locator(".column.merged")).to_have_count(3)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("]")
    expect(page.locator("#step-select")).to_have_value("20")


def test_rating_undo_and_comment_by_keys_survive_a_reload(page: Page, server: RunningServer) -> None:
    a_changing_run(server.store)
    opened(page, server)
    page.keyboard.press("j")
    expect(page.locator(CURRENT)).to_have_attribute("id", "card-2-0")
    page.keyboard.press("3")
    pressed(page, "more")
    expect(page.locator("#run-say")).to_contain_text("You rated 1 of 3")
    page.keyboard.press("1")
    pressed(page, "less")
    expect(page.locator("#toasts")).to_contain_text("Rated: less like it.")
    page.keyboard.press("u")
    pressed(page, "more")
    page.keyboard.press("c")
    page.keyboard.type("says 1 and 2, x too")
    page.keyboard.press("Escape")
    expect(page.locator("#toasts")).to_contain_text("Comment saved.")
    page.reload()
    page.wait_for_selector(DRAWN)
    card = page.locator("#card-2-0")
    expect(card.locator(".verdicts .rate.more")).to_have_attribute("aria-pressed", "true")
    expect(card.locator("textarea")).to_have_value("says 1 and 2, x too")


def test_each_behaviour_can_be_rated_by_itself(page: Page, server: RunningServer) -> None:
    a_changing_run(server.store)
    opened(page, server)
    card = page.locator("#card-1-0")
    card.get_by_text("by behaviour").click()
    card.get_by_role("group", name="plain tone").get_by_role("button", name="less").click()
    expect(page.locator("#toasts")).to_contain_text("plain tone · Rated: less like it.")
    expect(card.get_by_role("group", name="plain tone").get_by_role("button", name="less")).to_have_attribute(
        "aria-pressed", "true"
    )


def test_news_arrive_without_taking_focus_scroll_or_half_typed_text(page: Page, server: RunningServer) -> None:
    run, probes = a_changing_run(server.store)
    opened(page, server, "?step=20")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("c")
    page.keyboard.type("half a thou")
    top = page.locator("#card-3-0").bounding_box()
    points_before = int(page.get_attribute("#chart", "data-drawn") or 0)
    added = a_checkpoint(server.store, run, step=40)
    an_answer(server.store, added, probes[0], text="New.")
    append_points(server.store, run.id or 0, [MetricPoint("loss", 40, 0.2)])
    expect(page.locator("#checkpoints [data-mark]")).to_have_count(5)
    expect(page.locator("#chart")).to_have_attribute("data-drawn", str(points_before + 1))
    assert page.evaluate("document.activeElement.value") == "half a thou"
    page.keyboard.type("ght")
    assert page.evaluate("document.activeElement.value") == "half a thought"
    after = page.locator("#card-3-0").bounding_box()
    assert top and after and abs(top["y"] - after["y"]) < 2


def test_a_half_typed_comment_survives_a_reload(page: Page, server: RunningServer) -> None:
    a_changing_run(server.store)
    opened(page, server)
    page.keyboard.press("c")
    page.keyboard.type("not yet sent")
    page.reload()
    page.wait_for_selector(DRAWN)
    expect(page.locator("#card-1-0 textarea")).to_have_value("not yet sent")


def test_finding_text_keeps_the_address_and_the_field(page: Page, server: RunningServer) -> None:
    a_changing_run(server.store)
    opened(page, server)
    page.fill("#find-text", "order number")
    page.wait_for_url("**q=order+number*")
    expect(page.locator("#run-cards > [data-card]")).to_have_count(1)
    assert page.evaluate("document.activeElement.id") == "find-text"


HOSTILE = {
    "script": "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">",
    "markdown": "![pixel](https://evil.example/p.png) [go](javascript:alert(1))",
    "turned": "safe \u202eevil\u202c and \u2066more",
    "long": "word " * 20_000,
    "broken": "half \ufffd a character",
}


def test_hostile_answers_are_text_and_nothing_runs_or_loads(page: Page, server: RunningServer) -> None:
    a_changing_run(server.store, answers=HOSTILE)
    opened(page, server)
    expect(page.locator("#card-1-0")).to_contain_text("<script>document.title='owned'</script>")
    expect(page.locator("#card-2-0")).to_contain_text("![pixel](https://evil.example/p.png)")
    expect(page.locator("#card-3-0 .control").first).to_have_attribute("data-mark", "RLO")
    expect(page.locator("#card-4-0 .fold").first).to_be_visible()
    page.locator("#card-2-0").get_by_role("link", name="Markdown", exact=True).click()
    expect(page.locator("#card-2-0 .md").first).to_contain_text("![pixel]")
    assert page.locator(".answer-text :is(img, script, iframe)").count() == 0
    assert page.title() == "support · BeyondLoss"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(
    open_page: OpenPage, server: RunningServer, axe: Callable[[Page], None], scheme: str
) -> None:
    a_changing_run(server.store)
    page = opened(open_page(color_scheme=scheme), server)
    page.locator("#checkpoints > summary").click()
    page.locator("#made-1-0 > summary").click()
    axe(page)


def test_on_a_phone_nothing_sticks_out_and_fingers_hit(
    phone: Page, server: RunningServer, axe: Callable[[Page], None]
) -> None:
    a_changing_run(server.store)
    opened(phone, server)
    assert phone.evaluate("document.querySelector('main').scrollWidth <= innerWidth")
    for button in phone.locator("#card-1-0 .verdicts .rate").all():
        box = button.bounding_box()
        assert box and box["height"] >= 44
    phone.locator("#card-1-0 .verdicts .rate.more").tap()
    expect(phone.locator("#run-say")).to_contain_text("You rated 1 of 3")
    axe(phone)


def test_on_a_phone_tables_of_many_rated_checkpoints_scroll_in_their_own_boxes(
    phone: Page, server: RunningServer
) -> None:
    store = server.store
    project = a_project(store)
    probe = a_probe(store, project, behaviours=[a_behaviour(store, project, name="asks before assuming")])
    run = a_run(store, project, name="support", steps=tuple(range(10, 130, 10)))
    base, *others = checkpoints_of(store, run)
    before, rater = an_answer(store, base, probe, text="before"), a_rater(store)
    for other in others:
        a_rating(store, rater, an_answer(store, other, probe, text="after"), before)
    points(store, run, loss=[2.0 * 0.98**step for step in range(120)])
    opened(phone, server)
    for table in ("checkpoints", "behaviours"):
        if phone.locator(f"#{table}:not([open]) > summary").count():
            phone.locator(f"#{table} > summary").tap()
    expect(phone.locator(".table-scroll .verdict-mark").first).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_scripts_one_can_still_choose_and_rate(open_page: OpenPage, server: RunningServer) -> None:
    a_changing_run(server.store)
    page = open_page(java_script_enabled=False)
    page.goto(f"{server.url}/runs/support?step=20")
    page.locator("#card-1-0 .verdicts .rate.less").click()
    assert "step=20" in page.url
    expect(page.locator("#card-1-0 .verdicts .rate.less")).to_have_attribute("aria-pressed", "true")
    page.locator("#checkpoints > summary").click()
    page.locator("#checkpoints").get_by_role("link", name="10").click()
    expect(page.locator("#run-say")).to_contain_text("At step 10")
