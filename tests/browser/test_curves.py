"""Alarms on the curve and curves laid over each other, in a real browser."""

import numpy as np
from playwright.sync_api import Page, expect

from tests.browser.conftest import RunningServer
from tests.factories import a_run, points

DRAWN = "#chart[data-drawn]"
NOTIFICATIONS = """
window.told = [];
window.Notification = class extends EventTarget {
  static permission = "default";
  static async requestPermission() { return (Notification.permission = "granted"); }
  constructor(title, { body }) { super(); window.told.push(`${title}: ${body}`); }
};
"""
"""A desktop that says yes, and keeps what it was told: headless Chromium has none."""


def calm(count: int) -> list[float]:
    return np.exp(np.random.default_rng(0).normal(0, 0.05, count)).tolist()


def test_an_alarm_that_arrives_is_drawn_and_listed_and_goes_when_seen(page: Page, server: RunningServer) -> None:
    run = a_run(server.store, name="support", state="training")
    points(server.store, run, loss=calm(120))
    page.goto(f"{server.url}/runs/support")
    page.wait_for_selector(DRAWN)
    expect(page.locator("#alarms [data-kind=spike]")).to_have_count(0)
    points(server.store, run, first_step=121, loss=[4.0, 1.0])
    expect(page.locator("#alarms [data-kind=spike]")).to_contain_text("step 121", timeout=10_000)
    page.wait_for_function(
        "document.querySelector('#chart').data.some((t) => t.meta === 'alarms' && t.x.includes(121))"
    )
    expect(page.locator("#chart .annotation-text", has_text="spike")).to_be_visible()
    page.get_by_role("button", name="Seen: spike at step 121").click()
    expect(page.locator("#alarms-seen > summary")).to_contain_text("seen")
    expect(page.locator("#chart .annotation-text", has_text="spike")).to_have_count(0)


def test_alarms_are_told_on_the_desktop_once_somebody_wants_that(page: Page, server: RunningServer) -> None:
    run = a_run(server.store, name="support", state="training")
    points(server.store, run, loss=calm(120))
    page.add_init_script(NOTIFICATIONS)
    page.goto(f"{server.url}/runs/support")
    page.wait_for_selector(DRAWN)
    page.get_by_role("button", name="Tell alarms on this desktop").click()
    expect(page.get_by_role("button", name="are told on this desktop")).to_have_attribute("aria-pressed", "true")
    points(server.store, run, first_step=121, loss=[4.0, 1.0])
    page.wait_for_function("() => window.told.length === 1")
    assert page.evaluate("window.told[0]").startswith("support: spike")
    page.get_by_role("button", name="Mute this run").click()
    expect(page.locator("#alarms .chip")).to_have_text("muted")
    points(server.store, run, first_step=123, loss=[*calm(40), 4.0])
    expect(page.locator("#alarms [data-kind=spike]")).to_have_count(2)
    assert page.evaluate("window.told.length") == 1


def test_a_live_curve_asks_only_for_what_is_new_and_keeps_its_zoom(page: Page, server: RunningServer) -> None:
    run = a_run(server.store, name="support", state="training")
    points(server.store, run, loss=calm(300))
    page.goto(f"{server.url}/runs/support")
    page.wait_for_selector(DRAWN)
    page.evaluate("window.Plotly.relayout('chart', {'xaxis.range[0]': 50, 'xaxis.range[1]': 150})")
    page.wait_for_function("!document.querySelector('[data-tool=reset]').hidden")
    page.evaluate("document.querySelector('#chart .main-svg').dataset.same = 'yes'")
    with page.expect_request(lambda request: "/metrics?" in request.url and "from=301" in request.url, timeout=10_000):
        points(server.store, run, first_step=301, loss=[0.9, 0.8])
    page.wait_for_selector('#chart[data-drawn="302"]')
    expect(page.locator('#chart .main-svg[data-same="yes"]')).to_have_count(1)
    assert [round(edge) for edge in page.evaluate("document.querySelector('#chart').layout.xaxis.range")] == [50, 150]


def test_chosen_runs_are_laid_over_each_other(page: Page, server: RunningServer) -> None:
    slow = a_run(server.store, name="slow", config={"learning_rate": 1e-5})
    fast = a_run(server.store, name="fast", config={"learning_rate": 2e-4})
    points(server.store, slow, loss=calm(200), epoch=[i / 100 for i in range(200)])
    points(server.store, fast, loss=[0.5 * value for value in calm(100)], epoch=[i / 50 for i in range(100)])
    page.goto(server.url)
    page.get_by_label("Compare the curve of slow").check()
    points(server.store, slow, first_step=201, loss=[1.0])
    page.wait_for_timeout(2500)
    page.get_by_label("Compare the curve of fast").check()
    page.get_by_role("button", name="Compare curves").click()
    page.wait_for_selector('#curves-chart[data-drawn="2"]')
    assert page.evaluate("document.querySelector('#curves-chart').data.map((t) => Math.max(...t.x))") == [100, 201]
    page.get_by_role("link", name="epoch").click()
    page.wait_for_selector('#curves-chart[data-drawn="2"]')
    reached = page.evaluate("document.querySelector('#curves-chart').data.map((t) => Math.max(...t.x))")
    assert [round(x, 2) for x in reached] == [1.98, 1.99]
