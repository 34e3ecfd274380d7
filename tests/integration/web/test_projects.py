"""The project pages over HTTP, as a browser without JavaScript uses them."""

import re

from starlette.testclient import TestClient

from beyondloss.domain.access import OWNER
from beyondloss.services import projects
from beyondloss.store.engine import Store
from tests.factories import a_behaviour, a_probe, a_project, a_run, a_share_link
from tests.integration.web.conftest import MakeClient


def test_a_single_project_is_shown_at_once(client: TestClient, store: Store) -> None:
    project = a_project(store)
    assert client.get("/projects").headers["location"] == f"/projects/{project.id}"


def test_a_project_is_made_from_the_empty_page(client: TestClient, store: Store) -> None:
    assert "No project yet" in client.get("/projects").text
    made = client.post("/projects", data={"name": " support  bot "})
    assert made.status_code == 303
    assert projects.find_project(store, "support bot", OWNER).name == "support bot"


def test_a_project_without_a_name_is_told_so_beside_the_field(client: TestClient) -> None:
    answer = client.post("/projects", data={"name": "  "})
    assert answer.status_code == 400
    assert 'aria-invalid="true"' in answer.text


def test_a_probe_is_written_with_turns_a_system_prompt_and_a_new_behaviour(client: TestClient, store: Store) -> None:
    project = a_project(store)
    behaviour = a_behaviour(store, project, name="plain tone")
    answer = client.post(
        f"/projects/{project.id}/probes",
        data={
            "prompt": "And tomorrow?\r\nPlease.",
            "system": "You are brief.",
            "role": ["user", "assistant", "user"],
            "content": ["Will it rain today?", "No.", ""],
            "family": "boundary",
            "behaviours": [behaviour.name],
            "new_behaviours": "admits doubt",
            "set_name": "weather",
        },
    )
    assert answer.status_code == 303, answer.text
    [probe_set] = [s for s in projects.find_project(store, project.name, OWNER).sets if s.name == "weather"]
    [probe] = probe_set.probes
    assert [(m.role.value, m.content) for m in probe.messages] == [
        ("system", "You are brief."),
        ("user", "Will it rain today?"),
        ("assistant", "No."),
        ("user", "And tomorrow?\nPlease."),
    ]
    assert probe.key == "and-tomorrow-please"
    assert {b.name for b in probe.behaviours} == {"plain tone", "admits doubt"}


def test_what_was_typed_stays_when_it_cannot_be_saved(client: TestClient, store: Store) -> None:
    project = a_project(store)
    a_probe(store, project, key="france")
    answer = client.post(
        f"/projects/{project.id}/probes",
        data={"prompt": "Where is Lyon?", "key": "france", "set_name": "main", "good": "In France."},
    )
    assert answer.status_code == 409
    assert "Where is Lyon?" in answer.text
    assert "In France." in answer.text
    assert 'role="alert"' in answer.text


def test_the_form_of_a_stored_probe_gives_it_back_unchanged(client: TestClient, store: Store) -> None:
    project = a_project(store)
    probe = a_probe(store, project, prompt="What is 12 times 8?", good="96, <b>plainly</b>")
    page = client.get(f"/projects/{project.id}?edit={probe.id}")
    assert re.search(r'<textarea id="f-prompt"[^>]*>What is 12 times 8\?</textarea>', page.text)
    assert "96, &lt;b&gt;plainly&lt;/b&gt;" in page.text


def test_an_archived_probe_comes_back_by_undo(client: TestClient, store: Store) -> None:
    project = a_project(store)
    probe = a_probe(store, project, prompt="What is 12 times 8?")
    address = f"/projects/{project.id}/probes/{probe.id}"
    archived = client.post(f"{address}/archive")
    page = client.get(archived.headers["location"])
    assert "What is 12 times 8?" not in page.text
    assert f'action="{address}/restore"' in page.text
    client.post(f"{address}/restore")
    assert "What is 12 times 8?" in client.get(f"/projects/{project.id}").text


def test_pasted_probes_of_every_format_are_recognised(client: TestClient, store: Store) -> None:
    project = a_project(store)
    texts = [
        "probes:\n  - id: a\n    prompt: One?\n",
        '{"probes": [{"id": "b", "prompt": "Two?"}]}',
        '{"id": "c", "prompt": "Three?"}\n{"id": "d", "prompt": "Four?"}\n',
        "id,prompt\ne,Five?\n",
    ]
    for text in texts:
        answer = client.post(f"/projects/{project.id}/import", data={"text": text, "set_name": "main"})
        assert answer.status_code == 303, answer.text
    keys = [p.key for s in projects.find_project(store, project.name, OWNER).sets for p in s.probes]
    assert keys == ["a", "b", "c", "d", "e"]


def test_an_uploaded_file_that_cannot_be_read_is_told_with_its_line(client: TestClient, store: Store) -> None:
    project = a_project(store)
    broken = {"file": ("probes.jsonl", b'{"id": "a", "prompt": "One?"}\n{oops\n', "application/jsonl")}
    answer = client.post(f"/projects/{project.id}/import", files=broken)
    assert answer.status_code == 422
    assert "Line 2" in answer.text or "line 2" in answer.text


def test_an_export_is_what_the_import_reads(client: TestClient, store: Store) -> None:
    project = a_project(store)
    a_probe(store, project, key="france", prompt="What is the capital of France?")
    for format_name in ("yaml", "json", "jsonl", "csv"):
        exported = client.get(f"/projects/{project.id}/export?format={format_name}")
        assert "attachment" in exported.headers["content-disposition"]
        files = {"file": (f"probes.{format_name}", exported.content, "text/plain")}
        back = client.post(f"/projects/{project.id}/import", files=files, data={"set_name": "main"})
        assert back.headers["location"].endswith("added=0&revised=0&unchanged=1"), (format_name, back.text)


def test_a_set_stops_being_asked_and_is_asked_again(client: TestClient, store: Store) -> None:
    project = a_project(store)
    a_probe(store, project)
    [probe_set] = projects.find_project(store, project.name, OWNER).sets
    for active in (False, True):
        client.post(f"/projects/{project.id}/sets/{probe_set.id}/active", data={"active": str(active)})
        assert projects.find_project(store, project.name, OWNER).sets[0].active is active


def test_a_project_without_probes_offers_the_ready_made_set(client: TestClient, store: Store) -> None:
    project = a_project(store)
    assert "Start with a ready-made set" in client.get(f"/projects/{project.id}").text
    answer = client.post(f"/projects/{project.id}/starter")
    assert "added=" in answer.headers["location"]
    assert "probes added" in client.get(answer.headers["location"]).text


def test_the_part_that_htmx_gets_is_a_piece_of_the_page(client: TestClient, store: Store) -> None:
    project = a_project(store)
    a_probe(store, project)
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#project"}
    part = client.get(f"/projects/{project.id}", headers=headers)
    assert part.text.strip() in client.get(f"/projects/{project.id}").text
    assert "HX-Request" in part.headers["vary"]


def test_a_guest_of_the_project_reads_it_and_changes_nothing(
    client: TestClient, store: Store, guest_of: MakeClient
) -> None:
    project, other = a_project(store, name="mine"), a_project(store, name="other")
    probe = a_probe(store, project)
    secret = a_probe(store, other)
    guest = guest_of(a_share_link(store, project=project).id)
    page = guest.get(f"/projects/{project.id}")
    assert page.status_code == 200
    assert "<form" not in page.text.partition("<main")[2].partition("</main")[0]
    assert guest.get(f"/projects/{other.id}").status_code == 404
    assert guest.get(f"/projects/{project.id}/probes/{secret.id}").status_code == 404
    assert guest.post(f"/projects/{project.id}/probes/{probe.id}/archive").status_code == 403
    assert guest.post(f"/projects/{project.id}/import", data={"text": "probes: []"}).status_code == 403


def test_a_base_model_that_runs_name_is_offered_until_somebody_says_where_it_is(
    client: TestClient, store: Store
) -> None:
    project = a_project(store)
    a_run(store, project, base_model="acme/base-1b")
    address = f"/projects/{project.id}"
    assert '<option value="acme/base-1b">' in client.get(address).text
    client.post(f"{address}/base-models", data={"name": "acme/base-1b", "path": "/models/base"})
    page = client.get(address).text
    assert '<option value="acme/base-1b">' not in page
    assert "/models/base" in page
