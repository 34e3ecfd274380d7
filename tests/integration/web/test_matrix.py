"""The matrix over HTTP: what a cell says, where it leads, which state its address keeps, and who sees what."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from beyondloss.domain.sampling import Sampling
from beyondloss.store.engine import Store
from beyondloss.store.tables import Answer, Behaviour, Probe, Run
from tests.factories import (
    a_behaviour,
    a_probe,
    a_project,
    a_rater,
    a_rating,
    a_run,
    a_sampling,
    a_share_link,
    an_answer,
    answers_everywhere,
    checkpoints_of,
)

GuestOf = Callable[..., TestClient]
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#matrix"}
TEXTS = {
    ("one", 0): "a b c d",
    ("one", 10): "a b c d",
    ("one", 20): "a b c e",
    ("one", 30): "f g h i",
    ("two", 0): "Hello.",
    ("two", 10): "<script>alert(1)</script>",
    ("two", 20): "Hello.",
    ("two", 30): "",
}


@dataclass(frozen=True)
class Scene:
    store: Store
    run: Run
    probes: tuple[Probe, Probe]
    tone: Behaviour
    answers: dict[tuple[str, int], Answer]


@pytest.fixture
def scene(store: Store) -> Scene:
    """`one` stays, moves a little, then wholly; `two` moves at step 10 and comes back."""
    project = a_project(store, name="default")
    tone, facts = a_behaviour(store, project, name="plain tone"), a_behaviour(store, project, name="facts")
    probes = (
        a_probe(store, project, key="one", prompt="One?", behaviours=[tone], family="familiar", position=0),
        a_probe(store, project, key="two", prompt="<b>Two?</b>", behaviours=[facts], family="unseen", position=1),
    )
    run = a_run(store, project, name="support", steps=(10, 20, 30))
    answers = {}
    for checkpoint in checkpoints_of(store, run):
        for probe in probes:
            signals = [{"kind": "empty", "detail": ""}] if not TEXTS[probe.key, checkpoint.step] else []
            text = TEXTS[probe.key, checkpoint.step]
            answers[probe.key, checkpoint.step] = an_answer(store, checkpoint, probe, text=text, signals=signals)
    return Scene(store, run, probes, tone, answers)


def cells_of(page: str) -> dict[str, list[str]]:
    """The words of each row's cells by the row's prompt, hidden ones too."""
    found = {}
    for row in re.findall(r'<tr id="probe-\d+">(.*?)</tr>', page, re.DOTALL):
        head, *cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        prompt = unescape(re.sub(r"<small.*", "", head, flags=re.DOTALL))
        found[re.sub(r"<[^>]+>", "", prompt, count=2).strip()] = [
            " ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in cells
        ]
    return found


def test_a_cell_says_how_far_its_answer_moved_and_what_can_be_counted(client: TestClient, scene: Scene) -> None:
    rows = list(cells_of(client.get("/runs/support/matrix").text).values())
    assert rows == [["○ answered", "· same", "25", "100"], ["○ answered", "100", "· same", "100 ∅ empty"]]


def test_against_previous_each_checkpoint_is_read_against_the_one_before(client: TestClient, scene: Scene) -> None:
    page = client.get("/runs/support/matrix?against=previous").text
    assert list(cells_of(page).values()) == [
        ["○ answered", "· same", "25", "100"],
        ["○ answered", "100", "100", "100 ∅ empty"],
    ]
    assert f'href="/runs/{scene.run.id}?step=20&amp;probe={scene.probes[1].id}&amp;against=previous"' in page


def test_against_a_step_its_own_column_has_nothing_to_compare(client: TestClient, scene: Scene) -> None:
    rows = cells_of(client.get("/runs/support/matrix?against=20").text)
    assert next(iter(rows.values())) == ["25", "25", "○ answered", "100"]


@pytest.mark.parametrize("address", ["?step=20&probe={probe}", "?step=20&probe={probe}&against=previous"])
def test_a_cell_leads_to_its_diff(client: TestClient, scene: Scene, address: str) -> None:
    path = f"/runs/{scene.run.id}{address.format(probe=scene.probes[0].id)}"
    page = client.get(path).text
    assert page.count('data-state="changed"') == 1
    assert "only probe" in page


def test_filters_are_in_the_address_and_leave_their_rows(client: TestClient, scene: Scene) -> None:
    page = client.get(f"/runs/support/matrix?behaviour={scene.tone.id}").text
    assert len(cells_of(page)) == 1
    assert "1 of 2 probes" in page
    assert f'<option value="{scene.tone.id}" selected>' in page
    assert len(cells_of(client.get("/runs/support/matrix?family=unseen&against=previous").text)) == 1
    none = client.get("/runs/support/matrix?family=unseen&behaviour=plain+tone").text
    assert "No probe has this behaviour and family." in none
    answer = client.get("/runs/support/matrix?behaviour=&family=unseen&go=replace", headers=HTMX)
    assert answer.headers["hx-replace-url"] == f"/runs/{scene.run.id}/matrix?family=unseen"


@pytest.mark.parametrize("address", ["", "?against=previous", "?family=unseen", "?behaviour=nothing"])
def test_the_part_is_a_piece_of_its_page(client: TestClient, scene: Scene, address: str) -> None:
    whole, part = (client.get(f"/runs/support/matrix{address}", headers=headers) for headers in ({}, HTMX))
    assert whole.status_code == part.status_code == 200
    assert part.text.strip() in whole.text


@pytest.mark.parametrize(
    ("address", "status"),
    [("support/matrix?against=never", 400), ("support/matrix?against=11", 404), ("nobody/matrix", 404)],
)
def test_an_address_of_nothing_is_told_plainly(client: TestClient, scene: Scene, address: str, status: int) -> None:
    assert client.get(f"/runs/{address}").status_code == status


def test_what_probes_say_is_text(client: TestClient, scene: Scene) -> None:
    page = client.get("/runs/support/matrix").text
    assert "<b>Two?</b>" not in page
    assert "&lt;b&gt;Two?&lt;/b&gt;" in page
    assert "alert(1)" not in page


def test_ratings_show_their_net_and_mine_is_marked(client: TestClient, scene: Scene) -> None:
    client.get("/runs/support")  # the owner's rater is made on first need
    answer, base = scene.answers["one", 20], scene.answers["one", 0]
    fields = {"answer_id": answer.id, "reference_id": base.id, "card": "1-0", "state": "", "verdict": "more"}
    client.post("/runs/support/ratings", data={name: str(value) for name, value in fields.items()})
    page = client.get("/runs/support/matrix").text
    assert next(iter(cells_of(page).values()))[2] == "25 ▲ more like it (yours)"
    assert '<b class="up mine">' in page
    for verdict in (-1, -1):
        a_rating(scene.store, a_rater(scene.store), answer, base, verdict=verdict)
    page = client.get("/runs/support/matrix").text
    assert next(iter(cells_of(page).values()))[2] == "25 ▼ less like it (3 ratings, yours: more like it)"
    assert "▲" not in client.get("/runs/support/matrix?against=previous&family=unseen").text


def test_both_bad_by_everybody_has_a_shape_of_its_own(client: TestClient, scene: Scene) -> None:
    answer, base = scene.answers["two", 30], scene.answers["two", 0]
    a_rating(scene.store, a_rater(scene.store), answer, base, verdict=0, both_bad=True)
    assert list(cells_of(client.get("/runs/support/matrix").text).values())[1][3] == "100 ✕ both bad ∅ empty"


def test_with_a_behaviour_only_ratings_that_count_for_it_show(client: TestClient, scene: Scene) -> None:
    other = a_behaviour(scene.store, a_project(scene.store))
    answer, base = scene.answers["one", 30], scene.answers["one", 0]
    a_rating(scene.store, a_rater(scene.store), answer, base, behaviour=scene.tone, verdict=1)
    a_rating(scene.store, a_rater(scene.store), answer, base, behaviour=other, verdict=-1)
    page = client.get(f"/runs/support/matrix?behaviour={scene.tone.id}").text
    assert next(iter(cells_of(page).values()))[3] == "100 ▲ more like it"


def test_a_guest_sees_own_ratings_and_never_what_one_other_said(
    guest_of: GuestOf, client: TestClient, scene: Scene
) -> None:
    store = scene.store
    link = a_share_link(store, run=scene.run)
    me = a_rater(store, link=link)
    answer, base = scene.answers["one", 20], scene.answers["one", 0]
    a_rating(store, a_rater(store), answer, base, verdict=-1)
    guest = guest_of(link.id, rater_id=me.id)
    assert next(iter(cells_of(guest.get("/runs/support/matrix").text).values()))[2] == "25"
    a_rating(store, me, answer, base, verdict=1)
    assert next(iter(cells_of(guest.get("/runs/support/matrix").text).values()))[2] == "25 ▲ more like it (yours)"
    for _ in range(4):
        a_rating(store, a_rater(store), answer, base, verdict=-1)
    said = next(iter(cells_of(guest.get("/runs/support/matrix").text).values()))[2]
    assert said == "25 ▼ less like it (6 ratings, yours: more like it)"


def test_a_link_opens_its_own_run_only(guest_of: GuestOf, scene: Scene) -> None:
    other = a_run(scene.store, a_project(scene.store))
    guest = guest_of(a_share_link(scene.store, run=scene.run, role="view").id)
    page = guest.get(f"/runs/{scene.run.id}/matrix")
    assert page.status_code == 200
    assert "/rate" not in page.text
    assert guest.get(f"/runs/{other.id}/matrix").status_code == 404


def test_a_stranger_sees_nothing(stranger: TestClient, scene: Scene) -> None:
    assert stranger.get("/runs/support/matrix").status_code == 403


def test_what_is_not_there_yet_is_said(client: TestClient, store: Store) -> None:
    project = a_project(store)
    run = a_run(store, project)
    assert "No probes are asked in this project yet." in client.get(f"/runs/{run.id}/matrix").text
    probe = a_probe(store, project)
    assert "No answer yet." in client.get(f"/runs/{run.id}/matrix").text
    an_answer(store, checkpoints_of(store, run)[0], probe)
    assert next(iter(cells_of(client.get(f"/runs/{run.id}/matrix").text).values())) == [
        "○ answered",
        "– no answer yet",
        "– no answer yet",
    ]


def test_samples_count_together(client: TestClient, store: Store) -> None:
    project = a_project(store)
    sampling = a_sampling(store, Sampling(temperature=1.0, samples=2, noise_key="n"))
    probe = a_probe(store, project)
    run = a_run(store, project, steps=(10,), sampling_id=sampling.id)
    base, after = checkpoints_of(store, run)
    for index, text in enumerate(("a b", "c d")):
        an_answer(store, base, probe, text=text, sampling=sampling, sample_index=index)
    for index, text in enumerate(("a b", "c e")):
        an_answer(store, after, probe, text=text, sampling=sampling, sample_index=index)
    assert next(iter(cells_of(client.get(f"/runs/{run.id}/matrix").text).values()))[1] == "25"


def test_a_larger_run_takes_no_more_queries_and_few_bytes_a_cell(client: TestClient, store: Store) -> None:
    queries, sizes = [], []
    for probes, steps in ((2, (10,)), (10, tuple(range(10, 110, 10)))):
        project = a_project(store)
        asked = [a_probe(store, project, prompt=f"What about {n}?") for n in range(probes)]
        run = a_run(store, project, steps=steps)
        answers_everywhere(store, run, asked)
        seen: list[str] = []
        client.get(f"/runs/{run.id}/matrix")
        event.listen(store.engine, "before_cursor_execute", lambda *args, seen=seen: seen.append(args[2]))
        sizes.append(len(client.get(f"/runs/{run.id}/matrix").content))
        queries.append(len(seen))
    assert queries[0] == queries[1]
    assert (sizes[1] - sizes[0]) / 106 < 110
