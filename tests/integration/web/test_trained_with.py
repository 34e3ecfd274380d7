"""What a trainer wrote about its template and system prompt, beside how the run's probes are written."""

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from beyondloss.domain.access import OWNER
from beyondloss.domain.probes import Message, MessageRole, ProbeFile, ProbeSpec
from beyondloss.domain.templates import TemplateDoubt, TemplateSource, TrainedWith
from beyondloss.services import projects, runs
from beyondloss.services.importing import import_folders
from beyondloss.store.engine import Store
from tests.factories import a_project, a_run, a_share_link
from tests.factories.layouts import axolotl, llamafactory_v0, ms_swift
from tests.factories.run_folders import hf_run

CHATML = "{{ '<|im_start|>' + messages[0]['content'] }}"


def a_tokenizer(folder: Path, template: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text("{}")
    (folder / "chat_template.jinja").write_text(template)
    return folder


def imported(store: Store, run: Path, *, base: Path | None = None) -> TrainedWith:
    import_folders(store, [run], project="support", kept_dir=run.parent / "kept", base=str(base) if base else None)
    return runs.find_run(store, str(run), OWNER).trained_with


def test_llamafactorys_template_is_compared_with_the_tokenizer_that_writes_the_probes(
    store: Store, tmp_path: Path
) -> None:
    run = llamafactory_v0(tmp_path / "a")
    a_tokenizer(run / "checkpoint-10", CHATML)
    assert imported(store, run) == TrainedWith("qwen", None, TemplateSource.RUN)
    other = llamafactory_v0(tmp_path / "b")
    a_tokenizer(other / "checkpoint-10", "{{ 'Human: ' + messages[0]['content'] }}")
    assert imported(store, other).doubts == (TemplateDoubt.OTHER_TEMPLATE,)


def test_ms_swifts_system_prompt_is_a_doubt_until_a_probe_sends_it(store: Store, tmp_path: Path) -> None:
    run = ms_swift(tmp_path / "a")
    base = a_tokenizer(tmp_path / "base", CHATML)
    found = imported(store, run, base=base)
    assert found == TrainedWith("qwen2_5", "Be kind.", TemplateSource.BASE, (TemplateDoubt.OTHER_SYSTEM,))
    messages = (Message(MessageRole.SYSTEM, "Be kind."), Message(MessageRole.USER, "Hello?"))
    projects.add_probes(store, "support", ProbeFile((), (ProbeSpec("hello", messages),)))
    assert imported(store, run).doubts == ()


def test_axolotls_data_format_is_a_template_of_its_own(store: Store, tmp_path: Path) -> None:
    run = axolotl(tmp_path / "a")
    a_tokenizer(run / "checkpoint-10", CHATML)
    found = imported(store, run)
    assert (found.template, found.doubts) == ("alpaca", (TemplateDoubt.OTHER_TEMPLATE,))
    log = run / "debug.log"
    log.write_text(log.read_text().replace('"seed": 42', '"chat_template": "chatml",\n  "seed": 42'))
    assert imported(store, run) == TrainedWith("chatml", None, TemplateSource.RUN)


@pytest.mark.parametrize(("base", "doubts"), [(CHATML, ()), ("{{ 'other' }}", (TemplateDoubt.UNLIKE_BASE,))])
def test_the_runs_own_chat_template_is_compared_with_its_bases(
    store: Store, tmp_path: Path, base: str, doubts: tuple[TemplateDoubt, ...]
) -> None:
    run = hf_run(tmp_path / "a")
    a_tokenizer(run / "checkpoint-20", CHATML)
    found = imported(store, run, base=a_tokenizer(tmp_path / "base", base))
    assert (found.source, found.doubts) == (TemplateSource.RUN, doubts)


def test_it_is_said_on_the_page_and_in_the_api(client: TestClient, store: Store, tmp_path: Path) -> None:
    run = llamafactory_v0(tmp_path / "support")
    a_tokenizer(run / "checkpoint-10", "{{ 'Human: ' + messages[0]['content'] }}")
    imported(store, run)
    page = client.get("/runs/support").text
    assert "Probes are not asked as in training." in page
    assert "Trained with the template qwen" in page
    told = client.get("/api/v1/runs/support").json()["trained_with"]
    assert (told["template"], told["source"]) == ("qwen", "run")
    ((doubt),) = told["doubts"]
    assert (doubt["kind"], doubt["severity"]) == ("other_template", "warn")
    assert "<|im_start|>" in doubt["message"]


def test_a_guest_sees_settings_without_folders(
    client: TestClient, guest_of: Callable[..., TestClient], store: Store
) -> None:
    config = {"learning_rate": 1e-4, "output_dir": "/home/me/saves", "dataset_dir": "~/data"}
    run = a_run(store, a_project(store), name="support", config=config)
    guest = guest_of(a_share_link(store, run=run).id)
    for text in (guest.get("/runs/support").text, guest.get("/api/v1/runs/support").text):
        assert "0.0001" in text
        assert "/home/me" not in text
        assert "~/data" not in text
    assert "/home/me/saves" in client.get("/runs/support").text
