"""The run page over HTTP: parts are parts of the page, forms work without scripts, and who may do what."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from beyondloss.domain.access import Visitor
from beyondloss.services import ratings, runs
from beyondloss.store.engine import Store
from beyondloss.store.tables import Answer, Run
from tests.factories import a_behaviour, a_probe, a_project, a_run, a_share_link, answers_everywhere

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#run-body"}


@pytest.fixture
def run(store: Store) -> Run:
    project = a_project(store, name="default")
    behaviour = a_behaviour(store, project, name="plain tone")
    probes = [a_probe(store, project, key=key, prompt=f"{key}?", behaviours=[behaviour]) for key in ("one", "two")]
    made = a_run(store, project, name="support", steps=(10, 20))
    answers_everywhere(store, made, probes)
    return made


def an_answer_pair(store: Store, run: Run) -> dict[str, str]:
    """The fields that name the first comparison of step 10 against the base."""
    from sqlmodel import select

    with store.read() as session:
        found = session.exec(select(Answer).order_by(Answer.id)).all()
    return {"answer_id": str(found[2].id), "reference_id": str(found[0].id), "card": "1-0", "state": "step=10"}


@pytest.mark.parametrize("address", ["", "?step=10&view=merged", "?show=all&q=one", "?probe=one&rendered=1-0"])
def test_the_part_is_a_piece_of_its_page(client: TestClient, run: Run, address: str) -> None:
    whole = client.get(f"/runs/support{address}")
    part = client.get(f"/runs/support{address}", headers=HTMX)
    assert whole.status_code == part.status_code == 200
    assert part.text.strip() in whole.text
    assert "HX-Request" in part.headers["vary"]


def test_a_run_is_found_by_id_and_by_name(client: TestClient, run: Run) -> None:
    by_id, by_name = client.get(f"/runs/{run.id}", headers=HTMX), client.get("/runs/support", headers=HTMX)
    assert by_id.status_code == 200
    assert by_id.text == by_name.text


@pytest.mark.parametrize(
    ("address", "status"),
    [("support?step=11", 404), ("support?step=x", 400), ("support?against=never", 400), ("nobody", 404)],
)
def test_an_address_of_nothing_is_told_plainly(client: TestClient, run: Run, address: str, status: int) -> None:
    assert client.get(f"/runs/{address}").status_code == status


def test_a_page_left_open_is_told_only_what_is_new(client: TestClient, store: Store, run: Run) -> None:
    first = client.get("/runs/support/live?rev=0")
    assert set(first.json()) >= {"rev", "state", "last_step", "seen"}
    assert client.get(f"/runs/support/live?rev={first.json()['rev']}").status_code == 204


def test_a_rating_without_scripts_leads_back_to_its_card(client: TestClient, store: Store, run: Run) -> None:
    answer = client.post("/runs/support/ratings", data={**an_answer_pair(store, run), "verdict": "less"})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/runs/{run.id}?step=10#card-1-0"
    assert runs.find_run(store, "support", Visitor()).ratings == 1


def test_a_rating_by_htmx_gives_the_card_and_the_numbers(client: TestClient, store: Store, run: Run) -> None:
    fields = {**an_answer_pair(store, run), "verdict": "bad", "comment": "hm"}
    answer = client.post("/runs/support/ratings", data=fields, headers={**HTMX, "HX-Target": "article#card-1-0"})
    assert answer.text.lstrip().startswith('<article class="card answer" id="card-1-0"')
    assert "You rated 1 of 2" in answer.text
    assert "rated" in answer.headers["hx-trigger"]


def test_a_new_comment_keeps_the_verdict(client: TestClient, store: Store, run: Run) -> None:
    pair = an_answer_pair(store, run)
    client.post("/runs/support/ratings", data={**pair, "verdict": "more"})
    client.post("/runs/support/ratings", data={**pair, "verdict": "keep", "comment": "because"})
    visitor = Visitor(rater_id=ratings.list_ratings(store, Visitor(), run.id or 0)[0].rater_id)
    (rating,) = ratings.list_ratings(store, visitor, run.id or 0)
    assert (rating.verdict, rating.comment) == (1, "because")


@pytest.mark.parametrize(
    "fields", [{}, {"verdict": "best"}, {"split": "x:more"}, {"verdict": "keep"}, {"verdict": "less", "answer_id": "0"}]
)
def test_what_is_no_rating_is_refused(client: TestClient, store: Store, run: Run, fields: dict[str, str]) -> None:
    answer = client.post("/runs/support/ratings", data={**an_answer_pair(store, run), **fields})
    assert 400 <= answer.status_code < 500
    assert runs.find_run(store, "support", Visitor()).ratings == 0


def test_a_guest_gives_a_name_once_and_then_rates(guest_of: Callable[..., TestClient], store: Store, run: Run) -> None:
    guest = guest_of(a_share_link(store, run=run, role="rate").id)
    assert 'id="name-form"' in guest.get("/runs/support").text
    guest.post("/runs/support/name", data={"name": "Mei", "state": ""})
    assert 'id="name-form"' not in guest.get("/runs/support").text
    guest.post("/runs/support/ratings", data={**an_answer_pair(store, run), "verdict": "more"})
    assert [rating.rater for rating in ratings.list_ratings(store, Visitor(), run.id or 0)] == ["Mei"]


@pytest.mark.parametrize("action", ["delete", "answers", "base"])
def test_a_guest_manages_nothing(guest_of: Callable[..., TestClient], store: Store, run: Run, action: str) -> None:
    guest = guest_of(a_share_link(store, run=run, role="rate").id)
    assert guest.post(f"/runs/support/{action}", data={"path": "/models/x"}).status_code == 403


def test_a_viewer_cannot_rate(guest_of: Callable[..., TestClient], store: Store, run: Run) -> None:
    guest = guest_of(a_share_link(store, run=run, role="view").id)
    fields = {**an_answer_pair(store, run), "verdict": "more"}
    assert guest.post("/runs/support/ratings", data=fields).status_code == 403


def test_only_the_owner_sees_where_the_run_lies(
    guest_of: Callable[..., TestClient], client: TestClient, store: Store, run: Run
) -> None:
    guest = guest_of(a_share_link(store, run=run, role="view").id)
    assert run.output_dir in client.get("/runs/support").text
    assert run.output_dir not in guest.get("/runs/support").text


def test_the_address_of_a_filter_is_short_in_the_history(client: TestClient, run: Run) -> None:
    answer = client.get("/runs/support?step=10&behaviour=&family=&q=one&go=replace", headers=HTMX)
    assert answer.headers["hx-replace-url"] == f"/runs/{run.id}?step=10&q=one"


def test_the_owner_says_where_the_base_is_or_what_it_is(client: TestClient, store: Store, run: Run) -> None:
    client.post("/runs/support/base", data={"path": "/models/base-1b"})
    assert runs.find_run(store, "support", Visitor()).base_path == "/models/base-1b"
    a_run(store, name="nameless", base_model=None)
    client.post("/runs/nameless/base", data={"path": "acme/other-1b"})
    assert runs.find_run(store, "nameless", Visitor()).base_model == "acme/other-1b"


def test_the_sentence_takes_the_place_of_the_count_once_somebody_rated(
    client: TestClient, store: Store, run: Run
) -> None:
    assert "of 2 answers changed" in client.get("/runs/support?step=10").text
    client.post("/runs/support/ratings", data={**an_answer_pair(store, run), "verdict": "more"})
    page = client.get("/runs/support?step=10").text
    assert "of 2 answers changed" not in page
    assert 'class="say-clause not_enough"' in page
    assert 'data-behaviour="plain tone"' in page
    assert 'data-value="1.0" data-low="-1.0" data-high="1.0"' in page


def test_a_guest_does_not_read_one_persons_rating_off_the_page(
    guest_of: Callable[..., TestClient], client: TestClient, store: Store, run: Run
) -> None:
    client.post("/runs/support/ratings", data={**an_answer_pair(store, run), "verdict": "more"})
    page = guest_of(a_share_link(store, run=run, role="view").id).get("/runs/support?step=10").text
    assert 'data-behaviour="plain tone"' in page
    assert "data-value" not in page
    assert "+1.00" not in page


def test_the_list_of_runs_shows_verdicts_as_chips(client: TestClient, store: Store, run: Run) -> None:
    assert "verdict-chips" not in client.get("/").text
    client.post("/runs/support/ratings", data={**an_answer_pair(store, run), "verdict": "more"})
    assert "step 10: not enough ratings +1.00" in client.get("/").text
