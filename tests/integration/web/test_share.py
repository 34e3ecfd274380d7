"""The share page, and what a teammate meets who opens a link."""

import re
from collections.abc import Callable

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from beyondloss.services import sharing
from beyondloss.store.engine import Store
from beyondloss.store.tables import Rater, Run
from beyondloss.web.share.pages import DAY_SECONDS, expiry_text
from tests.factories import a_project, a_rater, a_run, a_share_link

HX = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#share"}


@pytest.fixture
def run(store: Store) -> Run:
    return a_run(store, a_project(store, name="support"), name="support-v3")


def form(run: Run, **fields: str) -> dict[str, str]:
    return {"scope": f"run:{run.id}", "role": "rate", "expires": "7", "note": ""} | fields


def link_in(html: str) -> str:
    found = re.search(r'id="made-url"[^>]*value="([^"]+)"', html)
    assert found
    return found[1]


def raters(store: Store) -> list[tuple[str, int | None]]:
    with store.read() as session:
        return [(row.name, row.share_link_id) for row in session.exec(select(Rater)).all() if not row.is_owner]


def test_an_empty_store_says_what_to_do_first(client: TestClient) -> None:
    page = client.get("/share")

    assert page.status_code == 200
    assert "Import a run first" in page.text


def test_a_new_link_is_shown_once_with_its_qr_code_and_never_again(client: TestClient, run: Run) -> None:
    made = client.post("/share", data=form(run, note="for Ann & Bo"))
    url = link_in(made.text)

    assert made.status_code == 200
    assert url.startswith("http://127.0.0.1:8420/s/")
    assert 'src="data:image/svg+xml' in made.text
    assert made.headers["cache-control"] == "no-store"
    later = client.get("/share").text
    assert url.rpartition("/")[2] not in later
    assert "for Ann &amp; Bo" in later
    assert "ends in 7 days" in later


def test_a_server_that_others_cannot_reach_says_so(client: TestClient, run: Run) -> None:
    assert "--host 0.0.0.0" in client.get("/share").text


@pytest.mark.parametrize(
    "wrong",
    [
        {"scope": ""},
        {"scope": "run:x"},
        {"scope": "run:999999"},
        {"scope": "star:1"},
        {"role": "own"},
        {"expires": "0"},
    ],
)
def test_a_link_that_cannot_be_is_told_and_what_was_typed_stays(
    client: TestClient, store: Store, run: Run, wrong: dict[str, str]
) -> None:
    page = client.post("/share", data=form(run, note="for Ann", **wrong))

    assert page.status_code in {400, 404}
    assert 'role="alert"' in page.text
    assert 'value="for Ann"' in page.text
    assert sharing.list_links(store) == []


def test_the_form_can_come_with_its_run_chosen(client: TestClient, store: Store, run: Run) -> None:
    a_run(store, name="other")

    page = client.get("/share", params={"run": run.id})

    assert f'<option value="run:{run.id}" selected>support-v3</option>' in page.text


def test_the_part_that_htmx_gets_is_a_piece_of_the_page(client: TestClient, run: Run) -> None:
    client.post("/share", data=form(run))

    assert client.get("/share", headers=HX).text.strip() in client.get("/share").text


def test_a_revoked_link_is_listed_as_ended(client: TestClient, store: Store, run: Run) -> None:
    link = a_share_link(store, run=run)

    answer = client.post(f"/share/{link.id}/revoke")

    assert (answer.status_code, answer.headers["location"]) == (303, "/share")
    assert "1 link that has ended" in client.get("/share").text
    assert client.post(f"/share/{link.id}/revoke", headers=HX).status_code == 200
    assert client.post("/share/999999/revoke").status_code == 404


def test_only_the_owner_shares(
    stranger: TestClient, guest_of: Callable[..., TestClient], store: Store, run: Run
) -> None:
    link = a_share_link(store, run=run)
    guest = guest_of(link.id)

    for visitor in (guest, stranger):
        assert visitor.get("/share").status_code == 403
        assert visitor.post("/share", data=form(run)).status_code == 403
        assert visitor.post(f"/share/{link.id}/revoke").status_code == 403
    assert [one.state for one in sharing.list_links(store)] == ["live"]


def test_a_viewing_link_leads_straight_in(stranger: TestClient, store: Store, run: Run) -> None:
    a_share_link(store, run=run, role="view", token="look")

    answer = stranger.get("/s/look")

    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run.id}")
    assert "bl_link" in stranger.cookies
    assert raters(store) == []


def test_a_rating_link_asks_for_a_name_once(stranger: TestClient, store: Store, run: Run) -> None:
    link = a_share_link(store, run=run, token="rate")

    asked = stranger.get("/s/rate")
    assert (asked.status_code, "What is your name?" in asked.text, "support-v3" in asked.text) == (200, True, True)
    assert "bl_link" not in stranger.cookies
    answer = stranger.post("/s/rate", data={"name": " 王 小明 "})

    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run.id}/rate")
    assert raters(store) == [("王 小明", link.id)]
    assert stranger.get("/s/rate").status_code == 303, "known from now on"


def test_the_same_name_on_another_device_is_the_same_rater(
    make_client: Callable[..., TestClient], store: Store, run: Run
) -> None:
    a_share_link(store, run=run, token="rate")
    for name in ("Ann", "ann"):
        device = make_client(client=("192.0.2.9", 1), base_url="http://bench.example")
        assert device.post("/s/rate", data={"name": name}).status_code == 303

    assert [name for name, _ in raters(store)] == ["Ann"]


def test_a_name_that_cannot_be_read_is_asked_again(stranger: TestClient, store: Store, run: Run) -> None:
    a_share_link(store, run=run, token="rate")

    answer = stranger.post("/s/rate", data={"name": " \u200b "})

    assert answer.status_code == 400
    assert 'aria-invalid="true"' in answer.text
    assert raters(store) == []


def test_a_name_given_through_one_link_does_not_follow_to_another(stranger: TestClient, store: Store, run: Run) -> None:
    a_share_link(store, run=run, token="first")
    a_share_link(store, run=run, token="second")
    stranger.post("/s/first", data={"name": "Ann"})

    assert "What is your name?" in stranger.get("/s/second").text


def test_a_projects_guest_starts_at_the_runs(stranger: TestClient, store: Store) -> None:
    a_share_link(store, project=a_project(store), role="view", token="all")

    assert stranger.get("/s/all").headers["location"] == "/"


def test_a_wrong_an_expired_and_a_revoked_link_get_the_same_page(stranger: TestClient, store: Store, run: Run) -> None:
    a_share_link(store, run=run, token="expired", expires_at=1.0)
    a_share_link(store, run=run, token="revoked", revoked_at=1.0)

    pages = [stranger.get(f"/s/{token}") for token in ("wrong", "expired", "revoked")]
    pages += [stranger.post(f"/s/{token}", data={"name": "Ann"}) for token in ("wrong", "expired", "revoked")]

    assert {page.status_code for page in pages} == {404}
    assert len({re.sub(r"/s/\w+", "", page.text) for page in pages}) == 1
    assert "bl_link" not in stranger.cookies


def test_the_owner_becomes_a_guest_by_opening_a_link_and_the_owner_again_by_leaving(
    client: TestClient, store: Store, run: Run
) -> None:
    a_share_link(store, run=run, token="rate")
    assert "You own this BeyondLoss" in client.get("/s/rate").text
    client.post("/s/rate", data={"name": "Ann"})
    assert client.get("/share").status_code == 403

    client.post("/leave")

    assert client.get("/share").status_code == 200


def test_who_came_through_a_link_is_named_in_the_list(client: TestClient, store: Store, run: Run) -> None:
    a_rater(store, name="<b>Ann</b>", link=a_share_link(store, run=run))

    assert "raters: &lt;b&gt;Ann&lt;/b&gt;" in client.get("/share").text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (6.9 * DAY_SECONDS, "ends in 7 days"),
        (DAY_SECONDS, "ends in 1 day"),
        (5400.0 * 2, "ends in 3 hours"),
        (60.0, "ends in 1 minute"),
        (-5.0, "ends in 0 minutes"),
    ],
)
def test_when_a_link_ends_is_said_in_words(seconds: float, text: str) -> None:
    assert expiry_text(1_000.0 + seconds, state="live", now=1_000.0) == text


def test_a_link_without_an_end_and_one_that_ended_say_so() -> None:
    assert expiry_text(None, state="live") == "never ends"
    assert expiry_text(1.0, state="expired") == ""
