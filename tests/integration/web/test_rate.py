"""Rating mode over HTTP: what a browser without scripts gets, and that the page does not tell whose answer is whose."""

import re
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from beyondloss.store.engine import Store
from beyondloss.store.tables import Run
from tests.browser.run_content import ANSWERS, STOCK, a_changing_run
from tests.factories import a_rater, a_run, a_share_link, points


@pytest.fixture
def run(store: Store) -> Run:
    return a_changing_run(store)[0]


def fields(html: str, *, card: int = 0) -> dict[str, str]:
    """The hidden fields of a comparison's form."""
    form = re.findall(r'<form class="rate-card".*?</form>', html, re.DOTALL)[card]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)) | {
        "state": re.findall(r'name="state" value="([^"]*)"', form)[0].replace("&amp;", "&")
    }


def checkpoint_side(html: str) -> str:
    """Where the checkpoint's answer stands, by its text: the stock phrase."""
    left, right = re.findall(r'<section class="rate-answer".*?</section>', html, re.DOTALL)[:2]
    assert ("rest assured" in left) != ("rest assured" in right)
    return "left" if "rest assured" in left else "right"


def test_a_comparison_is_rated_without_scripts_and_the_names_come_after(client: TestClient, run: Run) -> None:
    page = client.get(f"/runs/{run.id}/rate").text
    side = checkpoint_side(page)
    answer = client.post(f"/runs/{run.id}/rate", data=fields(page) | {"verdict": side, "comment": " 好 "})
    assert answer.status_code == 303
    after = client.get(answer.headers["location"]).text
    assert "<b>step 30</b>" in after
    assert "more like it" in after
    assert "1 of 3" in after
    [given] = client.get(f"/api/v1/ratings?run={run.id}").json()["items"]
    assert (given["verdict"], given["blind"], given["side"], given["comment"]) == (1, True, side, "好")


def test_nothing_in_a_blind_comparison_says_which_answer_is_the_checkpoints(client: TestClient, run: Run) -> None:
    form = re.findall(r'<form class="rate-card".*?</form>', client.get(f"/runs/{run.id}/rate").text, re.DOTALL)[0]
    assert "step 30" not in form
    assert "base" not in form
    assert not re.search(r"<(ins|del)\b", form)
    low, high = re.findall(r'data-pair="(\d+)-(\d+)"', form)[0]
    assert int(low) < int(high)
    assert set(re.findall(r"\d+-\d+", form)) == {f"{low}-{high}"}
    answers = [re.sub(r">[^<]*<", "><", one) for one in re.findall(r'<div class="rate-text".*?</div>', form, re.DOTALL)]
    marks = [set(re.findall(r"<[^>]+>", one)) - {"<mark>", "</mark>"} for one in answers]
    assert marks[0] == marks[1]


def test_names_are_shown_to_who_asks_for_them_and_the_rating_says_so(client: TestClient, run: Run) -> None:
    page = client.get(f"/runs/{run.id}/rate?blind=0").text
    assert re.search(r'<b class="letter">A</b> (base|step 30)</h3>', page)
    client.post(f"/runs/{run.id}/rate", data=fields(page) | {"verdict": "same"})
    assert [one["blind"] for one in client.get(f"/api/v1/ratings?run={run.id}").json()["items"]] == [False]


def test_equal_answers_are_not_asked_and_a_finished_round_says_so(client: TestClient, run: Run) -> None:
    asked = set()
    for _number in range(3):
        page = client.get(f"/runs/{run.id}/rate?step=30").text
        asked |= {
            key
            for key, text in ANSWERS.items()
            if text.split(".")[0].replace("'", "&#39;") in page.split("rate-waiting")[0]
        }
        client.post(f"/runs/{run.id}/rate", data=fields(page) | {"verdict": "bad"})
    page = client.get(f"/runs/{run.id}/rate?step=30").text
    assert "You have rated all 3 comparisons of step 30 against base." in page
    assert "1 answer is the same to the letter" in page
    assert asked == ANSWERS.keys() - {"hello"}
    assert f'href="/runs/{run.id}/rate?step=20"' in page


def test_a_skipped_comparison_waits_until_the_others_are_done(client: TestClient, run: Run) -> None:
    page = client.get(f"/runs/{run.id}/rate?step=30").text
    first = fields(page)["pair"]
    skip = re.findall(r'class="button quiet rate-skip" href="([^"]+)"', page)[0].replace("&amp;", "&")
    for _number in range(2):
        page = client.get(skip).text
        assert fields(page)["pair"] != first
        client.post(f"/runs/{run.id}/rate", data=fields(page) | {"verdict": "same"})
    page = client.get(skip).text
    assert "1 comparison left, which you skipped." in page


def test_undo_without_scripts_brings_the_comparison_back(client: TestClient, run: Run) -> None:
    page = client.get(f"/runs/{run.id}/rate?step=30").text
    client.post(f"/runs/{run.id}/rate", data=fields(page) | {"verdict": "left"})
    answer = client.post(f"/runs/{run.id}/rate/undo", data={"state": "step=30"})
    again = client.get(answer.headers["location"]).text
    assert fields(again)["pair"] == fields(page)["pair"]
    assert "Taken back: here it is again." in again
    assert client.get(f"/api/v1/ratings?run={run.id}").json()["items"] == []


def test_behaviours_are_rated_one_by_one(client: TestClient, run: Run) -> None:
    page = client.get(f"/runs/{run.id}/rate?step=30").text
    splits = re.findall(r'name="(split-\d+)" value="left"', page)[:2]
    chosen = {"verdict": "split", splits[0]: "left", splits[1]: "right"}
    assert client.post(f"/runs/{run.id}/rate", data=fields(page) | chosen).status_code == 303
    given = client.get(f"/api/v1/ratings?run={run.id}").json()["items"]
    assert sorted(one["verdict"] for one in given) == [-1, 1]
    assert all(one["behaviour_id"] for one in given)


@pytest.mark.parametrize(
    "wrong",
    [
        {"verdict": "better"},
        {"verdict": ""},
        {"pair": "0-0"},
        {"pair": "7"},
        {"pair": "1-99999"},
        {"step": "7"},
        {"split-x": "left"},
        {"split-1": "up"},
    ],
)
def test_a_form_that_says_nothing_sensible_is_refused_in_words(
    client: TestClient, run: Run, wrong: dict[str, str]
) -> None:
    good = fields(client.get(f"/runs/{run.id}/rate").text) | {"verdict": "left"}
    answer = client.post(f"/runs/{run.id}/rate", data=good | wrong)
    assert 400 <= answer.status_code < 500
    assert client.get(f"/api/v1/ratings?run={run.id}").json()["items"] == []


def test_the_parts_that_stay_fresh_are_parts_of_the_page(client: TestClient, run: Run) -> None:
    page = client.get(f"/runs/{run.id}/rate").text
    part = client.get(f"/runs/{run.id}/rate", headers={"HX-Request": "true", "HX-Target": "div#rate-progress"}).text
    assert part.strip() in page
    more = client.get(f"/runs/{run.id}/rate/next", headers={"HX-Request": "true"}).text
    assert len(re.findall('<form class="rate-card"', more)) == 3


def test_comparisons_that_the_page_has_are_not_sent_again(client: TestClient, run: Run) -> None:
    page = client.get(f"/runs/{run.id}/rate").text
    held = re.findall(r'data-pair="([\d-]+)"', page)
    more = client.get(f"/runs/{run.id}/rate/next?not={','.join(held[:2])}").text
    assert re.findall(r'data-pair="([\d-]+)"', more) == held[2:]


def test_a_guest_who_may_rate_comes_in_at_the_first_comparison(stranger: TestClient, store: Store, run: Run) -> None:
    a_share_link(store, run=run, token="rate")
    answer = stranger.post("/s/rate", data={"name": "Mei"})
    assert answer.headers["location"] == f"/runs/{run.id}/rate"
    page = stranger.get(answer.headers["location"]).text
    assert fields(page)["pair"]
    assert STOCK.split(".", maxsplit=1)[0] in page


def test_a_guest_without_a_name_is_asked_once_and_one_who_may_only_look_is_told(
    guest_of: Callable[..., TestClient], store: Store, run: Run
) -> None:
    rating = guest_of(a_share_link(store, run=run, token="rate").id)
    assert "Your name, so that your ratings are yours" in rating.get(f"/runs/{run.id}/rate").text
    assert rating.post(f"/runs/{run.id}/rate/name", data={"name": "Mei"}).status_code == 303
    assert "rate-card" in rating.get(f"/runs/{run.id}/rate").text
    looking = guest_of(a_share_link(store, run=run, token="view", role="view").id)
    refused = looking.get(f"/runs/{run.id}/rate")
    assert (refused.status_code, "for viewing only" in refused.text) == (403, True)


def test_raters_do_not_see_each_others_comparisons_as_rated(
    client: TestClient, guest_of: Callable[..., TestClient], store: Store, run: Run
) -> None:
    page = client.get(f"/runs/{run.id}/rate?step=30").text
    client.post(f"/runs/{run.id}/rate", data=fields(page) | {"verdict": "left", "comment": "my secret reason"})
    link = a_share_link(store, run=run, token="rate")
    guest = guest_of(link.id, rater_id=a_rater(store, name="Mei", link=link).id)
    theirs = guest.get(f"/runs/{run.id}/rate?step=30").text
    assert "0 of 3" in theirs
    assert "1 of 3" in theirs  # everyone's bar
    assert "my secret reason" not in theirs


def test_who_votes_again_after_the_names_were_shown_is_not_blind_whatever_the_form_says(
    client: TestClient, run: Run
) -> None:
    page = client.get(f"/runs/{run.id}/rate?step=30").text
    for _twice in range(2):  # a second press of the same button is the same vote
        client.post(f"/runs/{run.id}/rate", data=fields(page) | {"verdict": "left"})
    assert [one["blind"] for one in client.get(f"/api/v1/ratings?run={run.id}").json()["items"]] == [True]
    client.post(f"/runs/{run.id}/rate/undo", data={"state": "step=30"})
    again = client.get(f"/runs/{run.id}/rate?step=30&at={fields(page)['pair']}").text
    client.post(f"/runs/{run.id}/rate", data=fields(again) | {"verdict": "right", "shown_at": "99.5"})
    assert [one["blind"] for one in client.get(f"/api/v1/ratings?run={run.id}").json()["items"]] == [False]


def test_a_page_left_open_learns_of_ratings_and_not_of_loss(client: TestClient, store: Store, run: Run) -> None:
    page = client.get(f"/runs/{run.id}/rate?step=30").text
    address, rev = re.findall(r'data-live="([^"]+)" data-live-rev="(\d+)"', page)[0]
    seen = re.findall(r'data-seen="(\w+)"', page)[0]
    ask = lambda revision: client.get(f"{address.replace('&amp;', '&')}&rev={revision}")  # noqa: E731
    assert ask(rev).status_code == 204
    points(store, run, loss=[0.5])
    news = ask(rev).json()
    assert (news["rev"] > int(rev), news["seen"]) == (True, seen)
    client.post(f"/runs/{run.id}/rate", data=fields(page) | {"verdict": "left"})
    assert ask(news["rev"]).json()["seen"] != seen


def test_a_run_without_answers_says_what_to_wait_for(client: TestClient, store: Store) -> None:
    run = a_run(store, name="fresh")
    assert "There is nothing to rate yet." in client.get(f"/runs/{run.id}/rate").text


def test_the_run_page_and_the_list_lead_to_rating(client: TestClient, run: Run) -> None:
    assert f'href="/runs/{run.id}/rate?step=30"' in client.get(f"/runs/{run.id}").text
    assert f'href="/runs/{run.id}/rate"' in client.get("/").text
