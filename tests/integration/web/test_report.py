"""The report: numbers from the ratings, examples everybody agrees on, and files that stand alone."""

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from beyondloss.cli import main
from beyondloss.store.engine import Store
from beyondloss.store.tables import Rater, Run
from tests.factories import (
    a_behaviour,
    a_probe,
    a_project,
    a_rater,
    a_rating,
    a_run,
    a_share_link,
    an_answer,
    checkpoints_of,
    points,
)

GuestOf = Callable[..., TestClient]
HOSTILE = '</style><script>alert(1)</script> | ``` "quoted" <img src=http://x/y>\u202e 好'
PROBES = 20


@dataclass(frozen=True)
class Scene:
    store: Store
    run: Run
    raters: list[Rater]

    @property
    def path(self) -> str:
        return f"/runs/{self.run.id}/report"


@pytest.fixture
def scene(store: Store) -> Scene:
    """Two behaviours of ten probes each: all better in the first, all worse in the second; loss fell."""
    project = a_project(store, name="support")
    good = a_behaviour(store, project, name="asks first", wanted="asks for what is missing")
    bad = a_behaviour(store, project, name="knows <b>things</b>")
    run = a_run(store, project, steps=(10, 20), name="support-v3")
    points(store, run, loss=[2.0 * 0.9**step for step in range(20)])
    base, first, second = checkpoints_of(store, run)
    raters = [a_rater(store, name="Ann"), a_rater(store, name="Mei")]
    for number in range(PROBES):
        probe = a_probe(store, project, prompt=f"Question {number}?", behaviours=[good if number % 2 else bad])
        before = an_answer(store, base, probe, text=f"Before {number}.")
        after = an_answer(store, second, probe, text=f"{HOSTILE} {number}")
        an_answer(store, first, probe, text=f"Between {number}.")
        for rater in raters:
            a_rating(store, rater, after, before, verdict=1 if number % 2 else -1)
    return Scene(store, run, raters)


def test_the_page_opens_at_the_last_rated_checkpoint_and_says_what_the_verdicts_say(
    client: TestClient, scene: Scene
) -> None:
    page = client.get(scene.path)
    assert page.status_code == 200, page.text
    text = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text)))
    assert "Step 20 against base" in text
    assert "40 ratings by 2 raters" in text
    verdicts = client.get(f"/api/v1/runs/{scene.run.id}/verdicts?step=20").json()["items"]
    report = client.get(f"{scene.path}?format=json").json()
    assert [(one["verdict"], one["net_win"], one["low"], one["high"]) for one in report["behaviours"]] == [
        (one["verdict"], one["net_win"], one["low"], one["high"]) for one in verdicts
    ]
    assert {one["verdict"] for one in report["behaviours"]} == {"better", "worse"}
    assert "Loss misleads on knows <b>things</b>" in text
    assert "Loss and raters agree on asks first" in text


def test_the_examples_are_those_that_all_raters_see_alike(client: TestClient, scene: Scene) -> None:
    with scene.store.read() as session:
        from beyondloss.store.ratings import rating_records

        disputed = rating_records(session, run_id=scene.run.id or 0)[-1].rating
        answer_id, reference_id = disputed.answer_id, disputed.reference_id
    given = {"answer_id": answer_id, "reference_id": reference_id, "verdict": -1}
    assert client.post("/api/v1/ratings", json=given).status_code == 201
    report = client.get(f"{scene.path}?format=json").json()
    assert (len(report["gains"]), len(report["setbacks"])) == (3, 3)
    assert all(one["value"] == 1 and one["raters"] == 2 for one in report["gains"])
    assert f"Question {PROBES - 1}?" not in [one["prompt"] for one in report["gains"]]


def test_a_report_without_ratings_says_so_and_claims_nothing(client: TestClient, scene: Scene) -> None:
    page = client.get(f"{scene.path}?step=10")
    assert "Nobody has rated these answers yet" in page.text
    report = client.get(f"{scene.path}?step=10&format=json").json()
    assert (report["sentence"], report["gains"], report["beside_loss"]) == (None, [], [])


@pytest.mark.parametrize("address", ["?step=999", "?against=nobody@5", "?against=nonsense", "?format=pdf", "?step=-1"])
def test_what_cannot_be_reported_is_told(client: TestClient, scene: Scene, address: str) -> None:
    assert client.get(scene.path + address).status_code in {400, 404, 422}


def test_a_guest_reads_the_report_of_their_run_and_no_example_of_one_persons_rating(
    guest_of: GuestOf, scene: Scene
) -> None:
    guest = guest_of(a_share_link(scene.store, run=scene.run, role="view").id)
    assert guest.get(f"{scene.path}?format=json").json()["gains"]
    other = a_run(scene.store, a_project(scene.store))
    assert guest.get(f"/runs/{other.id}/report").status_code == 404
    base, first, _second = checkpoints_of(scene.store, scene.run)
    with scene.store.read() as session:
        from beyondloss.store.comparisons import answers_by_id

        found = answers_by_id(session, range(1, 500))
        by_step = {}
        for one in found.values():
            by_step.setdefault((one.record.step, one.record.probe.id), one.record.answer)
        session.expunge_all()
    answer, reference = next((by_step[first.step, p], by_step[base.step, p]) for s, p in by_step if s == first.step)
    a_rating(scene.store, scene.raters[0], answer, reference, verdict=1)
    assert guest.get(f"{scene.path}?step=10&format=json").json()["gains"] == []


def test_the_html_file_stands_alone_and_nothing_in_it_runs(client: TestClient, scene: Scene) -> None:
    response = client.get(f"{scene.path}?format=html")
    assert response.headers["content-disposition"] == f'attachment; filename="run-{scene.run.id}-step-20-report.html"'
    text = response.text
    assert "<script" not in text
    assert text.count("<style>") == text.count("</style>") == 1
    assert not re.search(r"<(img|link|iframe)\b|<[^>]*\b(src|href)=", text)
    assert not re.search(r"url\(|@import", text)
    body = text[text.index("<body>") :]
    assert "knows &lt;b&gt;things&lt;/b&gt;" in body


def test_markdown_keeps_hostile_text_inside_fences(client: TestClient, scene: Scene) -> None:
    text = client.get(f"{scene.path}?format=md").text
    fence = "````text\n"
    assert f"{fence}{HOSTILE}" in text
    outside = re.sub(r"^(`{3,})text\n.*?\n\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert "<script" not in outside.replace("\\<", "")
    assert "| asks first<br>asks for what is missing | ▲ better | +1.00 |" in text
    assert "knows \\<b\\>things\\</b\\>" in text


def test_the_run_page_leads_to_the_report_of_what_it_shows(client: TestClient, scene: Scene) -> None:
    page = client.get(f"/runs/{scene.run.id}?step=20&against=10").text
    link = html.unescape(re.search(r'href="(/runs/\d+/report[^"]*)"', page)[1])  # type: ignore[index]
    assert link == f"{scene.path}?step=20&against=10"
    assert "Step 20 against step 10" in re.sub(r"\s+", " ", client.get(link).text)


def test_the_report_speaks_the_readers_language(client: TestClient, scene: Scene) -> None:
    for tag in ("zh-Hant", "zh-Hans"):
        page = client.get(f"{scene.path}?format=html", headers={"Accept-Language": tag}).text
        assert f'<html lang="{tag}">' in page
        assert "How this was found out" not in page


@pytest.mark.parametrize("form", ["md", "html", "json"])
def test_the_command_line_writes_the_same_report(
    scene: Scene, client: TestClient, tmp_path: Path, capfd: pytest.CaptureFixture[str], form: str
) -> None:
    file = tmp_path / f"report.{form}"
    with pytest.raises(SystemExit) as ended:
        main(["report", "support-v3", "-o", str(file), "--data-dir", str(tmp_path / "data")])
    assert (ended.value.code, *capfd.readouterr()) == (0, "", "")
    served, written = client.get(f"{scene.path}?format={form}").text, file.read_text("utf-8")
    assert (json.loads(written) == json.loads(served)) if form == "json" else (written == served)
    with pytest.raises(SystemExit) as ended:
        main(["report", "support-v3", "--format", "pdf", "--data-dir", str(tmp_path / "data")])
    assert ended.value.code == 1
