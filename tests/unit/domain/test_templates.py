"""Whether probes are written as training wrote: said where it is known, and never where it is not."""

import pytest

from beyondloss.domain.templates import ChatTemplates, TemplateDoubt, TemplateSource, missing_mark, trained_with

CHATML = "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
ALPACA = "{% for m in messages %}### Instruction:\n{{ m['content'] }}\n\n### Response:\n{% endfor %}"


def doubts(
    template: str | None = None,
    system: str | None = None,
    *,
    run: str | None = CHATML,
    base: str | None = CHATML,
    probe_systems: frozenset[str] = frozenset(),
    asked: bool = True,
) -> tuple[TemplateDoubt, ...]:
    found = ChatTemplates(run, base)
    return trained_with(template, system, found=found, probe_systems=probe_systems, asked=asked).doubts


@pytest.mark.parametrize("name", ["qwen", "Qwen2.5", "qwen2_5", "chatml", "yi", None, "something of our own"])
def test_a_template_that_the_tokenizer_has_too_or_that_nobody_knows_is_no_doubt(name: str | None) -> None:
    assert doubts(name) == ()


@pytest.mark.parametrize(("name", "mark"), [("alpaca", "### Instruction"), ("llama3", "<|start_header_id|>")])
def test_a_template_whose_marks_the_tokenizer_lacks_is_said_with_the_mark(name: str, mark: str) -> None:
    found = trained_with(name, None, found=ChatTemplates(CHATML, CHATML), probe_systems=frozenset(), asked=True)
    assert (found.doubts, found.mark) == ((TemplateDoubt.OTHER_TEMPLATE,), mark)


def test_a_tokenizer_without_chat_template_has_no_marks() -> None:
    assert missing_mark("qwen", "") == "<|im_start|>"
    assert missing_mark("qwen", None) == ""


def test_without_a_tokenizer_of_its_own_the_bases_writes_the_probes() -> None:
    assert doubts("alpaca", run=None, base=CHATML) == (TemplateDoubt.OTHER_TEMPLATE,)
    assert doubts("alpaca", run=None, base=None) == ()
    assert ChatTemplates(None, CHATML).source is TemplateSource.BASE
    assert ChatTemplates(CHATML, None).source is TemplateSource.RUN
    assert ChatTemplates(None, None).source is TemplateSource.UNKNOWN


def test_a_run_whose_template_is_not_its_bases_says_so() -> None:
    assert doubts("alpaca", run=ALPACA, base=CHATML) == (TemplateDoubt.UNLIKE_BASE,)
    assert doubts(run=CHATML, base="") == (TemplateDoubt.UNLIKE_BASE,)
    assert doubts(run=CHATML + "\n", base=CHATML) == ()
    assert doubts(run=CHATML, base=None) == ()


def test_a_system_prompt_that_no_probe_sends_is_a_doubt() -> None:
    assert doubts(system="Be kind.") == (TemplateDoubt.OTHER_SYSTEM,)
    assert doubts(system="Be kind.", probe_systems=frozenset({"Be short."})) == (TemplateDoubt.OTHER_SYSTEM,)
    assert doubts(system=" Be kind.\n", probe_systems=frozenset({"Be kind.", "Be short."})) == ()
    assert doubts(system="Be kind.", asked=False) == ()
