"""The raters' page over HTTP, the same numbers in the API and the report, and that it never tells too early."""

import json
import re
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from beyondloss.store.engine import Store
from beyondloss.store.tables import Answer, Rater, Run
from tests.browser.run_content import a_changing_run
from tests.factories import a_rater, a_rating, a_share_link, points

HTMX = {"HX-Request": "true", "HX-Target": "div#raters-body"}


@pytest.fixture
def run(store: Store) -> Run:
    return a_changing_run(store)[0]


@pytest.fixture
def pairs(client: TestClient, store: Store, run: Run) -> list[tuple[Answer, Answer]]:
    items = client.get(f"/api/v1/runs/{run.id}/compare?step=30&against=base").json()["items"]
    with store.read() as session:
        found = [
            (session.get_one(Answer, one["answer"]["id"]), session.get_one(Answer, one["reference"]["id"]))
            for one in items
            if one["changed"]
        ]
        session.expunge_all()
    return found


def rate(
    store: Store, pairs: list[tuple[Answer, Answer]], *, name: str, verdicts: tuple[int, ...], **fields: object
) -> Rater:
    rater = a_rater(store, name=name)
    for pair, verdict in zip(pairs, verdicts, strict=False):
        a_rating(store, rater, *pair, verdict=verdict, **fields)
    return rater


def test_the_page_shows_agreement_raters_and_what_to_talk_about(
    client: TestClient, store: Store, run: Run, pairs: list[tuple[Answer, Answer]]
) -> None:
    rate(store, pairs, name="Mei", verdicts=(1, 1, -1), comment="<b>because</b>")
    rate(store, pairs, name="Jo", verdicts=(1, 1, 1))
    page = client.get(f"/runs/{run.id}/raters").text
    assert "3 comparisons that others rated are kept from you" in page
    assert "because" not in page
    page = client.get(f"/runs/{run.id}/raters?all=1").text
    assert "67 %" in page  # two of three pairs of ratings are equal
    assert page.count('<article class="raters-card">') == 1
    assert "&lt;b&gt;because&lt;/b&gt;" in page
    assert re.search(r'href="/runs/\d+\?step=30&amp;probe=\w+"', page)
    part = client.get(f"/runs/{run.id}/raters?all=1", headers=HTMX).text
    assert part.strip() in page


def test_the_api_and_the_reports_say_the_same(
    client: TestClient, store: Store, run: Run, pairs: list[tuple[Answer, Answer]]
) -> None:
    rate(store, pairs, name="Mei", verdicts=(1, 1, -1))
    rate(store, pairs, name="Jo", verdicts=(1, 1, 1))
    found = client.get(f"/api/v1/runs/{run.id}/agreement?all=true").json()
    assert found["overall"]["raw"] == pytest.approx(2 / 3)
    assert [row["name"] for row in found["raters"]] == ["Jo", "Mei"]
    assert found["raters"][0]["left"]["share"] is None
    assert [one["spread"] for one in found["disagreements"]] == [2.0]
    report = json.loads(client.get(f"/runs/{run.id}/report?step=30&format=json").text)["agreement"]
    assert report["overall"]["raw_agreement"] == found["overall"]["raw"]
    assert report["overall"]["alpha"] == found["overall"]["alpha"]
    written = client.get(f"/runs/{run.id}/report?step=30&format=md").text
    assert f"| all probes together | 3 | 67 % | {found['overall']['alpha']:.2f}".replace("-", "−") in written
    assert "Krippendorff" in client.get(f"/runs/{run.id}/report?step=30").text


def test_a_guest_learns_what_others_said_only_of_what_they_rated(
    client: TestClient, guest_of: Callable[..., TestClient], store: Store, run: Run, pairs: list[tuple[Answer, Answer]]
) -> None:
    rate(store, pairs, name="Mei", verdicts=(1, 1, -1), comment="Mei's reason")
    link = a_share_link(store, run=run)
    jo = rate(store, pairs[:1], name="Jo", verdicts=(-1,))
    guest = guest_of(link.id, rater_id=jo.id)
    for address in (f"/runs/{run.id}/raters?all=1", f"/api/v1/runs/{run.id}/agreement?all=true"):
        text = guest.get(address).text
        assert text.count("Mei&#39;s reason" if "api" not in address else "Mei's reason") == 1
    for address in (
        f"/runs/{run.id}?step=30",
        f"/runs/{run.id}/rate?step=30",
        f"/runs/{run.id}/report?step=30",
        f"/api/v1/ratings?run={run.id}",
        f"/api/v1/runs/{run.id}/compare?step=30",
        f"/api/v1/runs/{run.id}",
        f"/runs/{run.id}/live?rev=0",
        f"/api/v1/export/ratings?run={run.id}",
        f"/api/v1/export/preferences?run={run.id}",
        "/",
    ):
        assert "s reason" not in guest.get(address).text, address


def test_a_page_left_open_is_refreshed_for_ratings_only(
    client: TestClient, store: Store, run: Run, pairs: list[tuple[Answer, Answer]]
) -> None:
    page = client.get(f"/runs/{run.id}/raters").text
    address, rev = re.findall(r'data-live="([^"]+)" data-live-rev="(\d+)"', page)[0]
    ask = lambda revision: client.get(f"{address.replace('&amp;', '&')}&rev={revision}")  # noqa: E731
    assert ask(rev).status_code == 204
    points(store, run, loss=[0.5])
    news = ask(rev).json()
    assert news["regions"] == []
    answer, reference = pairs[0]
    given = {"answer_id": answer.id, "reference_id": reference.id, "verdict": 1}
    client.post("/api/v1/ratings", json=given)
    assert ask(news["rev"]).json()["regions"] == ["raters-body"]


def test_quality_checks_are_switched_by_the_owner_and_come_in_rating_mode(
    client: TestClient, guest_of: Callable[..., TestClient], store: Store, run: Run
) -> None:
    assert "Switch on for all raters" in client.get(f"/runs/{run.id}/raters").text
    assert f'href="/runs/{run.id}/raters#checks"' in client.get(f"/runs/{run.id}/rate").text
    guest = guest_of(a_share_link(store, run=run).id)
    assert guest.post(f"/runs/{run.id}/raters/checks", data={"on": "1"}).status_code == 403
    assert "Switch on" not in guest.get(f"/runs/{run.id}/raters").text
    answer = client.post(f"/runs/{run.id}/raters/checks", data={"on": "1"})
    assert "one answer per probe" in client.get(answer.headers["location"]).text
    assert client.get(f"/api/v1/runs/{run.id}/agreement").json()["quality_checks"] is True
    for number in range(4):
        page = client.get(f"/runs/{run.id}/rate?step=30").text
        assert f"{number} of 4" in page
        pair, step = (re.findall(rf'name="{name}" value="([^"]*)"', page)[0] for name in ("pair", "step"))
        after = client.post(
            f"/runs/{run.id}/rate", data={"pair": pair, "step": step, "verdict": "same", "state": "step=30"}
        )
    low, high = map(int, pair.split("-"))
    assert low > high  # asked again
    told = client.get(after.headers["location"]).text
    assert "Quality check: the same comparison again, sides swapped. You said the same as before." in told
    assert len(client.get(f"/api/v1/ratings?run={run.id}").json()["items"]) == 3
    [row] = client.get(f"/api/v1/runs/{run.id}/agreement").json()["raters"]
    assert (row["same_again"]["count"], row["same_again"]["total"]) == (1, 1)
    last = re.findall(r'name="last" value="(c\d+)"', told)[0]
    again = client.post(f"/runs/{run.id}/rate/undo", data={"last": last, "state": "step=30"})
    assert f'data-pair="{pair}"' in client.get(again.headers["location"]).text
    switched = client.put(f"/api/v1/runs/{run.id}/quality-checks", json={"on": False}).json()
    assert switched == {"on": False, "base_pairs": 0}


def test_where_nobody_has_rated_the_page_leads_to_rating(client: TestClient, run: Run) -> None:
    page = client.get(f"/runs/{run.id}/raters").text
    assert "Nobody has rated here yet." in page
    assert f'href="/runs/{run.id}/rate"' in page


def test_the_run_page_and_the_report_lead_to_the_raters(
    client: TestClient, store: Store, run: Run, pairs: list[tuple[Answer, Answer]]
) -> None:
    rate(store, pairs, name="Mei", verdicts=(1,))
    for address in (f"/runs/{run.id}", f"/runs/{run.id}/report"):
        assert f'href="/runs/{run.id}/raters"' in client.get(address).text
