"""Diffs as stretches of a page: nothing lost, nothing that runs, folds where people would skip."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beyondloss.analysis.diff import Op, OpKind, word_diff
from beyondloss.web.run.segments import Segment, SegmentKind, diff_segments, plain_segments

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> & \"quotes\" 'too'"


def shown(segments: tuple[Segment, ...]) -> str:
    """The text a reader sees and copies: marks are drawn by the style sheet and are not in it."""
    return html.unescape(re.sub(r"<[^<>]*>", "", "".join(segment.html for segment in segments)))


def test_the_columns_hold_exactly_their_own_texts() -> None:
    old, new = "The capital of France is Paris.", "Please rest assured, the capital is Paris."
    diff = diff_segments(word_diff(old, new), full=False)
    assert shown(diff.reference) == old
    assert shown(diff.answer) == new


def test_markup_in_an_answer_stays_text() -> None:
    diff = diff_segments(word_diff(HOSTILE, f"{HOSTILE} more"), full=False)
    joined = "".join(segment.html for segment in diff.merged)
    assert "<script" not in joined
    assert "<img" not in joined
    assert shown(diff.reference) == HOSTILE


def test_a_replaced_stretch_reads_old_first_when_merged() -> None:
    merged = diff_segments((Op(OpKind.REPLACE, "cat", "dog"),), full=False).merged
    assert [(segment.kind, segment.html) for segment in merged] == [
        (SegmentKind.DELETE, "cat"),
        (SegmentKind.INSERT, "dog"),
    ]


def test_long_equal_stretches_fold_around_the_change() -> None:
    same = "word " * 400
    diff = diff_segments(word_diff(f"{same}old {same}", f"{same}new {same}"), full=False)
    folds = [segment for segment in diff.answer if segment.kind is SegmentKind.FOLD]
    assert diff.folded
    assert len(folds) == 2
    assert all(fold.words > 300 for fold in folds)
    assert len(shown(diff.answer)) < 500


def test_asked_for_whole_nothing_folds() -> None:
    same = "word " * 400
    diff = diff_segments(word_diff(f"{same}old", f"{same}new"), full=True)
    assert not diff.folded
    assert shown(diff.answer) == f"{same}new"


def test_both_columns_fold_at_the_same_places() -> None:
    same = "word " * 400
    diff = diff_segments(word_diff(f"{same}old {same}", f"{same}{same}"), full=False)
    reference = [s.words for s in diff.reference if s.kind is SegmentKind.FOLD]
    answer = [s.words for s in diff.answer if s.kind is SegmentKind.FOLD]
    assert reference == answer


def test_a_hundred_kilobytes_of_change_are_cut_and_counted() -> None:
    diff = diff_segments(word_diff("short", "lorem ipsum " * 9000), full=False)
    fold = next(segment for segment in diff.answer if segment.kind is SegmentKind.FOLD)
    assert fold.changed
    assert fold.words > 10_000
    assert len(shown(diff.answer)) < 5000


def test_a_long_plain_answer_keeps_its_beginning_and_its_end() -> None:
    segments = plain_segments("begin " + "x " * 5000 + "the end", full=False)
    assert [segment.kind for segment in segments] == [SegmentKind.EQUAL, SegmentKind.FOLD, SegmentKind.EQUAL]
    assert segments[0].html.startswith("begin")
    assert segments[2].html.endswith("the end")


@pytest.mark.parametrize(("character", "name"), [("\u202e", "RLO"), ("\u2066", "LRI"), ("\u200b", "ZWSP")])
def test_characters_that_turn_or_hide_text_are_named_and_isolated(character: str, name: str) -> None:
    (segment,) = plain_segments(f"safe{character}evil", full=False)
    assert segment.html == f'safe<bdi class="control" data-mark="{name}">{character}</bdi>evil'


def test_control_characters_that_no_page_can_hold_are_named() -> None:
    (segment,) = plain_segments("bell\x07", full=False)
    assert segment.html == 'bell<bdi class="control" data-mark="U+0007"></bdi>'


def test_joined_emoji_and_persian_joiners_stay_whole() -> None:
    text = "👩‍🚀 می‌خواهم"
    assert plain_segments(text, full=False)[0].html == text


def test_a_change_of_nothing_but_space_can_be_seen() -> None:
    diff = diff_segments((Op(OpKind.INSERT, "", "  "),), full=False)
    assert diff.answer[0].html.count('data-mark="·"') == 2


def test_a_new_line_that_came_is_marked_and_still_breaks_the_line() -> None:
    diff = diff_segments((Op(OpKind.INSERT, "", "one\ntwo"),), full=False)
    assert diff.answer[0].html == 'one<span class="ws" data-mark="↵">\n</span>two'


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_the_texts_no_tag_of_theirs_reaches_the_page(old: str, new: str) -> None:
    diff = diff_segments(word_diff(old, new), full=True)
    tags = set(re.findall(r"<[^<>]*>", "".join(segment.html for segment in diff.merged)))
    assert all(re.fullmatch(r'</?(?:span|bdi)(?: class="(?:ws|control)" data-mark="[^"<>]*")?>', tag) for tag in tags)
