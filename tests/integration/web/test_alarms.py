"""Alarms over HTTP: listed, counted, seen and muted, with and without scripts."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from beyondloss.services import alarms
from beyondloss.store.engine import Store
from beyondloss.store.tables import Run
from tests.factories import a_run, a_share_link, points


@pytest.fixture
def run(store: Store) -> Run:
    made = a_run(store, name="support")
    points(store, made, loss=[2.0, 1.9, 0.0], grad_norm=[1.0, 1.0, float("nan")])
    return made


def test_the_api_tells_what_where_how_bad_and_what_to_check(client: TestClient, run: Run) -> None:
    body = client.get("/api/v1/runs/support/alarms").json()
    (alarm,) = body["items"]
    assert (alarm["kind"], alarm["step"], alarm["severity"]) == ("not_finite", 3, "critical")
    assert alarm["message"] == ("The loss is logged as exactly 0 while the gradient norm is NaN: a filter hides it.")
    assert alarm["check_first"].startswith("Stop the run")
    assert body["muted"] is False


def test_the_page_lists_it_and_the_runs_list_counts_it(client: TestClient, run: Run) -> None:
    page = client.get("/runs/support").text
    assert 'data-kind="not_finite"' in page
    assert "a filter hides it" in page
    assert "1 alarm<" in client.get("/").text


def test_seen_and_muted_work_without_scripts(client: TestClient, store: Store, run: Run) -> None:
    (alarm,) = alarms.find_alarms(store, run.id).alarms
    seen = client.post("/runs/support/alarms/acknowledge", data={"alarm": str(alarm.id), "state": "step=10"})
    assert (seen.status_code, seen.headers["location"]) == (303, f"/runs/{run.id}?step=10")
    page = client.get("/runs/support").text
    assert "1 alarm seen" in page
    assert "alarm-chip" not in client.get("/").text
    client.post("/runs/support/alarms/mute", data={"muted": "true"})
    assert "Unmute this run" in client.get("/runs/support").text


def test_the_page_is_asked_for_again_once_an_alarm_was_seen(client: TestClient, run: Run) -> None:
    before = client.get("/runs/support/live?rev=0").json()
    client.post("/api/v1/runs/support/alarms/acknowledge", json={})
    after = client.get("/runs/support/live?rev=0").json()
    assert after["rev"] > before["rev"]
    assert after["seen"] != before["seen"]


def test_an_alarm_that_is_not_there_is_told(client: TestClient, run: Run) -> None:
    assert client.post("/api/v1/runs/support/alarms/acknowledge", json={"alarm_id": 77}).status_code == 404
    assert client.post("/api/v1/runs/support/alarms/mute", json={"muted": "maybe"}).status_code == 422


def test_a_guest_reads_alarms_and_changes_none(guest_of: Callable[..., TestClient], store: Store, run: Run) -> None:
    guest = guest_of(a_share_link(store, run=run).id)
    assert guest.get("/api/v1/runs/support/alarms").json()["items"]
    assert guest.post("/api/v1/runs/support/alarms/mute", json={"muted": True}).status_code == 403
    assert guest.post("/runs/support/alarms/acknowledge", data={}).status_code == 403
    assert "Mute this run" not in guest.get("/runs/support").text
