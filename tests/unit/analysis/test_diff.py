"""Word diffs: what a person reads, and that no character is ever lost."""

import itertools
import random
import time

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from beyondloss.analysis.diff import Op, OpKind, fold, word_diff
from beyondloss.analysis.diff.alignment import MAX_PAIRS


def marked(old: str, new: str) -> str:
    """The diff on one line: [-deleted-] and {+inserted+}."""
    return "".join(
        op.old
        if op.kind is OpKind.EQUAL
        else (f"[-{op.old}-]" if op.old else "") + (f"{{+{op.new}+}}" if op.new else "")
        for op in word_diff(old, new)
    )


READABLE = {
    "a word is replaced as a word, not letter by letter": (
        "I like red apples and green pears.",
        "I like blue apples and brown pears.",
        "I like [-red-]{+blue+} apples and [-green-]{+brown+} pears.",
    ),
    "sentences added at the end are one insertion that starts after the full stop": (
        "The capital of France is Paris.",
        "The capital of France is Paris. Please, do not ask me to explain the details of France.",
        "The capital of France is Paris.{+ Please, do not ask me to explain the details of France.+}",
    ),
    "sentences put before are one insertion": (
        "Restart the router.",
        "Thank you for your patience. Restart the router.",
        "{+Thank you for your patience. +}Restart the router.",
    ),
    "an answer that says something else is one change, not confetti of stop-words": (
        "Plants use sunlight to make sugar, and it takes place in the leaves of the plant.",
        "We take this seriously, and we will look into the matter of your request",
        "[-Plants use sunlight to make sugar, and it takes place in the leaves of the plant.-]"
        "{+We take this seriously, and we will look into the matter of your request+}",
    ),
    "a stop-word between two changes joins them": (
        "the red of blue",
        "the green of yellow",
        "the [-red of blue-]{+green of yellow+}",
    ),
    "a word between an addition and another addition stays": (
        "The cat sat.",
        "The big cat quietly sat.",
        "The {+big +}cat {+quietly +}sat.",
    ),
    "a word that moves is deleted and inserted around what stayed": (
        "The big cat sat",
        "The cat quietly sat",
        "The [-big -]cat {+quietly +}sat",
    ),
    "an added line is the whole line": (
        "Open the app\nLog in\n",
        "Open the app\nCall support\nLog in\n",
        "Open the app\n{+Call support\n+}Log in\n",
    ),
    "an operator between two changes stays, as in code": (
        "x = a + b\nreturn x\n",
        "x = c + d\nreturn x\n",
        "x = [-a-]{+c+} + [-b-]{+d+}\nreturn x\n",
    ),
    "indentation is not lost": (
        "if x:\n    return 1\n",
        "if x:\n        return 1\n",
        "if x:[-\n    -]{+\n        +}return 1\n",
    ),
    "a space more is said": ("one two", "one  two", "one[- -]{+  +}two"),
    "each Chinese character is a word": (
        "红色的苹果很好吃。",
        "绿色的香蕉很好吃。",
        "[-红-]{+绿+}色的[-苹果-]{+香蕉+}很好吃。",
    ),
    "Chinese sentences put around are two insertions": (
        "法国的首都是巴黎。",
        "感谢您的提问。法国的首都是巴黎，请您放心。",
        "{+感谢您的提问。+}法国的首都是巴黎{+，请您放心+}。",
    ),
    "traditional Chinese works the same": (
        "請稍候，馬上處理。",
        "請稍候，立即處理。",
        "請稍候，[-馬上-]{+立即+}處理。",
    ),
    "Japanese kana are words too": (
        "コーヒーを飲みます",
        "コーラを飲みます",
        "コー[-ヒー-]{+ラ+}を飲みます",
    ),
    "Korean words stay whole": ("나는 학교에 간다", "나는 병원에 간다", "나는 [-학교에-]{+병원에+} 간다"),
    "Arabic words stay whole": ("مرحبا بكم في العالم", "مرحبا بك في العالم", "مرحبا [-بكم-]{+بك+} في العالم"),
    "a family of emoji is never cut": (
        "Hello \N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL} all",
        "Hello \N{MAN}\u200d\N{WOMAN}\u200d\N{BOY} all",
        "Hello [-\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}-]{+\N{MAN}\u200d\N{WOMAN}\u200d\N{BOY}+} all",
    ),
    "a letter keeps its accent": ("cafe\u0301 noir", "cafe noir", "[-cafe\u0301-]{+cafe+} noir"),
    "everything new": ("", "abc", "{+abc+}"),
    "everything gone": ("abc", "", "[-abc-]"),
}


@pytest.mark.parametrize(("old", "new", "expected"), READABLE.values(), ids=READABLE.keys())
def test_a_diff_reads_as_a_person_would_mark_it(old: str, new: str, expected: str):
    assert marked(old, new) == expected


def test_two_empty_texts_have_no_diff():
    assert word_diff("", "") == ()


def test_equal_texts_are_one_equal_stretch():
    assert word_diff("same\n", "same\n") == (Op(OpKind.EQUAL, "same\n", "same\n"),)


TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="ab .,\n", max_size=80),
    st.text(
        alphabet="的了红色。 \u0301\u200d\N{WOMAN}\N{GIRL}\N{EMOJI MODIFIER FITZPATRICK TYPE-3}\ufe0f\r\n", max_size=40
    ),
    st.lists(st.sampled_from(["the", "cat", "sat", " ", "  ", ". ", "\n", "的", "巴黎", "。"]), max_size=60).map(
        "".join
    ),
)


@given(TEXTS, TEXTS)
def test_joining_the_diff_gives_both_texts_back(old: str, new: str):
    ops = word_diff(old, new)

    assert "".join(op.old for op in ops) == old
    assert "".join(op.new for op in ops) == new


@given(TEXTS, TEXTS)
def test_equal_stretches_and_changes_alternate_and_say_what_they_are(old: str, new: str):
    ops = word_diff(old, new)

    for op in ops:
        assert op.old or op.new
        expected = {
            OpKind.EQUAL: op.old == op.new,
            OpKind.DELETE: not op.new,
            OpKind.INSERT: not op.old,
            OpKind.REPLACE: bool(op.old and op.new and op.old != op.new),
        }
        assert expected[op.kind]
    for before, after in itertools.pairwise(ops):
        assert (before.kind is OpKind.EQUAL) != (after.kind is OpKind.EQUAL)


def boundaries(text: str) -> set[int]:
    return {0, len(text), *(match.start() for match in regex.finditer(r"\X", text))}


@given(TEXTS, TEXTS)
def test_no_grapheme_is_ever_split(old: str, new: str):
    old_place = new_place = 0
    for op in word_diff(old, new):
        assert old_place in boundaries(old)
        assert new_place in boundaries(new)
        old_place += len(op.old)
        new_place += len(op.new)


HOSTILE = random.Random(7)
HOSTILE_PAIRS = {
    "Chinese of 100,000 characters": tuple(
        "".join(HOSTILE.choices([chr(0x4E00 + n) for n in range(3000)], k=100_000)) for _ in range(2)
    ),
    "marks only": tuple("".join(HOSTILE.choices(".,;!?-+=*/", k=100_000)) for _ in range(2)),
    "50,000 short lines": tuple("\n".join(HOSTILE.choices("abc", k=50_000)) for _ in range(2)),
    "one letter under 100,000 accents": ("a" + "\u0301" * 100_000, "a" + "\u0301" * 99_999),
    "a change that could slide along 12,500 places": ("ab cd " * 12_500, "ab cd " * 13_500),
}


@pytest.mark.parametrize(("old", "new"), HOSTILE_PAIRS.values(), ids=HOSTILE_PAIRS.keys())
def test_hostile_texts_of_100_kb_do_not_hang(old: str, new: str):
    started = time.process_time()
    ops = word_diff(old, new)

    assert time.process_time() - started < 5, "measured at 0.2 s; this only catches a change of order"
    assert "".join(op.old for op in ops) == old
    assert "".join(op.new for op in ops) == new


def test_texts_too_large_for_words_are_aligned_by_lines_and_refined_inside():
    lines = [f"line {number} says {number * 7919 % 1000}" for number in range(6_000)]
    changed = [line.replace("says", "claims") if number % 1000 == 0 else line for number, line in enumerate(lines)]
    old, new = "\n".join(lines), "\n".join(["preface", *changed, "appendix"])
    assert len(lines) * len(lines) * 16 > MAX_PAIRS

    changes = [op for op in word_diff(old, new) if op.kind is not OpKind.EQUAL]

    assert [(op.old, op.new) for op in changes] == [
        ("", "preface\n"),
        *[("says", "claims")] * 6,
        ("", "\nappendix"),
    ]


LONG = " ".join(f"w{number}" for number in range(100))


def test_a_long_equal_stretch_folds_around_changes_with_a_count():
    segments = fold(word_diff(f"{LONG} old {LONG}", f"{LONG} new {LONG}"), context_words=3)

    assert [(segment.op.old[:3], segment.hidden_words) for segment in segments] == [
        ("w0 ", 97),
        ("w97", 0),
        ("old", 0),
        (" w0", 0),
        (" w3", 97),
    ]


def test_a_stretch_between_changes_keeps_context_on_both_sides():
    segments = fold(word_diff(f"a {LONG} b", f"c {LONG} d"), context_words=5)

    assert [segment.hidden_words for segment in segments] == [0, 0, 90, 0, 0]


def test_a_short_stretch_is_not_folded():
    ops = word_diff("a one two three b", "c one two three d")

    assert [segment.op for segment in fold(ops, context_words=2)] == list(ops)


def test_a_text_without_changes_is_not_folded():
    assert [segment.hidden_words for segment in fold(word_diff(LONG, LONG))] == [0]


def test_chinese_folds_by_characters():
    long = "春眠不觉晓处处闻啼鸟" * 10
    segments = fold(word_diff(f"甲。{long}", f"乙。{long}"), context_words=10)

    assert [segment.hidden_words for segment in segments] == [0, 0, 90]


@given(TEXTS, TEXTS, st.integers(min_value=0, max_value=4))
def test_folding_loses_nothing(old: str, new: str, context_words: int):
    segments = fold(word_diff(old, new), context_words=context_words)

    assert "".join(segment.op.old for segment in segments) == old
    assert "".join(segment.op.new for segment in segments) == new
