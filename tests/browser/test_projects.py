"""Writing probes in the page, with and without JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, RunningServer
from tests.browser.watching import Watch
from tests.factories import a_behaviour, a_probe, a_project

Axe = Callable[[Page], None]


@pytest.mark.parametrize("has_scripts", [True, False], ids=["with scripts", "without"])
def test_a_person_writes_edits_archives_and_brings_back_a_probe(
    server: RunningServer, open_page: OpenPage, *, has_scripts: bool
) -> None:
    project = a_project(server.store, name="support bot")
    page = open_page(java_script_enabled=has_scripts)
    page.goto(f"/projects/{project.id}")
    page.get_by_role("link", name="Add a probe").click()
    page.get_by_label("Question", exact=True).fill("What is the capital of France?")
    page.get_by_label("Family").select_option("retention")
    page.get_by_label("A new behaviour").fill("answers the question asked")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_text("What is the capital of France?")).to_be_visible()
    expect(page.get_by_text("answers the question asked").first).to_be_visible()

    page.get_by_role("link", name="Edit what-is-the-capital-of-france").click()
    page.get_by_label("Question", exact=True).fill("What is the capital of Spain?")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_text("What is the capital of Spain?")).to_be_visible()

    page.get_by_role("button", name="Archive what-is-the-capital-of-france").click()
    expect(page.get_by_text("What is the capital of Spain?")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("What is the capital of Spain?")).to_be_visible()


def test_a_taken_id_is_told_in_the_form_and_nothing_typed_is_lost(
    server: RunningServer, page: Page, watch: Watch
) -> None:
    watch.allow("status of 409")
    project = a_project(server.store)
    a_probe(server.store, project, key="france")
    page.goto(f"/projects/{project.id}?add=")
    page.get_by_label("Question", exact=True).fill("Where is Lyon?")
    page.get_by_label("Id", exact=True).fill("france")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_role("alert")).to_contain_text("france")
    expect(page.get_by_label("Question", exact=True)).to_have_value("Where is Lyon?")


def test_probes_are_pasted_in_and_counted(server: RunningServer, page: Page) -> None:
    project = a_project(server.store)
    page.goto(f"/projects/{project.id}")
    page.get_by_role("link", name="Import", exact=True).click()
    page.get_by_label("Or paste it").fill("probes:\n  - id: a\n    prompt: One?\n  - id: b\n    prompt: 二？\n")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("2 probes added")).to_be_visible()
    expect(page.get_by_text("二？")).to_be_visible()


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("query", ["", "?edit=1", "?add=", "?import=1", "?behaviour=1"])
def test_the_project_page_fits_and_everybody_can_use_it(
    server: RunningServer, open_page: OpenPage, axe: Axe, *, width: int, query: str
) -> None:
    project = a_project(server.store, name="support bot")
    behaviour = a_behaviour(server.store, project, name="confirms before acting")
    a_probe(
        server.store, project, prompt="Can you guarantee my refund? " * 8, behaviours=[behaviour], good="No promise."
    )
    page = open_page(viewport={"width": width, "height": 900}, color_scheme="dark" if width == 360 else "light")
    page.goto(f"/projects/{project.id}{query}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    axe(page)


def test_the_apis_documentation_opens_its_calls(server: RunningServer, page: Page, axe: Axe) -> None:
    page.goto("/api/docs")
    page.get_by_text("/api/v1/runs/{run}/metrics").first.click()
    expect(page.get_by_text("Most points a series.")).to_be_visible()
    axe(page)
