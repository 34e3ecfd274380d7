"""From messages to token ids, also with templates that do not mean well."""

import sys
from pathlib import Path

import pytest

from beyondloss.domain.probes import Message, MessageRole
from beyondloss.errors import GenerationFailed
from beyondloss.generation import prompts
from beyondloss.generation.prompts import PromptWriter, load_prompt_writer
from tests.factories.tiny_models import tiny_tokenizer

pytestmark = pytest.mark.torch
ASK = Message(MessageRole.USER, "Ça va?")
SYSTEM = Message(MessageRole.SYSTEM, "Be brief.")
NO_SYSTEM = (
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "{{ m['content'] }}{% endfor %}"
)


def writer(template: str | None) -> PromptWriter:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = template
    return PromptWriter(tokenizer)


def test_the_prompt_is_what_the_tokenizers_own_template_makes() -> None:
    tokenizer = tiny_tokenizer()
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Ça va?"}]
    expected = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)["input_ids"]
    assert PromptWriter(tokenizer).write([SYSTEM, ASK]).token_ids == tuple(expected)


def test_a_tokenizer_without_template_gets_a_plain_one_and_says_so() -> None:
    plain = writer(None)
    assert (
        plain.read(plain.write([SYSTEM, ASK]).token_ids, cut=False) == "System: Be brief.\n\nUser: Ça va?\n\nAssistant:"
    )
    assert "no chat template" in plain.notes[0]


def test_a_template_that_refuses_system_prompts_gets_it_before_the_question() -> None:
    strict = writer(NO_SYSTEM)
    prompt = strict.write([SYSTEM, ASK])
    assert strict.read(prompt.token_ids, cut=False) == "Be brief.\n\nÇa va?"
    assert "takes no system prompt" in prompt.notes[0]


@pytest.mark.parametrize(
    "template",
    [
        "{{ messages.__class__.__mro__[1].__subclasses__() }}",
        "{{ raise_exception('only on Tuesdays') }}",
        "{% for m in messages %}",
        "{{ nothing.there.at.all }}",
        "{% for i in range(1000000000) %}x{% endfor %}",
        "{{ 'x' * 5000000 }}",
    ],
)
def test_a_hostile_or_broken_template_becomes_a_plain_sentence(template: str) -> None:
    with pytest.raises(GenerationFailed) as raised:
        writer(template).write([ASK])
    assert "template" in raised.value.message
    assert raised.value.hint


def test_a_template_that_loops_without_end_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "_MAX_SECONDS", 0.2)
    loops = "".join(f"{{% for {name} in range(99999) %}}" for name in "abcd") + "{% endfor %}" * 4
    before = sys.gettrace()
    with pytest.raises(GenerationFailed, match=r"after 0\.2 seconds"):
        writer(loops).write([SYSTEM, ASK])
    assert sys.gettrace() is before


def test_two_templates_have_two_hashes() -> None:
    assert writer("a").template_hash != writer("b").template_hash


def test_a_character_cut_in_the_middle_is_not_shown() -> None:
    tokenizer = tiny_tokenizer()
    ids = tokenizer("好吃")["input_ids"]
    reader = PromptWriter(tokenizer)
    assert reader.read(ids[:-1], cut=True) == "好"
    assert reader.read(ids, cut=True) == "好吃"


def test_a_run_without_tokenizer_uses_the_base_models_and_says_so(tmp_path: Path) -> None:
    base, run = tmp_path / "base", tmp_path / "run"
    run.mkdir()
    tiny_tokenizer().save_pretrained(base)
    assert "holds no tokenizer" in load_prompt_writer(run, base).notes[0]
    assert load_prompt_writer(base, base).notes == ()


def test_a_folder_without_any_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(GenerationFailed, match="cannot be loaded"):
        load_prompt_writer(None, tmp_path)
