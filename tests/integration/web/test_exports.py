"""Exports over HTTP: streamed files for the owner, nothing for others, and links on the run page that work."""

import json
import re
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from beyondloss.store.engine import Store
from beyondloss.store.tables import Run
from tests.factories import a_probe, a_project, a_rater, a_rating, a_run, a_share_link, an_answer, checkpoints_of

GuestOf = Callable[..., TestClient]
EXPORT = "/api/v1/export"


@pytest.fixture
def run(store: Store) -> Run:
    """One rated comparison."""
    project = a_project(store)
    probe = a_probe(store, project)
    run = a_run(store, project, steps=(10,), name="支援 v3")
    base, step = checkpoints_of(store, run)
    answer, reference = an_answer(store, step, probe, text="=1+1"), an_answer(store, base, probe, text="Paris.")
    a_rating(store, a_rater(store, name="Ann"), answer, reference, verdict=-1)
    return run


@pytest.mark.parametrize("form", ["trl-dpo", "trl-kto", "llamafactory", "llamafactory-kto", "ms-swift", "ms-swift-kto"])
def test_preferences_come_as_json_lines_in_every_form(client: TestClient, run: Run, form: str) -> None:
    response = client.get(f"{EXPORT}/preferences", params={"run": run.name, "format": form})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/jsonl")
    assert response.headers["content-disposition"] == f'attachment; filename="run-{run.id}-{form}.jsonl"'
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert {line["provenance"]["format"] for line in lines} == {form}
    assert len(lines) == (2 if form.endswith("kto") else 1)


def test_tables_come_as_csv_or_json_lines(client: TestClient, run: Run) -> None:
    ratings = client.get(f"{EXPORT}/ratings?run={run.id}")
    assert ratings.headers["content-type"] == "text/csv; charset=utf-8"
    assert ratings.text.splitlines()[1].split(",")[0] == run.name
    answers = client.get(f"{EXPORT}/answers?run={run.id}&format=jsonl")
    assert [json.loads(line)["text"] for line in answers.text.splitlines()] == ["=1+1", "Paris."]
    assert "'=1+1" in client.get(f"{EXPORT}/answers?run={run.id}&format=csv").text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("format=alpaca", 422),
        ("least_agreement=2", 422),
        ("least_agreement=nan", 422),
        ("least_raters=0", 422),
        ("format=trl-dpo&ties=good", 400),
        ("format=trl-kto&both_bad=good", 400),
    ],
)
def test_impossible_wishes_are_problems_before_the_first_line(
    client: TestClient, run: Run, query: str, status: int
) -> None:
    response = client.get(f"{EXPORT}/preferences?run={run.id}&{query}")
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("what", ["preferences", "ratings", "answers"])
def test_a_guest_takes_nothing_away_and_other_runs_are_not_there(
    guest_of: GuestOf, store: Store, run: Run, what: str
) -> None:
    other = a_run(store, a_project(store))
    guest = guest_of(a_share_link(store, run=run).id)
    assert guest.get(f"{EXPORT}/{what}?run={run.id}").status_code == 403
    assert guest.get(f"{EXPORT}/{what}?run={other.id}").status_code == 404


def test_the_links_of_the_run_page_lead_to_files_and_guests_have_none(
    client: TestClient, guest_of: GuestOf, store: Store, run: Run
) -> None:
    page = client.get(f"/runs/{run.id}").text
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="(/api/v1/export/[^"]+)"', page)]
    assert len(links) == 4
    for link in links:
        assert client.get(link).text.strip(), link
    guest = guest_of(a_share_link(store, run=run).id)
    assert "/export/" not in guest.get(f"/runs/{run.id}").text
