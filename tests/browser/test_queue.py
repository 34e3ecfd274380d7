"""The queue page in a real browser: it moves by itself, and its buttons keep the focus."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from beyondloss.services import answers, queue
from tests.browser.conftest import RunningServer
from tests.factories.projects import a_probe, a_project
from tests.factories.runs import a_run

PHONE = {"width": 390, "height": 844}


def an_asked_run(server: RunningServer) -> None:
    project = a_project(server.store)
    for number in range(4):
        a_probe(server.store, project, prompt=f"Question {number}?")
    answers.request_answers(server.store, a_run(server.store, project, name="support-v3", steps=(10, 20)).id)
    queue.tell_worker_state(server.store, name="box:1:ff", engine="fake", device="cpu", status="answering")


def test_progress_moves_by_itself_and_a_button_pressed_keeps_the_focus(server: RunningServer, page: Page) -> None:
    an_asked_run(server)
    page.goto("/queue")
    expect(page.get_by_text("0 of 12 answers")).to_be_visible()
    job = queue.claim_job(server.store, "box:1:ff", lease_seconds=60)
    assert job is not None
    queue.heartbeat(server.store, job.id, "box:1:ff", lease_seconds=60, done=3, total=4)
    expect(page.get_by_text("3 of 12 answers")).to_be_visible()
    cancel = page.get_by_role("button", name="Cancel support-v3, step 10")
    cancel.focus()
    queue.heartbeat(server.store, job.id, "box:1:ff", lease_seconds=60, done=4, total=4)
    expect(page.get_by_text("4 of 12 answers")).to_be_visible()
    expect(cancel).to_be_focused()
    cancel.click()
    expect(page.get_by_role("heading", name="Ended")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("The queue is paused.", exact=False)).to_be_visible()
    assert queue.is_paused(server.store)


def test_it_is_readable_by_everybody_also_on_a_phone(
    server: RunningServer, open_page: Callable[..., Page], axe: Callable[[Page], None]
) -> None:
    an_asked_run(server)
    for options in ({"viewport": PHONE}, {"color_scheme": "dark"}):
        page = open_page(**options)
        page.goto("/queue")
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
