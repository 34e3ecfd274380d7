"""The run page where something is missing: each state says what it is and what to do next."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from beyondloss.store.engine import Store
from tests.browser.conftest import OpenPage, RunningServer
from tests.browser.run_content import a_changing_run
from tests.factories import a_job, a_probe, a_project, a_run, a_share_link, checkpoints_of, points


def a_waiting_run(store: Store, **fields: object) -> None:
    project = a_project(store, name="default")
    a_probe(store, project, key="france")
    run = a_run(store, project, name="support", **fields)
    a_job(store, checkpoints_of(store, run)[0])


def test_before_the_first_checkpoint_the_page_says_what_will_come(page: Page, server: RunningServer) -> None:
    a_waiting_run(server.store, steps=(), state="training", config={"save_steps": 50})
    page.goto(f"{server.url}/runs/support")
    expect(page.locator("#run-notices")).to_contain_text("No checkpoint has been saved yet")
    expect(page.locator("#run-notices")).to_contain_text("every 50 steps")
    expect(page.locator("#chart")).to_contain_text("No loss has been logged yet")


def test_without_a_worker_the_page_says_how_to_get_one(page: Page, server: RunningServer) -> None:
    a_waiting_run(server.store)
    page.goto(f"{server.url}/runs/support")
    expect(page.locator("#run-notices")).to_contain_text('pip install "beyondloss[worker]"')
    expect(page.locator("#waiting")).to_contain_text("1 answer still to come")


def test_a_loss_that_is_no_number_is_drawn_and_named(page: Page, server: RunningServer) -> None:
    run, _ = a_changing_run(server.store)
    points(server.store, run, first_step=31, loss=[float("nan")] * 5)
    page.goto(f"{server.url}/runs/support")
    page.wait_for_selector("#chart[data-drawn]")
    expect(page.locator("#chart .annotation")).to_contain_text("NaN · step 31")


def test_a_view_only_guest_reads_and_cannot_rate(open_page: OpenPage, server: RunningServer) -> None:
    run, _ = a_changing_run(server.store)
    a_share_link(server.store, run=run, role="view", token="look")
    page = open_page()
    page.goto(f"{server.url}/s/look")
    page.wait_for_selector("#chart[data-drawn]")
    expect(page.locator("#run-cards > [data-card]")).to_have_count(3)
    expect(page.locator(".rating")).to_have_count(0)
    expect(page.locator("#run-more")).to_have_count(0)


def test_deleting_asks_first_and_says_what_goes(page: Page, server: RunningServer) -> None:
    a_changing_run(server.store)
    page.goto(f"{server.url}/runs/support")
    page.locator("#run-more > summary").click()
    page.get_by_role("link", name="Delete this run…").click()
    expect(page.locator("main")).to_contain_text("16 answers")
    page.get_by_role("button", name="Delete the run").click()
    page.wait_for_url(f"{server.url}/")
    expect(page.locator("main")).not_to_contain_text("support")


def test_how_a_run_was_trained_is_read_and_said_on_a_phone_too(
    server: RunningServer, phone: Page, axe: Callable[[Page], None]
) -> None:
    config = {"learning_rate": 1e-4, "lora_r": 8, "template": "alpaca", "warmup_momentum": 0.8}
    project = a_project(server.store, name="default")
    a_probe(server.store, project)
    told = {"template": "alpaca", "system_prompt": "Be kind. " * 40}
    run = a_run(server.store, project, name="support-v3", config=config, **told)
    phone.goto(f"{server.url}/runs/{run.id}")
    expect(phone.locator("#run-notices")).to_contain_text("Probes are not asked as in training.")
    phone.locator("#run-settings > summary").tap()
    sheet = phone.get_by_role("group", name="Settings")
    expect(sheet.get_by_role("row", name="trained with template")).to_contain_text("alpaca")
    expect(sheet.get_by_role("row", name="system prompt")).to_contain_text("Be kind.")
    expect(sheet.get_by_role("row", name="lora_r")).to_contain_text("8")
    expect(sheet.get_by_role("row", name="warmup_momentum")).to_be_hidden()
    sheet.get_by_text("1 more setting").tap()
    expect(sheet.get_by_role("row", name="warmup_momentum")).to_be_visible()
    box = sheet.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    axe(phone)
