"""Choosing on its page, over the API, on the command line, and wherever a run is shown."""

import html
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from beyondloss.cli import main
from beyondloss.store.engine import Store
from beyondloss.store.tables import Run
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
PROBES = 16
HOSTILE = '<script>alert(1)</script> "quoted"'


@pytest.fixture
def run(store: Store) -> Run:
    """Raters favour step 10, both losses are lowest at step 30."""
    project = a_project(store)
    behaviour = a_behaviour(store, project, name="asks first")
    run = a_run(store, project, steps=(10, 20, 30), name="support-v3", output_dir="/my runs/support-v3")
    points(store, run, loss=[2.0 * 0.9**step for step in range(30)], eval_loss=[2.0 - 0.05 * s for s in range(30)])
    base, *others = checkpoints_of(store, run)
    rater = a_rater(store)
    for _ in range(PROBES):
        probe = a_probe(store, project, behaviours=[behaviour])
        before = an_answer(store, base, probe, text="before")
        for other, verdict in zip(others, (1, 0, -1), strict=True):
            a_rating(store, rater, an_answer(store, other, probe, text=f"after {other.step}"), before, verdict=verdict)
    return run


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def test_the_page_says_what_speaks_for_each_checkpoint(client: TestClient, run: Run) -> None:
    page = client.get(f"/runs/{run.id}/choose")
    assert page.status_code == 200, page.text
    text = text_of(page.text)
    assert "Raters favour step 10: net win +1.00 on the 16 probes that can be compared." in text
    assert "would cost you 2.00" in text
    assert "raters' best" in text
    assert "Merge it into the base" not in text
    assert re.search(r'value="10" required checked', page.text)


def test_a_choice_is_made_seen_everywhere_and_taken_back_without_scripts(client: TestClient, run: Run) -> None:
    path = f"/runs/{run.id}/choose"
    made = client.post(path, data={"step": "10", "note": HOSTILE})
    assert (made.status_code, made.headers["location"]) == (303, path)
    page = client.get(path).text
    assert HOSTILE not in page
    text = text_of(page)
    assert "Chosen: step 10" in text
    assert HOSTILE in text
    assert "PeftModel.from_pretrained(base, '/my runs/support-v3/checkpoint-10')" in text
    assert "vllm serve acme/base-1b" in text
    assert '{"name": "support-v3-step-10", "path": "/my runs/support-v3/checkpoint-10"}' in text
    assert "step 10 chosen" in text_of(client.get("/").text)
    shown = client.get(f"/runs/{run.id}").text
    assert "step 10 chosen" in text_of(shown)
    assert re.search(r'data-step="10"[^>]*data-chosen', shown)
    assert client.post(f"{path}/clear").status_code == 303
    text = text_of(client.get(path).text)
    assert "Chosen: step 10" not in text
    assert "Choose it again" in text
    assert "chosen" not in text_of(client.get("/").text)


def test_an_open_page_hears_of_a_choice(client: TestClient, run: Run) -> None:
    before = client.get(f"/runs/{run.id}/live").json()
    client.put(f"/api/v1/runs/{run.id}/choice", json={"step": 20})
    after = client.get(f"/runs/{run.id}/live?rev={before['rev']}").json()
    assert after["rev"] > before["rev"]
    assert after["seen"] != before["seen"]


def test_the_report_tells_the_choice_and_what_loss_would_cost_in_every_form(client: TestClient, run: Run) -> None:
    client.post(f"/runs/{run.id}/choose", data={"step": "10", "note": "asks *first*"})
    path = f"/runs/{run.id}/report"
    page = client.get(path).text
    text = text_of(page)
    for said in (
        "would cost you 2.00",
        "Chosen: step 10",
        "asks *first*",
        "Loss misleads here: it fell while answers became worse",
        "Loss and raters agree: loss fell and answers became better",
    ):
        assert said in text, said
    assert '<svg class="report-plot"' in page
    assert "/my runs" not in page  # the report may be sent to anybody
    markdown = client.get(f"{path}?format=md").text
    assert "**Chosen: step 10** asks \\*first\\*" in markdown
    assert "| **step 10** | ▲ +1.00 " in markdown
    assert "| loss fell | 1 | 0 | 2 | 0 |" in markdown
    report = client.get(f"{path}?format=json").json()
    assert report["choosing"]["chosen"]["step"] == 10
    assert report["choosing"]["evaluated"]["cost"]["word"] == "costs"
    assert [(one["before"], one["after"], one["loss"]["moved"]) for one in report["moves"]] == [
        (0, 10, "fell"),
        (10, 20, "fell"),
        (20, 30, "fell"),
    ]
    assert [one["behaviours"][0]["meaning"] for one in report["moves"]] == ["agree", "misleads", "misleads"]


def test_the_api_chooses_and_weighs(client: TestClient, run: Run) -> None:
    address = f"/api/v1/runs/{run.id}/choice"
    found = client.get(address).json()
    assert (found["chosen"], found["serving"], found["best"], found["probes"]) == (None, None, 10, PROBES)
    assert [one["step"] for one in found["standings"]] == [0, 10, 20, 30]
    assert found["evaluated"]["step"] == 30
    assert found["evaluated"]["cost"]["regret"]["value"] == pytest.approx(2.0)
    chosen = client.put(address, json={"step": 0, "note": "nothing is better"}).json()
    assert (chosen["chosen"]["step"], chosen["chosen"]["note"]) == (0, "nothing is better")
    assert [one["purpose"] for one in chosen["serving"]["commands"]] == ["vllm", "transformers"]
    assert client.get(f"/api/v1/runs/{run.id}").json()["chosen"]["step"] == 0
    assert client.delete(address).status_code == 204
    assert client.delete(address).status_code == 204
    assert client.get(f"/api/v1/runs/{run.id}").json()["chosen"] is None


@pytest.mark.parametrize("body", [{"step": 11}, {"step": -1}, {"step": "x"}, {}, {"step": 10, "note": "x" * 2001}])
def test_what_cannot_be_chosen_is_told(client: TestClient, run: Run, body: dict[str, object]) -> None:
    response = client.put(f"/api/v1/runs/{run.id}/choice", json=body)
    assert response.status_code in {404, 422}
    assert response.headers["content-type"] == "application/problem+json"
    form = client.post(f"/runs/{run.id}/choose", data={key: str(value) for key, value in body.items()})
    assert form.status_code in {400, 404, 422}


def test_a_guest_sees_the_choice_and_changes_nothing(
    client: TestClient, guest_of: GuestOf, store: Store, run: Run
) -> None:
    client.post(f"/runs/{run.id}/choose", data={"step": "10", "note": "asks first"})
    guest = guest_of(a_share_link(store, run=run).id)
    text = text_of(guest.get(f"/runs/{run.id}/choose").text)
    assert "Chosen: step 10" in text
    assert "asks first" in text
    for hidden in ("Choose this checkpoint", "Take it back", "Merge it into the base", "/my runs"):
        assert hidden not in text, hidden
    assert guest.get(f"/api/v1/runs/{run.id}/choice").json()["serving"] is None
    assert guest.put(f"/api/v1/runs/{run.id}/choice", json={"step": 20}).status_code == 403
    assert guest.delete(f"/api/v1/runs/{run.id}/choice").status_code == 403
    assert guest.post(f"/runs/{run.id}/choose", data={"step": "20"}).status_code == 403
    assert guest.post(f"/runs/{run.id}/choose/clear").status_code == 403
    assert client.get(f"/api/v1/runs/{run.id}").json()["chosen"]["step"] == 10
    other = a_run(store, a_project(store))
    assert guest.get(f"/runs/{other.id}/choose").status_code == 404
    assert guest.get(f"/api/v1/runs/{other.id}/choice").status_code == 404


def test_the_command_line_weighs_chooses_and_takes_back(
    run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def call(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["choose", "support-v3", *arguments, "--data-dir", str(tmp_path / "data")])
        return int(ended.value.code or 0), *capfd.readouterr()

    code, out, err = call()
    assert (code, err) == (0, "")
    assert "support-v3: no checkpoint is chosen." in out
    assert "Raters favour step 10" in out
    code, out, _err = call("--step", "10", "--note", "asks first")
    assert "support-v3: step 10 is chosen. asks first" in out
    assert "# Serve it with vLLM\nvllm serve acme/base-1b" in out
    told = json.loads(call("--json")[1])
    assert (told["chosen"]["step"], told["best"]) == (10, 10)
    assert told["serving"]["commands"][0]["purpose"] == "merge"
    assert "the base is chosen" in call("--step", "base")[1]
    assert "no checkpoint is chosen" in call("--clear")[1]
    for wrong in (("--step", "11"), ("--step", "x"), ("--clear", "--step", "10"), ("--note", "why")):
        code, out, err = call(*wrong)
        assert (code, out) == (1, "")
        assert err


def test_a_run_that_learned_nothing_is_reported_flat_and_same(client: TestClient, store: Store) -> None:
    project = a_project(store)
    run = a_run(store, project, steps=(10, 20))
    points(store, run, loss=[2.0] * 20)
    for _ in range(8):
        probe = a_probe(store, project)
        for checkpoint in checkpoints_of(store, run):
            an_answer(store, checkpoint, probe, text="as ever")
    path = f"/runs/{run.id}/report"
    assert "Loss and raters agree: neither moved" in text_of(client.get(path).text)
    assert "| loss stayed | 0 | 2 | 0 | 0 |" in client.get(f"{path}?format=md").text
