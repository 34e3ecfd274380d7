"""Choosing checkpoints of two runs, and reading one against the other."""

import pytest
from starlette.testclient import TestClient

from beyondloss.store.engine import Store
from tests.factories import a_probe, a_project, a_run, an_answer, checkpoints_of


@pytest.fixture
def two_runs(store: Store) -> None:
    project = a_project(store, name="support")
    probe = a_probe(store, project, prompt="What is the capital of France?")
    for name, text in (("first", "Paris."), ("second & third", "Rest assured.")):
        run = a_run(store, project, name=name, steps=(10,))
        an_answer(store, checkpoints_of(store, run)[1], probe, text=text)


def test_with_fewer_than_two_runs_it_says_what_to_wait_for(client: TestClient) -> None:
    assert "There is nothing to compare yet." in client.get("/compare").text


@pytest.mark.usefixtures("two_runs")
def test_every_answered_checkpoint_can_be_chosen(client: TestClient) -> None:
    page = client.get("/compare?this=first@10").text
    assert '<option value="first@10" selected>' in page
    assert '<option value="second &amp; third@10">' in page
    assert "@0" not in page  # the base has not answered


@pytest.mark.usefixtures("two_runs")
def test_two_chosen_checkpoints_lead_to_their_differences(client: TestClient) -> None:
    query = {"this": "first@10", "other": "second & third@10"}
    page = client.get("/compare", params=query, follow_redirects=True)
    assert page.url.path == "/runs/first"
    assert "At step 10, against second &amp; third at step 10:" in page.text
    assert "Rest assured" in page.text
    assert "1 of 1 answer changed" in page.text


@pytest.mark.usefixtures("two_runs")
@pytest.mark.parametrize(("this", "other"), [("first@10", "first@10"), ("first@99", ""), ("first@10", "nobody@1")])
def test_what_cannot_be_compared_is_said(client: TestClient, this: str, other: str) -> None:
    page = client.get("/compare", params={"this": this, "other": other})
    assert page.status_code == 400
    assert 'role="alert"' in page.text
