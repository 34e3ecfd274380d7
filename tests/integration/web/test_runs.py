"""The first page over HTTP."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from beyondloss.settings import Settings
from beyondloss.store.engine import Store
from beyondloss.web.app import create_app
from tests.factories import a_project, a_run, points
from tests.integration.web.conftest import LOOPBACK, OWNER_URL


def test_an_empty_store_says_exactly_what_to_do(client: TestClient) -> None:
    page = client.get("/").text
    for expected in ('action="/import"', "beyondloss serve ./saves", "beyondloss demo --recorded"):
        assert expected in page


def test_runs_stand_by_project_the_newest_first(client: TestClient, store: Store) -> None:
    old, new = a_project(store, name="old project"), a_project(store, name="new project")
    a_run(store, old, name="first", first_seen=1.0)
    a_run(store, new, name="second", first_seen=2.0)
    a_run(store, old, name="third", first_seen=3.0)
    page = client.get("/").text
    places = [page.index(f">{text}<") for text in ("old project", "third", "first", "new project", "second")]
    assert places == sorted(places)


def test_a_diverged_run_shows_its_nan_in_word_and_shape(client: TestClient, store: Store) -> None:
    run = a_run(store, a_project(store), state="diverged")
    points(store, run, loss=[2.0, 1.5, float("nan")])
    page = client.get("/").text
    assert ">diverged<" in page
    assert ">NaN<" in page
    assert 'class="break"' in page


def test_an_open_list_asks_what_is_new_and_gets_nothing_or_news(client: TestClient, store: Store) -> None:
    a_run(store, a_project(store))
    rev = client.get("/live").json()["rev"]
    assert client.get(f"/live?rev={rev}").status_code == 204
    a_run(store, a_project(store))
    assert client.get(f"/live?rev={rev}").json()["rev"] != rev


def test_the_part_that_htmx_gets_is_a_piece_of_the_page(client: TestClient, store: Store) -> None:
    a_run(store, a_project(store))
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#runs"}
    assert client.get("/", headers=headers).text.strip() in client.get("/").text


def test_older_runs_are_a_click_away(client: TestClient, store: Store) -> None:
    project = a_project(store)
    for i in range(103):
        a_run(store, project, first_seen=float(i), steps=())
    assert client.get("/").text.count('<tr role="row" id="run-') == 100
    assert "Show 3 older runs" in client.get("/").text
    assert client.get("/?show=all").text.count('<tr role="row" id="run-') == 103


@pytest.mark.parametrize("folder", ["", "/no/such/folder", "x" * 3000, "~nobody-of-that-name/x", "a\x00b"])
def test_a_folder_that_is_not_there_is_told_beside_the_field(client: TestClient, folder: str) -> None:
    answer = client.post("/import", data={"folder": folder})
    assert answer.status_code == 400
    assert 'id="folder-error" role="alert"' in answer.text


def test_a_folder_without_runs_says_what_was_looked_for(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    answer = client.post("/import", data={"folder": str(tmp_path / "empty")})
    assert answer.status_code == 200
    assert "trainer_state.json" in answer.text


def test_an_imported_folder_is_followed_from_then_on(settings: Settings, store: Store, tmp_path: Path) -> None:
    followed: list[Path] = []
    app: Starlette = create_app(settings, store, watch=followed.append)
    (tmp_path / "saves").mkdir()
    with TestClient(app, base_url=OWNER_URL, client=LOOPBACK) as client:
        client.post("/import", data={"folder": f' "{tmp_path}/saves" '})
    assert followed == [tmp_path / "saves"]


def test_answers_and_names_from_outside_are_text(client: TestClient, store: Store) -> None:
    a_run(store, a_project(store, name="<script>alert(1)</script>"), name="<img src=x onerror=alert(1)>")
    page = client.get("/").text
    assert "<script>alert" not in page
    assert "<img" not in page
