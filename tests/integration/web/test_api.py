"""The JSON API, resource by resource, as a program uses it."""

import json
import math
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from beyondloss.services.projects import add_starter_probes
from beyondloss.store.engine import Store
from tests.factories import (
    a_behaviour,
    a_job,
    a_probe,
    a_project,
    a_rater,
    a_run,
    a_share_link,
    an_answer,
    answers_everywhere,
    checkpoints_of,
    points,
)

GuestOf = Callable[..., TestClient]
V1 = "/api/v1"
JSON = {"Content-Type": "application/json"}


def test_health_is_told_to_anybody(client: TestClient, stranger: TestClient) -> None:
    for asking in (client, stranger):
        for address in (f"{V1}/healthz", "/healthz"):
            assert asking.get(address).json() | {"version": ""} == {
                "status": "ok", "version": "", "database": "ok", "worker": "none",
            }  # fmt: skip


def test_runs_come_newest_first_in_pages_that_a_cursor_joins(client: TestClient, store: Store) -> None:
    project = a_project(store)
    names = [a_run(store, project, first_seen=1000.0 + i).name for i in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get(f"{V1}/runs?limit=2{cursor}").json()
        assert len(page["items"]) <= 2
        seen += [run["name"] for run in page["items"]]
        cursor = page["next"] and f"&cursor={page['next']}"
    assert seen == names[::-1]


def test_a_run_is_found_by_id_and_by_name_and_starts_with_its_base(client: TestClient, store: Store) -> None:
    run = a_run(store, a_project(store), steps=(10, 20))
    for reference in (run.id, run.name):
        found = client.get(f"{V1}/runs/{reference}").json()
        assert found["id"] == run.id
        assert (found["checkpoints"][0]["step"], found["checkpoints"][0]["kind"]) == (0, "base")
        assert {"id", "step", "epoch", "kind", "state", "reason", "answers_done", "answers_total"} <= set(
            found["checkpoints"][1]
        )
    missing = client.get(f"{V1}/runs/nothing")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
    assert set(missing.json()) >= {"code", "detail", "hint"}


def test_a_training_process_registers_the_same_run_twice_and_gets_one(client: TestClient) -> None:
    body = {"name": "support-v3", "base_model": "acme/base-1b", "config": {"lr": 0.0002, "packing": True}}
    first = client.post(f"{V1}/runs", json=body)
    again = client.post(f"{V1}/runs", json=body | {"state": "finished"})
    assert first.status_code == again.status_code == 200, first.text
    assert first.json()["id"] == again.json()["id"]
    assert again.json()["state"] == "finished"


def test_points_that_are_not_finite_come_back_as_null_beside_their_kind(client: TestClient, store: Store) -> None:
    run = a_run(store, a_project(store))
    values = [2.5, "NaN", "Infinity", "-Infinity", None, 1.5]
    batch = {"points": [{"step": i + 1, "metrics": {"loss": v, "grad_norm": i}} for i, v in enumerate(values)]}
    sent = client.post(f"{V1}/runs/{run.id}/metrics", json=batch)
    assert sent.json() == {"received": 12, "changed": 12}
    assert client.post(f"{V1}/runs/{run.id}/metrics", json=batch).json()["changed"] == 0
    answer = client.get(f"{V1}/runs/{run.id}/metrics?names=loss")
    loss = json.loads(answer.text, parse_constant=pytest.fail)["series"]["loss"]
    assert loss["steps"] == [1, 2, 3, 4, 5, 6]
    assert loss["values"] == [2.5, None, None, None, None, 1.5]
    assert loss["kinds"] == ["finite", "nan", "posinf", "neginf", "nan", "finite"]
    assert loss["total"] == 6


def test_python_style_nan_in_a_body_is_understood(client: TestClient, store: Store) -> None:
    run = a_run(store, a_project(store))
    body = '{"points": [{"step": 1, "metrics": {"loss": NaN, "big": 1e999}}, {"step": 2, "metrics": {"loss": 1%s}}]}'
    sent = client.post(f"{V1}/runs/{run.id}/metrics", content=body % ("0" * 400), headers=JSON)
    assert sent.status_code == 200, sent.text
    loss = client.get(f"{V1}/runs/{run.id}/metrics?names=loss,big").json()["series"]
    assert loss["loss"]["kinds"] == ["nan", "posinf"]
    assert loss["big"]["kinds"] == ["posinf"]


def test_a_long_curve_is_cut_to_the_budget_with_its_spike_kept(client: TestClient, store: Store) -> None:
    run = a_run(store, a_project(store))
    values = [2.0 + math.sin(i / 50) for i in range(5000)]
    values[3333] = 99.0
    points(store, run, loss=values)
    loss = client.get(f"{V1}/runs/{run.id}/metrics?names=loss&points=500").json()["series"]["loss"]
    assert len(loss["steps"]) <= 500
    assert loss["total"] == 5000
    assert 99.0 in loss["values"]
    part = client.get(f"{V1}/runs/{run.id}/metrics?names=loss&from=100&to=199").json()["series"]["loss"]
    assert (part["steps"][0], part["steps"][-1], part["total"]) == (100, 199, 100)


def test_probes_are_added_as_a_file_would_and_listed_with_their_key(client: TestClient, store: Store) -> None:
    project = a_project(store)
    body = {
        "behaviours": [{"name": "plain tone", "wanted": "no flourish"}],
        "probes": [{"id": "france", "prompt": "What is the capital of France?", "behaviours": ["plain tone"]}],
    }
    added = client.post(f"{V1}/projects/{project.name}/probes?set=mine", json=body)
    assert added.json() == {"added": 1, "revised": 0, "unchanged": 0, "behaviours": 1}
    [probe] = client.get(f"{V1}/projects/{project.id}/probes?set=mine").json()["items"]
    assert (probe["key"], probe["family"], probe["behaviours"][0]["wanted"]) == ("france", "unseen", "no flourish")
    assert probe["messages"] == [{"role": "user", "content": "What is the capital of France?"}]


def test_answers_come_with_everything_that_made_them(client: TestClient, store: Store) -> None:
    project = a_project(store)
    probe = a_probe(store, project, key="france")
    run = a_run(store, project, steps=(10,))
    _base, first = checkpoints_of(store, run)
    an_answer(store, first, probe, text="Paris.", token_ids=(5, 6))
    [answer] = client.get(f"{V1}/runs/{run.id}/answers?step=10&probe=france").json()["items"]
    assert (answer["text"], answer["token_ids"], answer["step"]) == ("Paris.", [5, 6], 10)
    assert answer["probe"]["key"] == "france"
    assert answer["provenance"]["dtype"] == "float32"
    assert client.get(f"{V1}/runs/{run.id}/answers?step=0").json()["items"] == []


def test_answers_come_in_pages_too(client: TestClient, store: Store) -> None:
    project = a_project(store)
    probes = [a_probe(store, project) for _ in range(3)]
    run = a_run(store, project, steps=(10,))
    answers_everywhere(store, run, probes)
    first = client.get(f"{V1}/runs/{run.id}/answers?limit=4").json()
    rest = client.get(f"{V1}/runs/{run.id}/answers?limit=4&cursor={first['next']}").json()
    assert len(first["items"]) == 4
    assert len(rest["items"]) == 2
    assert rest["next"] is None


def test_a_comparison_shows_the_words_that_changed_and_ones_own_rating(client: TestClient, store: Store) -> None:
    project = a_project(store)
    probe = a_probe(store, project)
    run = a_run(store, project, steps=(10,))
    base, first = checkpoints_of(store, run)
    reference = an_answer(store, base, probe, text="It is Paris.")
    answer = an_answer(store, first, probe, text="It is Lyon.")
    rated = client.post(f"{V1}/ratings", json={"answer_id": answer.id, "reference_id": reference.id, "verdict": -1})
    assert rated.status_code == 201, rated.text
    compared = client.get(f"{V1}/runs/{run.id}/compare?step=10&against=base").json()
    [item] = compared["items"]
    assert item["changed"] is True
    assert "".join(op["old"] for op in item["ops"]) == "It is Paris."
    assert "".join(op["new"] for op in item["ops"]) == "It is Lyon."
    assert item["my_rating"]["verdict"] == -1
    assert (item["answer"]["id"], item["reference"]["id"]) == (answer.id, reference.id)
    assert client.get(f"{V1}/runs/{run.id}/compare?step=11").status_code == 404


def test_verdicts_come_per_behaviour_with_what_is_still_needed(client: TestClient, store: Store) -> None:
    project = a_project(store)
    behaviour = a_behaviour(store, project, name="asks first")
    probe = a_probe(store, project, key="france", behaviours=[behaviour])
    run = a_run(store, project, steps=(10,))
    base, first = checkpoints_of(store, run)
    reference, answer = an_answer(store, base, probe, text="a"), an_answer(store, first, probe, text="b")
    address = f"{V1}/runs/{run.name}/verdicts?step=10&against=base"
    [unrated] = client.get(address).json()["items"]
    assert (unrated["behaviour"]["name"], unrated["net_win"], unrated["verdict"]) == ("asks first", None, "not_enough")
    assert [one["key"] for one in unrated["next_probes"]] == ["france"]
    client.post(f"{V1}/ratings", json={"answer_id": answer.id, "reference_id": reference.id, "verdict": 1})
    body = client.get(address).json()
    [rated] = body["items"]
    assert (rated["net_win"], rated["low"], rated["high"]) == (1.0, -1.0, 1.0)
    assert (rated["probes"], rated["ratings"], rated["raters"], rated["needed"]) == (1, 1, 1, 7)
    assert body["overall"]["behaviour"] is None
    assert (body["against_step"], body["compared"], body["changed"], body["next"]) == (0, 1, 1, None)
    assert client.get(f"{V1}/runs/{run.id}/verdicts?step=11").status_code == 404
    assert client.get(f"{V1}/runs/{run.id}/verdicts?step=10&against=nonsense").status_code == 400


def test_a_rating_is_listed_and_taken_back(client: TestClient, store: Store) -> None:
    project = a_project(store)
    probe = a_probe(store, project)
    run = a_run(store, project, steps=(10,))
    base, first = checkpoints_of(store, run)
    body = {
        "answer_id": an_answer(store, first, probe, text="a").id,
        "reference_id": an_answer(store, base, probe, text="b").id,
        "verdict": 1,
        "comment": "clear 😀 better",
        "blind": True,
        "side": "left",
    }
    rating = client.post(f"{V1}/ratings", json=body).json()
    [listed] = client.get(f"{V1}/ratings?run={run.name}").json()["items"]
    assert listed == rating
    assert client.delete(f"{V1}/ratings/{rating['id']}").json() == {"undone": rating["id"], "in_force": None}
    assert client.get(f"{V1}/ratings?run={run.id}").json()["items"] == []


def test_answers_are_asked_for_and_the_job_is_cancelled_and_tried_again(client: TestClient, store: Store) -> None:
    project = a_project(store)
    add_starter_probes(store, project.name)
    run = a_run(store, project, steps=(10,), base_model="acme/base-1b")
    asked = client.post(f"{V1}/runs/{run.id}/answer", json={"steps": [10], "max_new_tokens": 32})
    assert asked.status_code == 202, asked.text
    jobs = asked.json()["items"]
    assert {job["step"] for job in jobs} == {0, 10}
    assert {job["id"] for job in client.get(f"{V1}/jobs").json()["items"]} == {job["id"] for job in jobs}
    job = jobs[0]["id"]
    assert client.post(f"{V1}/jobs/{job}/cancel").json()["state"] == "cancelled"
    assert client.post(f"{V1}/jobs/{job}/retry").json()["state"] == "queued"
    assert client.post(f"{V1}/jobs/{job}/retry").status_code == 409


def test_a_share_links_token_is_given_once(client: TestClient, store: Store) -> None:
    run = a_run(store, a_project(store))
    made = client.post(f"{V1}/share-links", json={"run_id": run.id, "role": "rate", "expires_in_days": 7})
    assert made.status_code == 201, made.text
    assert made.json()["url"] == f"http://127.0.0.1:8420/s/{made.json()['token']}"
    [listed] = client.get(f"{V1}/share-links").json()["items"]
    assert (listed["token"], listed["url"], listed["state"]) == (None, None, "live")
    assert client.delete(f"{V1}/share-links/{listed['id']}").json()["state"] == "revoked"
    neither = client.post(f"{V1}/share-links", json={"role": "view"})
    assert neither.status_code == 400


def test_a_guest_gives_a_name_before_rating_and_then_rates(guest_of: GuestOf, store: Store) -> None:
    project = a_project(store)
    probe = a_probe(store, project)
    run = a_run(store, project, steps=(10,))
    base, first = checkpoints_of(store, run)
    body = {
        "answer_id": an_answer(store, first, probe, text="a").id,
        "reference_id": an_answer(store, base, probe, text="b").id,
        "verdict": 1,
    }
    guest = guest_of(a_share_link(store, run=run, role="rate").id)
    assert guest.post(f"{V1}/ratings", json=body).json()["code"] == "no_name"
    assert guest.post(f"{V1}/raters", json={"name": "Mei"}).status_code == 201
    assert guest.post(f"{V1}/ratings", json=body).json()["rater"] == "Mei"
    viewer = guest_of(a_share_link(store, run=run, role="view", token="view").id)
    assert viewer.post(f"{V1}/ratings", json=body).status_code == 403


def test_a_guest_learns_nothing_of_this_machines_folders(guest_of: GuestOf, store: Store) -> None:
    run = a_run(store, a_project(store), steps=(10,))
    shown = guest_of(a_share_link(store, run=run).id).get(f"{V1}/runs/{run.id}").json()
    assert (shown["output_dir"], shown["base_path"]) == (None, None)
    assert {c["path"] for c in shown["checkpoints"]} == {None}


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", "/runs/{run}"),
        ("GET", "/runs/{run}/metrics"),
        ("GET", "/runs/{run}/answers"),
        ("GET", "/runs/{run}/compare?step=10"),
        ("GET", "/runs/{run}/verdicts?step=10"),
        ("GET", "/ratings?run={run}"),
        ("GET", "/projects/{project}"),
        ("GET", "/projects/{project}/probes"),
        ("GET", "/jobs/{job}"),
    ],
)
def test_what_lies_outside_a_links_scope_is_not_there(
    guest_of: GuestOf, client: TestClient, store: Store, *, method: str, address: str
) -> None:
    other = a_project(store, name="other")
    run = a_run(store, other, steps=(10,))
    answers_everywhere(store, run, [a_probe(store, other)])
    job = a_job(store, checkpoints_of(store, run)[1])
    mine = a_project(store, name="mine")
    address = V1 + address.format(run=run.id, project=other.id, job=job.id)
    assert client.request(method, address).status_code == 200
    for link in (a_share_link(store, project=mine), a_share_link(store, run=a_run(store, mine), token="run")):
        assert guest_of(link.id).request(method, address).status_code == 404


def test_a_guests_lists_hold_only_what_the_link_opens(guest_of: GuestOf, store: Store) -> None:
    mine, other = a_project(store, name="mine"), a_project(store, name="other")
    runs = [a_run(store, project, steps=(10,)) for project in (mine, other)]
    for run in runs:
        a_job(store, checkpoints_of(store, run)[1])
    for link in (a_share_link(store, run=runs[0]), a_share_link(store, project=mine, token="project")):
        guest = guest_of(link.id)
        assert [r["id"] for r in guest.get(f"{V1}/runs").json()["items"]] == [runs[0].id]
        assert {j["run_id"] for j in guest.get(f"{V1}/jobs").json()["items"]} <= {runs[0].id}
        assert {p["name"] for p in guest.get(f"{V1}/projects").json()["items"]} <= {"mine"}


OPEN_TO_RATERS = {("POST", "/api/v1/ratings"), ("DELETE", "/api/v1/ratings/{rating}"), ("POST", "/api/v1/raters")}


def test_no_write_of_the_api_is_open_to_a_guest_but_rating(guest_of: GuestOf, client: TestClient, store: Store) -> None:
    project = a_project(store)
    run = a_run(store, project, steps=(10,))
    link = a_share_link(store, project=project, role="rate")
    guest = guest_of(link.id, rater_id=a_rater(store, link=link).id)
    paths = client.get(f"{V1}/openapi.json").json()["paths"]
    writes = [(m.upper(), p) for p, methods in paths.items() for m in methods if m != "get"]
    assert len(writes) >= 9
    for method, path in writes:
        if (method, path) in OPEN_TO_RATERS:
            continue
        filled = path.format(run=run.id, project=project.id, job=1, rating=1, link=link.id)
        assert guest.request(method, filled, json={}).status_code == 403, (method, path)


def test_every_call_says_what_it_is_for_and_how_it_fails(client: TestClient) -> None:
    openapi = client.get(f"{V1}/openapi.json").json()
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            assert operation["tags"], path
            assert operation["summary"], path
            if "{" in path:
                assert "404" in operation["responses"], (method, path)
    assert "ProblemOut" in openapi["components"]["schemas"]


def test_the_documentation_needs_no_other_host(client: TestClient) -> None:
    page = client.get("/api/docs")
    assert page.status_code == 200
    assert "/api/v1/runs/{run}/metrics" in page.text
    assert "https://" not in page.text
