"""Who gets in, as whom, and who does not."""

import stat
from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from beyondloss.settings import Settings
from beyondloss.store.engine import Store
from beyondloss.web.visitors import Keys, kept_secret
from tests.factories import a_project, a_rater, a_share_link
from tests.integration.web.conftest import ELSEWHERE, MakeClient

GuestOf = Callable[..., TestClient]


def test_the_person_at_this_machine_is_the_owner(client: TestClient) -> None:
    assert client.get("/projects").status_code == 200


@pytest.mark.parametrize("host", ["localhost:8420", "127.0.0.1", "[::1]:8420"])
def test_every_loopback_name_is_this_machine(client: TestClient, host: str) -> None:
    assert client.get("/projects", headers={"Host": host}).status_code == 200


def test_somebody_on_another_machine_gets_one_plain_page(stranger: TestClient) -> None:
    page = stranger.get("/projects", headers={"Accept": "text/html"})
    assert page.status_code == 403
    assert "This BeyondLoss belongs to somebody else." in page.text
    problem = stranger.get("/api/v1/runs")
    assert problem.status_code == 403
    assert problem.json()["code"] == "no_access"


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "CF-Connecting-IP"])
def test_what_a_proxy_passes_on_is_not_the_owner(client: TestClient, header: str) -> None:
    assert client.get("/projects", headers={header: "127.0.0.1"}).status_code == 403


def test_loopback_under_another_name_is_not_the_owner(make_client: MakeClient) -> None:
    assert make_client(base_url="http://bench.example").get("/projects").status_code == 403


def test_another_machine_under_a_loopback_name_is_not_the_owner(make_client: MakeClient) -> None:
    assert make_client(client=ELSEWHERE).get("/projects").status_code == 403


def test_a_client_without_an_address_is_not_the_owner(make_client: MakeClient) -> None:
    assert make_client(client=("", 0)).get("/projects").status_code == 403


def test_the_owner_key_in_the_address_enters_and_leaves_the_address(app: Starlette, stranger: TestClient) -> None:
    entered = stranger.get(f"/projects?key={app.state.keys.owner_key}&all=1")
    assert entered.status_code == 303
    assert entered.headers["location"] == "/projects?all=1"
    assert "HttpOnly" in entered.headers["set-cookie"]
    assert stranger.get("/projects").status_code == 200


def test_the_owner_key_as_a_bearer_token_opens_the_api(app: Starlette, stranger: TestClient) -> None:
    key = app.state.keys.owner_key
    assert stranger.get("/api/v1/projects", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert stranger.get("/api/v1/projects", headers={"Authorization": "Bearer wrong"}).status_code == 403
    assert stranger.get("/api/v1/projects?key=wrong").status_code == 403


def test_a_share_link_opened_on_the_owners_machine_hides_the_rest_until_it_is_left(
    app: Starlette, client: TestClient, store: Store
) -> None:
    shared, other = a_project(store), a_project(store)
    link = a_share_link(store, project=shared)
    client.cookies.set("bl_link", app.state.keys.sign("link", link.id))
    assert client.get(f"/projects/{other.id}").status_code == 404
    page = client.get(f"/projects/{shared.id}")
    assert 'action="/leave"' in page.text
    client.post("/leave")
    client.cookies.delete("bl_link")
    assert client.get(f"/projects/{other.id}").status_code == 200


def test_leaving_takes_the_links_cookies_away(client: TestClient) -> None:
    cookies = client.post("/leave").headers.get_list("set-cookie")
    assert {c.split("=")[0] for c in cookies} == {"bl_link", "bl_rater"}
    assert all("Max-Age=0" in c for c in cookies)


def test_a_revoked_link_ends_at_once_even_for_those_inside(guest_of: GuestOf, store: Store) -> None:
    from beyondloss.services.sharing import revoke_link

    project = a_project(store)
    link = a_share_link(store, project=project)
    guest = guest_of(link.id)
    assert guest.get(f"/projects/{project.id}").status_code == 200
    revoke_link(store, link.id)
    ended = guest.get(f"/projects/{project.id}")
    assert ended.status_code == 404
    assert 'action="/leave"' in ended.text


def test_a_forged_or_foreign_cookie_opens_nothing(make_client: MakeClient, app: Starlette, store: Store) -> None:
    link = a_share_link(store, project=a_project(store))
    for value in (str(link.id), app.state.keys.sign("rater", link.id), "W1wibGlua1wiLDFd.AAAA", "", "\x7f"):
        forger = make_client(client=ELSEWHERE, base_url="http://bench.example")
        assert forger.get("/projects", headers={"Cookie": f"bl_link={value}"}).status_code == 403, value


def test_a_name_counts_only_with_the_link_it_was_given_through(app: Starlette, guest_of: GuestOf, store: Store) -> None:
    project = a_project(store)
    first, second = (a_share_link(store, project=project, token=token) for token in ("one", "two"))
    rater = a_rater(store, name="Mei", link=first)
    assert "Mei" in guest_of(first.id, rater_id=rater.id).get(f"/projects/{project.id}").text
    other = guest_of(second.id)
    other.cookies.set("bl_rater", app.state.keys.sign("rater", rater.id, first.id))
    assert "Mei" not in other.get(f"/projects/{project.id}").text


def test_secrets_are_made_once_and_readable_by_their_owner_only(settings: Settings) -> None:
    keys, again = Keys(settings.data_dir), Keys(settings.data_dir)
    assert keys.owner_key == again.owner_key
    assert again.read("link", keys.sign("link", 7)) == (7,)
    for name in ("secret.key", "owner.key"):
        assert stat.S_IMODE((settings.data_dir / name).stat().st_mode) == 0o600
    assert len(kept_secret(settings.data_dir / "secret.key")) >= 32
