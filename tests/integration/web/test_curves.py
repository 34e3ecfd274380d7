"""Curves of chosen runs, laid over each other."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from beyondloss.store.engine import Store
from beyondloss.store.tables import Run
from tests.factories import a_run, a_share_link, points


@pytest.fixture
def two(store: Store) -> tuple[Run, Run]:
    slow = a_run(store, name="slow", config={"learning_rate": 1e-5, "seed": 1})
    fast = a_run(store, name="fast", config={"learning_rate": 2e-4, "seed": 1, "warmup_steps": 10})
    points(store, slow, loss=[2.0, 1.8, 1.9], epoch=[0.1, 0.2, 0.3])
    points(store, fast, loss=[2.0, 1.0])
    return slow, fast


def test_settings_that_differ_are_a_table_and_equal_ones_a_count(client: TestClient, two: tuple[Run, Run]) -> None:
    page = client.get(f"/curves?run={two[0].id}&run=fast").text
    assert ">learning_rate<" in page
    assert "1e-05" in page
    assert "0.0002" in page
    assert ">seed<" not in page
    assert "not set" in page
    assert "3 settings are the same in all" in page


def test_the_table_says_what_the_chart_draws(client: TestClient, two: tuple[Run, Run]) -> None:
    page = client.get("/curves?run=slow&run=fast").text
    assert page.count("data-address=") == 2
    assert ">1.80<" in page
    assert "names=loss&amp;points=2000" in page


def test_a_run_that_did_not_log_the_axis_is_left_out_and_said_so(client: TestClient, two: tuple[Run, Run]) -> None:
    page = client.get("/curves?run=slow&run=fast&by=epoch").text
    assert page.count("data-address=") == 1
    assert "fast does not say its epoch; it is left out." in page


def test_the_part_is_a_piece_of_its_page(client: TestClient, two: tuple[Run, Run]) -> None:
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#curves"}
    part = client.get("/curves?run=slow&by=tokens", headers=headers)
    assert part.text.strip() in client.get("/curves?run=slow&by=tokens").text


def test_without_a_choice_it_says_what_to_do(client: TestClient) -> None:
    assert "Choose two runs or more" in client.get("/curves").text


@pytest.mark.parametrize(("query", "status"), [("run=nobody", 404), ("run=slow&by=moon", 422), ("metric=", 422)])
def test_an_address_of_nothing_is_told_plainly(
    client: TestClient, two: tuple[Run, Run], query: str, status: int
) -> None:
    assert client.get(f"/curves?{query}").status_code == status


def test_a_guest_sees_the_curves_of_the_link_alone(
    guest_of: Callable[..., TestClient], store: Store, two: tuple[Run, Run]
) -> None:
    guest = guest_of(a_share_link(store, run=two[0]).id)
    assert guest.get("/curves?run=slow").status_code == 200
    assert guest.get("/curves?run=slow&run=fast").status_code == 404


def test_the_list_of_runs_offers_the_choice(client: TestClient, two: tuple[Run, Run]) -> None:
    page = client.get("/").text
    assert page.count('form="choose-runs"') == 2
    assert 'action="/curves"' in page
