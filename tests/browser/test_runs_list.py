"""The list of runs in a real browser: first visit, live news, phone and dark."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, RunningServer
from tests.factories import a_probe, a_project, a_run, answers_everywhere, points

Axe = Callable[[Page], None]


def test_a_newcomer_types_a_wrong_folder_and_is_told_without_losing_it(server: RunningServer, page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="See what your model is becoming")).to_be_visible()
    page.get_by_label("Folder on this machine").fill("/no/such/folder")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no folder /no/such/folder")
    expect(page.get_by_label("Folder on this machine")).to_have_value("/no/such/folder")


@pytest.fixture(autouse=True)
def _a_refused_form_is_an_answer(watch: object) -> None:
    watch.allow("status of 400")  # type: ignore[attr-defined]


def test_a_new_run_appears_without_taking_half_typed_text_away(server: RunningServer, page: Page) -> None:
    project = a_project(server.store, name="support bot")
    a_run(server.store, project, name="first")
    page.goto("/")
    page.get_by_text("Import a folder").click()
    field = page.get_by_label("Folder on this machine")
    field.click()
    page.keyboard.type("/data/sav")
    a_run(server.store, project, name="second")
    expect(page.get_by_role("link", name="second", exact=True)).to_be_visible()
    expect(field).to_be_focused()
    page.keyboard.type("es")
    expect(field).to_have_value("/data/saves")


def test_an_imported_folder_shows_its_runs_at_once(server: RunningServer, page: Page, tmp_path: Path) -> None:
    run = tmp_path / "saves" / "tiny"
    run.mkdir(parents=True)
    (run / "trainer_state.json").write_text(
        '{"global_step": 2, "max_steps": 2, "log_history": [{"loss": 2.5, "step": 1}, {"loss": 1.5, "step": 2}]}'
    )
    page.goto("/")
    page.get_by_label("Folder on this machine").fill(str(tmp_path / "saves"))
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("1 run read:")).to_be_visible()
    expect(page.get_by_role("rowheader").get_by_role("link", name="tiny")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 390, 1440, 2560])
def test_the_list_fits_every_width_and_everybody_can_read_it(
    server: RunningServer, open_page: OpenPage, axe: Axe, *, width: int, scheme: str
) -> None:
    project = a_project(server.store, name="support bot")
    probes = [a_probe(server.store, project) for _ in range(3)]
    for name, state in (("a-run-with-quite-a-long-name-of-its-own", "training"), ("short", "diverged")):
        run = a_run(server.store, project, name=name, state=state, steps=(10, 20))
        points(server.store, run, loss=[2.5, 1.5, 0.5, float("nan") if state == "diverged" else 0.25])
        answers_everywhere(server.store, run, probes)
    page = open_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto("/")
    expect(page.get_by_role("rowheader")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    axe(page)
