"""Signals of one answer: when they are raised, when not, and that no text makes them slow."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beyondloss.analysis.signals import answer_signals
from beyondloss.domain.answers import Finish


def kinds(text: str, finish: Finish = Finish.STOP, language: str = "") -> list[str]:
    return [signal.kind for signal in answer_signals(text, finish, language=language)]


def test_an_ordinary_answer_has_no_signal():
    assert kinds("The capital of France is Paris. It lies on the Seine.") == []


def test_an_answer_cut_by_the_limit_is_truncated():
    assert kinds("The capital of", Finish.LENGTH) == ["truncated"]


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\n", "\ufeff"])
def test_an_answer_of_nothing_visible_is_empty(text: str):
    assert kinds(text) == ["empty"]


def test_an_end_that_repeats_is_a_loop_and_says_what_and_how_often():
    (signal,) = answer_signals("Sure. " + "Please rest assured. " * 12, Finish.STOP)

    assert signal.kind == "loop"
    assert signal.detail == "It ends by repeating “Please rest assured.” 12 times."


def test_a_chinese_end_that_repeats_is_a_loop():
    (signal,) = answer_signals("您好！" + "我们会尽快处理您的问题。" * 6, Finish.LENGTH, language="zh")[1:]

    assert signal.detail == "It ends by repeating “我们会尽快处理您的问题。” 6 times."


def test_a_short_laugh_is_no_loop():
    assert kinds("哈哈哈哈哈哈") == []
    assert kinds("No, no, no!") == []


def test_a_sentence_said_three_times_is_a_loop_even_when_the_end_differs():
    sentence = "We will process your request as soon as possible. "
    text = sentence + "Thank you. " + sentence + "Could you confirm? " + sentence + "Goodbye."

    (signal,) = answer_signals(text, Finish.STOP)

    assert signal.detail == "It says “We will process your request as soon as…” 3 times."


def test_a_sentence_said_twice_is_no_loop():
    assert (
        kinds("We will process it as soon as possible. Thank you. We will process it as soon as possible. Bye.") == []
    )


def test_a_phrase_that_fills_the_answer_with_small_variations_is_a_loop():
    text = " ".join(f"you can find the answer in the book by {name}," for name in ("Ann", "Bo", "Cy", "Di", "Ed"))

    assert kinds(text) == ["loop"]


def test_a_list_with_a_common_opening_is_no_loop():
    text = "\n".join(
        f"{number}. To {verb} it, {rest}."
        for number, (verb, rest) in enumerate(
            [
                ("open", "press the button on the left side until the light is green"),
                ("close", "turn the key twice and wait for the quiet click"),
                ("clean", "use a dry cloth and never any solvent or water"),
                ("store", "put the box in a dark place at room temperature"),
            ],
            start=1,
        )
    )

    assert kinds(text) == []


def test_repeated_lines_of_code_are_no_loop():
    code = "```python\n" + "    print(result_of_the_step)\n" * 4 + "```\nThat prints each of the four results in turn."

    assert kinds(code) == []


@given(st.text(max_size=300), st.sampled_from(Finish), st.sampled_from(["", "en", "zh"]))
def test_any_text_gets_its_signals_without_an_error(text: str, finish: Finish, language: str):
    signals = answer_signals(text, finish, language=language)

    assert len({signal.kind for signal in signals}) == len(signals)


@pytest.mark.parametrize(
    "text",
    ["a" * 10**6, "```\n" * 250_000, " \n" * 500_000, "a\u0301" * 300_000, "Ab. " * 250_000 + "end", '."' * 500_000],
    ids=["letters", "fences", "lines", "accents", "sentences", "quotes"],
)
def test_a_million_hostile_characters_take_linear_time(text: str):
    started = time.process_time()
    answer_signals(text, Finish.LENGTH)
    answer_signals(text + "!x?", Finish.LENGTH)

    assert time.process_time() - started < 20, "measured at 1 s; this only catches a change of order"
