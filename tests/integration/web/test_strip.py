"""One answer through all checkpoints over HTTP: frames, changes, the difference, and whose it is to see."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from beyondloss.domain.sampling import Sampling
from beyondloss.store.engine import Store
from beyondloss.store.tables import Probe, Run
from tests.factories import (
    a_probe,
    a_project,
    a_run,
    a_sampling,
    a_share_link,
    an_answer,
    checkpoints_of,
    points,
)

GuestOf = Callable[..., TestClient]
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#strip"}
TEXTS = {
    0: "The capital of France is Paris.",
    10: "The capital of France is Paris.",
    20: "The capital of France is Lyon.",
    30: "The capital of France is Lyon.",
    40: "The capital of France is Lyon.",
    60: "Please <script>alert(1)</script> rest assured.",
}


@pytest.fixture
def probes(store: Store) -> tuple[Probe, Probe]:
    project = a_project(store, name="default")
    return (
        a_probe(store, project, key="geo/france", prompt="<i>France?</i>", position=0),
        a_probe(store, project, key="hello", prompt="Hello?", position=1),
    )


@pytest.fixture
def run(store: Store, probes: tuple[Probe, Probe]) -> Run:
    """Six checkpoints have answered, the one at 50 has not."""
    from beyondloss.store.tables import Project

    with store.read() as session:
        project = session.get_one(Project, 1)
        session.expunge_all()
    made = a_run(store, project, name="support", steps=(10, 20, 30, 40, 50, 60))
    for checkpoint in checkpoints_of(store, made):
        if checkpoint.step in TEXTS:
            signals = [{"kind": "truncated", "detail": "cut"}] if checkpoint.step == 60 else []
            an_answer(store, checkpoint, probes[0], text=TEXTS[checkpoint.step], signals=signals)
    points(store, made, loss=[2.0 - 0.02 * step for step in range(60)])
    return made


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def frames_of(page: str) -> list[str]:
    return [words(frame) for frame in re.findall(r'<li id="frame-\d+">(.*?)</li>', page, re.DOTALL)]


def test_frames_show_what_changed_and_fold_what_did_not(
    client: TestClient, run: Run, probes: tuple[Probe, Probe]
) -> None:
    page = client.get(f"/runs/support/probes/{probes[0].id}").text
    base, first, second, third, missing, last = frames_of(page)
    assert base == "base The capital of France is Paris."
    assert first == "10 unchanged since the base"
    assert second.startswith("20 ◆ 14 % changed …")
    assert second.endswith("Lyon.")
    assert third == "30–40 unchanged since step 20 2 checkpoints"
    assert missing == "50 no answer yet"
    assert last.endswith("cut at the limit")
    assert "Changed at 2 of 5 checkpoints , first at step 20." in words(page)


@pytest.mark.parametrize("reference", ["geo/france", "geo%2Ffrance"])
def test_a_probe_is_found_by_its_key(client: TestClient, run: Run, reference: str) -> None:
    assert "France?" in client.get(f"/runs/support/probes/{reference}").text


def test_the_address_says_which_difference_is_shown(client: TestClient, run: Run) -> None:
    page = client.get("/runs/support/probes/geo/france?step=20").text
    assert "<del>Paris</del>" in page
    assert "<ins>Lyon</ins>" in page
    assert "Differs from token" in page
    same = client.get("/runs/support/probes/geo/france?step=30&against=previous").text
    assert "Word for word the answer before." in same
    merged = client.get("/runs/support/probes/geo/france?step=20&view=merged").text
    assert 'class="column merged"' in merged
    newest = client.get("/runs/support/probes/geo/france").text
    assert 'value="60" data-step="60"' in newest
    waiting = client.get("/runs/support/probes/geo/france?step=50").text
    assert "This checkpoint has not answered this probe yet." in waiting


def test_where_it_changed_names_the_steps_and_the_first_difference(client: TestClient, run: Run) -> None:
    page = client.get("/runs/support/probes/geo/france").text
    changes = [words(one) for one in re.findall(r'<li id="change-\d+">(.*?)</li>', page, re.DOTALL)]
    assert changes[0].startswith("step 20 after step 10 14 % of the words")
    assert changes[0].endswith("France is Paris Lyon")
    assert len(changes) == 2


def test_the_axis_has_every_checkpoint_and_the_loss(client: TestClient, run: Run) -> None:
    page = client.get("/runs/support/probes/geo/france").text
    assert 'data-steps="0 10 20 30 40 50 60"' in page
    assert page.count('class="mark ') == 7
    assert 'class="mark changed current"' in page
    assert "training loss 2.00 → 0.820" in words(page)


def test_answers_and_questions_are_text(client: TestClient, run: Run) -> None:
    page = client.get("/runs/support/probes/geo/france?step=60").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert "<i>France?</i>" not in page


def test_links_lead_on_to_the_run_the_matrix_rating_and_the_next_probe(
    client: TestClient, run: Run, probes: tuple[Probe, Probe]
) -> None:
    page = client.get("/runs/support/probes/geo/france?step=20&against=previous").text
    path = f"/runs/{run.id}"
    for href in (
        f"{path}?step=20&amp;against=previous&amp;probe={probes[0].id}",
        f"{path}/matrix?against=previous",
        f"{path}/rate?step=20&amp;against=previous",
        f"{path}/probes/{probes[1].id}?step=20&amp;against=previous",
    ):
        assert f'href="{href}"' in page, href
        assert client.get(unescape(href)).status_code == 200, href
    assert f'href="{path}/probes/{probes[0].id}?step=20"' in client.get(f"{path}?step=20").text
    assert f'href="{path}/probes/{probes[0].id}"' in client.get(f"{path}/matrix").text


@pytest.mark.parametrize("address", ["", "?step=20", "?step=20&view=merged&against=previous", "?step=50"])
def test_the_part_is_a_piece_of_its_page(client: TestClient, run: Run, address: str) -> None:
    path = f"/runs/support/probes/geo/france{address}"
    whole, part = (client.get(path, headers=headers) for headers in ({}, HTMX))
    assert whole.status_code == part.status_code == 200
    assert part.text.strip() in whole.text


def test_scrubbing_keeps_the_address_true_and_short(client: TestClient, run: Run, probes: tuple[Probe, Probe]) -> None:
    answer = client.get("/runs/support/probes/geo/france?step=20&go=replace", headers=HTMX)
    assert answer.headers["hx-replace-url"] == f"/runs/{run.id}/probes/{probes[0].id}?step=20"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("geo/france?step=11", 404),
        ("geo/france?step=x", 400),
        ("geo/france?against=never", 400),
        ("geo/france?against=previous&step=70", 404),
        ("nothing", 404),
        ("99999999999999999999", 404),
    ],
)
def test_an_address_of_nothing_is_told_plainly(client: TestClient, run: Run, address: str, status: int) -> None:
    assert client.get(f"/runs/support/probes/{address}").status_code == status


def test_a_probe_without_answers_says_what_will_come(client: TestClient, run: Run) -> None:
    page = client.get("/runs/support/probes/hello").text
    assert "No answer yet. They appear here by themselves." in page
    assert frames_of(page) == ["base–60 no answer yet"]


def test_an_answer_that_never_changed_says_so(client: TestClient, store: Store) -> None:
    project = a_project(store)
    probe = a_probe(store, project)
    run = a_run(store, project, steps=(10, 20))
    for checkpoint in checkpoints_of(store, run):
        an_answer(store, checkpoint, probe)
    page = client.get(f"/runs/{run.id}/probes/{probe.id}").text
    assert "Word for word the same at all 3 checkpoints that answered." in page
    assert "Where did this change?" not in page


def test_each_sample_is_a_strip_of_its_own(client: TestClient, store: Store) -> None:
    project = a_project(store)
    sampling = a_sampling(store, Sampling(temperature=1.0, samples=2, noise_key="n"))
    probe = a_probe(store, project)
    run = a_run(store, project, steps=(10,), sampling_id=sampling.id)
    for checkpoint in checkpoints_of(store, run):
        for index in range(2):
            an_answer(
                store, checkpoint, probe, text=f"{index} at {checkpoint.step}", sampling=sampling, sample_index=index
            )
    page = client.get(f"/runs/{run.id}/probes/{probe.id}?sample=1").text
    assert frames_of(page)[0] == "base 1 at 0"
    assert "sample 2" in page


def test_a_link_opens_strips_of_its_own_run_only(guest_of: GuestOf, store: Store, run: Run) -> None:
    other = a_run(store, a_project(store))
    guest = guest_of(a_share_link(store, run=run, role="view").id)
    page = guest.get("/runs/support/probes/geo/france")
    assert page.status_code == 200
    assert "/rate" not in page.text
    assert guest.get(f"/runs/{other.id}/probes/geo/france").status_code == 404


def test_a_probe_of_another_project_is_not_there(client: TestClient, store: Store, run: Run) -> None:
    elsewhere = a_probe(store, a_project(store), key="elsewhere")
    assert client.get(f"/runs/support/probes/{elsewhere.id}").status_code == 404
    assert client.get("/runs/support/probes/elsewhere").status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_run(client: TestClient, store: Store) -> None:
    counts = []
    for steps in ((10,), tuple(range(10, 110, 10))):
        project = a_project(store)
        probe = a_probe(store, project)
        run = a_run(store, project, steps=steps)
        for checkpoint in checkpoints_of(store, run):
            an_answer(store, checkpoint, probe, text=f"At {checkpoint.step}.")
        seen: list[str] = []
        client.get(f"/runs/{run.id}/probes/{probe.id}")
        event.listen(store.engine, "before_cursor_execute", lambda *args, seen=seen: seen.append(args[2]))
        client.get(f"/runs/{run.id}/probes/{probe.id}")
        counts.append(len(seen))
    assert counts[0] == counts[1]
