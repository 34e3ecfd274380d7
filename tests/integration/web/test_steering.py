"""Steering over HTTP: the owner asks, the training hears and answers, and a link's guest can do neither."""

import time
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from beyondloss.store.engine import Store
from beyondloss.store.tables import Run
from tests.factories import a_project, a_run, a_share_link

GuestOf = Callable[..., TestClient]
API = "/api/v1/runs/support/steering"


@pytest.fixture
def run(store: Store) -> Run:
    return a_run(store, a_project(store), name="support", state="training", heard_at=time.time())


def test_an_order_goes_to_the_training_and_its_outcome_to_the_page(client: TestClient, run: Run) -> None:
    asked = client.post("/runs/support/steer/save")
    assert (asked.status_code, asked.headers["location"]) == (303, f"/runs/{run.id}")
    (request,) = client.post(f"{API}/heard", json={}).json()["requests"]
    assert (request["order"], request["state"]) == ("save", "asked")
    assert "the training does it at its next step" in client.get("/runs/support").text
    word = {"settled": [{"id": request["id"], "done": True, "step": 37}]}
    assert client.post(f"{API}/heard", json=word).json() == {"requests": []}
    assert "Saved at step 37, as you asked" in client.get("/runs/support").text
    assert client.get(API).json()["requests"][0]["state"] == "done"


def test_asking_twice_is_one_request(client: TestClient, run: Run) -> None:
    first, again = (client.post(API, json={"order": "stop"}).json() for _ in range(2))
    assert first["id"] == again["id"]


def test_a_page_left_open_hears_of_an_order(client: TestClient, run: Run) -> None:
    before = client.get("/runs/support/live?rev=0").json()
    client.post(API, json={"order": "save"})
    after = client.get(f"/runs/support/live?rev={before['rev']}").json()
    assert after["seen"] != before["seen"]


def test_before_it_is_asked_a_page_says_what_will_happen(client: TestClient, run: Run) -> None:
    page = client.get("/runs/support/steer/stop").text
    assert "saves a checkpoint and ends" in page
    assert f'action="/runs/{run.id}/steer/stop"' in page


@pytest.mark.parametrize(
    "fields",
    [{"state": "finished", "heard_at": 9e9}, {"state": "training", "heard_at": None}, {"heard_at": 1.0}],
)
def test_without_anybody_listening_there_is_nothing_to_press(
    client: TestClient, store: Store, fields: dict[str, object]
) -> None:
    a_run(store, a_project(store), name="support", **({"state": "training"} | fields))
    assert "/steer/" not in client.get("/runs/support").text
    assert "<form" not in client.get("/runs/support/steer/stop").text.partition("<main")[2].partition("</main>")[0]
    assert client.post(API, json={"order": "save"}).status_code == 409


def test_a_training_that_has_just_begun_obeys_nothing_that_another_was_asked(client: TestClient, run: Run) -> None:
    client.post(API, json={"order": "stop"})
    assert client.post(f"{API}/heard", json={"first": True}).json() == {"requests": []}
    assert client.get(API).json()["requests"][0]["state"] == "missed"


def test_an_order_that_the_training_did_not_live_to_see_is_missed(client: TestClient, run: Run) -> None:
    client.post(API, json={"order": "stop"})
    client.post("/api/v1/runs", json={"name": "support", "state": "finished"})
    assert client.get(API).json()["requests"][0]["state"] == "missed"


@pytest.mark.parametrize("role", ["view", "rate"])
def test_a_share_link_neither_shows_nor_steers(
    client: TestClient, guest_of: GuestOf, store: Store, run: Run, role: str
) -> None:
    guest = guest_of(a_share_link(store, run=run, role=role).id)
    assert "/steer/" not in guest.get("/runs/support").text
    for order in ("save", "stop"):
        assert guest.get(f"/runs/support/steer/{order}").status_code == 403
        assert guest.post(f"/runs/support/steer/{order}").status_code == 403
        assert guest.post(API, json={"order": order}).status_code == 403
    assert guest.get(API).status_code == 403
    assert guest.post(f"{API}/heard", json={}).status_code == 403
    assert client.get(API).json()["requests"] == []


def test_an_order_that_does_not_exist_is_refused(client: TestClient, run: Run) -> None:
    assert client.post(API, json={"order": "explode"}).status_code == 422
    assert client.get("/runs/support/steer/explode").status_code in {400, 404, 422}
