"""The queue page: what it says in each state, its buttons with and without JavaScript, and who may see it."""

import time
from collections.abc import Callable

from sqlmodel import select
from starlette.testclient import TestClient

from beyondloss.domain.jobs import JobState
from beyondloss.services import queue
from beyondloss.store.engine import Store
from beyondloss.store.tables import Job, ShareLink, WorkerState
from tests.factories.answers import a_job
from tests.factories.projects import a_probe, a_project
from tests.factories.rows import NOW, stored
from tests.factories.runs import a_run, checkpoints_of

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#queue"}


def a_queue(store: Store) -> dict[str, Job]:
    """One job in each state."""
    project = a_project(store)
    a_probe(store, project)
    run = a_run(store, project, name="support-v3", steps=(10, 20, 30, 40))
    ended = {"ended_at": time.time(), "started_at": time.time() - 60}
    states = {
        "done": {"done": 1, **ended},
        "failed": {"error": "The base model is not on this machine. Map it on the run's page.", **ended},
        "cancelled": {"error": "It is not there any more.", **ended},
        "running": {"lease_owner": "w", "lease_until": time.time() + 60, "tokens_per_second": 41.3, "attempts": 2},
        "queued": {"error": "It stumbled.", "attempts": 1},
    }
    return {
        state: a_job(store, checkpoint, state=state, **fields)
        for checkpoint, (state, fields) in zip(checkpoints_of(store, run), states.items(), strict=True)
    }


def a_worker(store: Store, status: str = "answering") -> None:
    queue.tell_worker_state(store, name="box:1:ff", engine="transformers", device="cuda", status=status)


def test_an_empty_queue_says_where_jobs_come_from(client: TestClient) -> None:
    text = client.get("/queue").text
    assert "Nothing to answer" in text
    assert "None is running." in text


def test_every_state_is_shown_with_what_can_be_done(client: TestClient, store: Store) -> None:
    jobs = a_queue(store)
    a_worker(store)
    text = client.get("/queue").text
    for said in ("41.3 tokens/s", "Map it on the run&#39;s page.", "Attempt 1 of 3 failed", "Attempt 2 of 3", "cuda"):
        assert said in text
    for state, can in (("running", "cancel"), ("queued", "cancel"), ("failed", "retry"), ("cancelled", "retry")):
        assert f'action="/queue/jobs/{jobs[state].id}/{can}"' in text
    assert f'action="/queue/jobs/{jobs["done"].id}' not in text
    assert 'hx-trigger="every 2s"' in text


def test_the_part_is_a_part_of_the_page(client: TestClient, store: Store) -> None:
    a_queue(store)
    page, part = client.get("/queue"), client.get("/queue", headers=HTMX)
    assert part.text.strip() in page.text
    assert "<html" not in part.text
    assert "HX-Request" in part.headers["vary"]


def test_waiting_without_a_worker_says_how_to_start_one_and_does_not_hurry(client: TestClient, store: Store) -> None:
    a_queue(store)
    text = client.get("/queue").text
    assert "No worker is running" in text
    assert 'hx-trigger="every 15s"' in text


def test_a_worker_that_fell_silent_is_not_taken_for_one_that_works(client: TestClient, store: Store) -> None:
    a_worker(store)
    with store.write() as session:
        session.exec(select(WorkerState)).one().heartbeat_at -= 600
    assert "silent, last heard 10 minutes ago" in client.get("/queue").text


def test_why_a_worker_waits_stands_beside_it(client: TestClient, store: Store) -> None:
    a_worker(store, "waiting: GPU 0 is full.")
    assert "waits: GPU 0 is full." in client.get("/queue").text


def test_buttons_work_without_javascript(client: TestClient, store: Store) -> None:
    jobs = a_queue(store)
    for action, state in (("cancel", "running"), ("retry", "failed")):
        answer = client.post(f"/queue/jobs/{jobs[state].id}/{action}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/queue")
    assert queue.find_job(store, jobs["running"].id).state is JobState.CANCELLED
    assert queue.find_job(store, jobs["failed"].id).state is JobState.QUEUED
    assert client.post("/queue/pause").status_code == 303
    assert "Go on answering" in client.get("/queue").text
    client.post("/queue/resume")
    assert "Go on answering" not in client.get("/queue").text


def test_with_htmx_a_button_answers_with_the_new_queue(client: TestClient, store: Store) -> None:
    a_queue(store)
    paused = client.post("/queue/pause", headers=HTMX)
    assert paused.status_code == 200
    assert "Go on answering" in paused.text


def test_all_that_failed_is_retried_at_once(client: TestClient, store: Store) -> None:
    jobs = a_queue(store)
    with store.write() as session:
        session.get_one(Job, jobs["cancelled"].id).state = "failed"
    assert "Retry all" in client.get("/queue").text
    client.post("/queue/retry-failed")
    states = {queue.find_job(store, jobs[state].id).state for state in ("failed", "cancelled")}
    assert states == {JobState.QUEUED}


def test_what_cannot_be_done_any_more_is_told(client: TestClient, store: Store) -> None:
    jobs = a_queue(store)
    assert client.post(f"/queue/jobs/{jobs['done'].id}/cancel").status_code == 409
    assert client.post("/queue/jobs/999/retry").status_code == 404
    assert client.post("/queue/jobs/0/retry").status_code in {400, 422}


def test_only_the_owner_sees_and_moves_the_queue(
    stranger: TestClient, guest_of: Callable[..., TestClient], store: Store
) -> None:
    run = a_run(store)
    link = stored(store, ShareLink(token_hash="h", run_id=run.id, role="rate", created_at=NOW))
    for visitor in (stranger, guest_of(link.id)):
        for method, path in (("GET", "/queue"), ("POST", "/queue/pause"), ("POST", "/queue/jobs/1/cancel")):
            assert visitor.request(method, path).status_code in {401, 403, 404}
    assert not queue.is_paused(store)
