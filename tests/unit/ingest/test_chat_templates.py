"""Chat templates are found where transformers writes them, now and formerly, and only there."""

from pathlib import Path

import pytest

from beyondloss.ingest.chat_templates import cached_model, read_chat_template
from tests.factories.run_folders import write_json


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tokenizer.json").write_text("{}")
    return tmp_path


def test_a_folder_without_tokenizer_has_no_template(tmp_path: Path) -> None:
    (tmp_path / "chat_template.jinja").write_text("words")
    assert read_chat_template(tmp_path) is None
    assert read_chat_template(tmp_path / "absent") is None


def test_a_tokenizer_without_template_says_so(folder: Path) -> None:
    assert read_chat_template(folder) == ""
    (folder / "tokenizer_config.json").write_text("[half")
    assert read_chat_template(folder) == ""


@pytest.mark.parametrize(
    "value", ["words", [{"name": "tool_use", "template": "x"}, {"name": "default", "template": "words"}]]
)
def test_older_tokenizers_keep_it_in_their_configuration(folder: Path, value: object) -> None:
    write_json(folder / "tokenizer_config.json", {"chat_template": value})
    assert read_chat_template(folder) == "words"


def test_a_file_of_its_own_comes_first_and_is_read_again_when_it_changes(folder: Path) -> None:
    write_json(folder / "tokenizer_config.json", {"chat_template": "old"})
    (folder / "chat_template.jinja").write_text("words")
    assert read_chat_template(folder) == "words"
    (folder / "chat_template.jinja").write_text("other words")
    assert read_chat_template(folder) == "other words"


def test_a_hub_model_is_found_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert cached_model("org/tiny") is None
    model = tmp_path / "models--org--tiny"
    (model / "snapshots" / "abc").mkdir(parents=True)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("abc")
    assert cached_model("org/tiny") == model / "snapshots" / "abc"
    for odd in ("tiny", "../tiny", "/org/tiny", "org/../../tiny", "org/ti\x00ny"):
        assert cached_model(odd) is None
