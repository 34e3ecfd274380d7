"""The film strip: a frame per checkpoint, what is unchanged folded, and the list of changes. Knows no store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, takewhile

from beyondloss.analysis.diff import Op, OpKind, word_diff
from beyondloss.analysis.distance import bag_distance, word_bag
from beyondloss.domain.answers import Signal
from beyondloss.services.answers import AnswerView
from beyondloss.web.matrix.words import moved_text
from beyondloss.web.run.segments import Segment, diff_segments, plain_segments

_FRAME_CHARACTERS = 110
_LEAD_CHARACTERS = 24
"""Shown of what stayed before the first difference."""
_EXCERPT_CHARACTERS = 90

Href = Callable[[int], str]


class FrameState(StrEnum):
    FIRST = "first"
    CHANGED = "changed"
    SAME = "same"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Frame:
    """One checkpoint, or several in a row (`count`, from `step` to `last`) that say the same as at `since`.

    `moved` is the share of words that differ from the frame before, in per cent; `said` begins near the difference.
    """

    step: int
    last: int
    count: int
    state: FrameState
    since: int | None
    moved: str
    said: tuple[Segment, ...]
    signals: tuple[Signal, ...]
    language: str
    href: str
    current: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class Change:
    """Where the text became another: its first difference from the checkpoint before, with a few words around."""

    step: int
    before: int
    moved: str
    excerpt: tuple[Segment, ...]
    language: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class _Moment:
    step: int
    answer: AnswerView | None
    before: AnswerView | None
    state: FrameState


def states_of(steps: Sequence[int], said: Sequence[AnswerView]) -> tuple[tuple[int, str], ...]:
    return tuple((one.step, one.state.value) for one in _moments(steps, said))


def build_frames(
    steps: Sequence[int], said: Sequence[AnswerView], href: Href, *, current: int, chosen: int | None
) -> tuple[Frame, ...]:
    """`steps` are all checkpoints by rising step; answers may be missing."""
    moments = _moments(steps, said)
    frames: list[Frame] = []
    for folds, group in groupby(moments, key=lambda one: one.state in {FrameState.SAME, FrameState.MISSING}):
        if not folds:
            frames += [_frame([one], href, current, chosen) for one in group]
            continue
        frames += [
            _frame(list(alike), href, current, chosen) for _state, alike in groupby(group, lambda one: one.state)
        ]
    return tuple(frames)


def build_changes(steps: Sequence[int], said: Sequence[AnswerView], href: Href, *, current: int) -> tuple[Change, ...]:
    return tuple(
        Change(
            step=one.step,
            before=one.before.step,
            moved=_moved(one.before, one.answer),
            excerpt=_first_difference(one.before.text, one.answer.text),
            language=one.answer.probe.language,
            href=href(one.step),
            current=one.step == current,
        )
        for one in _moments(steps, said)
        if one.state is FrameState.CHANGED and one.answer and one.before
    )


def _moments(steps: Sequence[int], said: Sequence[AnswerView]) -> list[_Moment]:
    by_step = {answer.step: answer for answer in said}
    before: AnswerView | None = None
    found = []
    for step in steps:
        answer = by_step.get(step)
        if answer is None:
            state = FrameState.MISSING
        elif before is None:
            state = FrameState.FIRST
        else:
            state = FrameState.SAME if answer.text == before.text else FrameState.CHANGED
        found.append(_Moment(step, answer, before, state))
        before = answer or before
    return found


def _frame(alike: Sequence[_Moment], href: Href, current: int, chosen: int | None) -> Frame:
    first = alike[0]
    steps = {one.step for one in alike}
    answer = first.answer
    return Frame(
        step=first.step,
        last=alike[-1].step,
        count=len(alike),
        state=first.state,
        since=first.before.step if first.before and first.state is FrameState.SAME else None,
        moved=_moved(first.before, answer) if answer and first.before and first.state is FrameState.CHANGED else "",
        said=_beginning(first.before, answer) if answer and first.state is not FrameState.SAME else (),
        signals=answer.signals if answer else (),
        language=answer.probe.language if answer else "",
        href=href(current if current in steps else first.step),
        current=current in steps,
        chosen=chosen in steps,
    )


def _moved(before: AnswerView, answer: AnswerView) -> str:
    return moved_text(bag_distance(word_bag(before.text), word_bag(answer.text)))


def _beginning(before: AnswerView | None, answer: AnswerView) -> tuple[Segment, ...]:
    """A frame's worth of text: from the start, or from shortly before where it parts from the one before."""
    text = answer.text
    start = 0
    if before is not None:
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(before.text, text, strict=False))
        start = max(0, sum(1 for _pair in alike) - _LEAD_CHARACTERS)
    start = _word_start(text, start)
    end = start + _FRAME_CHARACTERS
    shown = ("…" if start else "") + text[start:end].strip() + ("…" if end < len(text) else "")
    return plain_segments(shown, full=True)


def _word_start(text: str, place: int) -> int:
    """The beginning of the word after `place`, where there is one near; so no word is cut in two."""
    if place == 0:
        return 0
    space = text.find(" ", place, place + _LEAD_CHARACTERS)
    return place if space < 0 else space + 1


def _first_difference(old: str, new: str) -> tuple[Segment, ...]:
    ops = word_diff(old, new)
    at = next(place for place, op in enumerate(ops) if op.kind is not OpKind.EQUAL)
    lead = ops[at - 1].new if at else ""
    start = _word_start(lead, max(0, len(lead) - _LEAD_CHARACTERS))
    around = ("…" if start else "") + lead[start:]
    shown = [Op(OpKind.EQUAL, around, around)] if around else []
    shown.append(Op(ops[at].kind, _cut(ops[at].old), _cut(ops[at].new)))
    return diff_segments(shown, full=True).merged


def _cut(text: str) -> str:
    return text if len(text) <= _EXCERPT_CHARACTERS else text[: _EXCERPT_CHARACTERS - 1].rstrip() + "…"
