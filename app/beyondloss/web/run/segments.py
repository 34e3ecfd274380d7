"""A diff as stretches ready to be put on a page: escaped, folded, with invisible characters made visible.

Answers are untrusted. Every character of them goes through `_escaped`, and nothing else makes HTML of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from markupsafe import Markup, escape

from beyondloss.analysis.diff import Op, OpKind, fold
from beyondloss.analysis.diff import Segment as Stretch
from beyondloss.analysis.words import is_word, split_words

FOLD_ABOVE = 900
"""Characters of both texts together from which equal stretches fold."""
_CONTEXT_WORDS = 18
_NOTHING = Markup()
_HEAD = 1800
_TAIL = 300

_NAMES = {
    "\u200b": "ZWSP",
    "\ufeff": "BOM",
    "\u00ad": "SHY",
    "\u202a": "LRE",
    "\u202b": "RLE",
    "\u202c": "PDF",
    "\u202d": "LRO",
    "\u202e": "RLO",
    "\u2066": "LRI",
    "\u2067": "RLI",
    "\u2068": "FSI",
    "\u2069": "PDI",
}
# Control characters, and those that turn or hide the text after them. Joiners stay: emoji and Persian need them.
_CONTROL = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u202a-\u202e\u2066-\u2069\ufeff]")
_MARKED = re.compile(rf"\r\n|\r|\n|\t|{_CONTROL.pattern}")


class SegmentKind(StrEnum):
    EQUAL = "equal"
    DELETE = "delete"
    INSERT = "insert"
    FOLD = "fold"


@dataclass(frozen=True, slots=True)
class Segment:
    """`html` is escaped text. A fold has none: it stands for `words`, the same in both answers unless `changed`."""

    kind: SegmentKind
    html: Markup = _NOTHING
    words: int = 0
    changed: bool = False


@dataclass(frozen=True, slots=True)
class DiffSegments:
    """One diff in both layouts: two columns that fold at the same places, and one merged text."""

    reference: tuple[Segment, ...]
    answer: tuple[Segment, ...]
    merged: tuple[Segment, ...]
    folded: bool


def diff_segments(ops: Sequence[Op], *, full: bool) -> DiffSegments:
    """Unless `full`, equal stretches of long answers fold around the changes, and very long changes are cut."""
    shorten = not full and sum(len(op.old) + len(op.new) for op in ops) > FOLD_ABOVE
    reference: list[Segment] = []
    answer: list[Segment] = []
    merged: list[Segment] = []
    for part in fold(ops, context_words=_CONTEXT_WORDS) if shorten else (Stretch(op) for op in ops):
        if part.op.kind is OpKind.EQUAL:
            reference.append(_equal(part.op.old, part.hidden_words))
            answer.append(_equal(part.op.new, part.hidden_words))
            merged.append(answer[-1])
            continue
        old = _cut(SegmentKind.DELETE, part.op.old, shorten=shorten)
        new = _cut(SegmentKind.INSERT, part.op.new, shorten=shorten)
        reference += old
        answer += new
        merged += [*old, *new]
    folded = any(segment.kind is SegmentKind.FOLD for segment in merged)
    return DiffSegments(tuple(reference), tuple(answer), tuple(merged), folded)


def plain_segments(text: str, *, full: bool) -> tuple[Segment, ...]:
    """One text without a diff, its middle folded when it is very long."""
    return tuple(_cut(SegmentKind.EQUAL, text, shorten=not full))


def _equal(text: str, hidden_words: int) -> Segment:
    if hidden_words:
        return Segment(SegmentKind.FOLD, words=hidden_words)
    return Segment(SegmentKind.EQUAL, _escaped(text))


def _cut(kind: SegmentKind, text: str, *, shorten: bool) -> list[Segment]:
    """`text` whole, or its beginning and end with a fold between."""
    changed = kind is not SegmentKind.EQUAL
    if not text:
        return []
    if not shorten or len(text) <= _HEAD + 2 * _TAIL:
        return [Segment(kind, _escaped(text, visible=changed))]
    hidden = sum(map(is_word, split_words(text[_HEAD:-_TAIL])))
    return [
        Segment(kind, _escaped(text[:_HEAD], visible=changed)),
        Segment(SegmentKind.FOLD, words=max(1, hidden), changed=changed),
        Segment(kind, _escaped(text[-_TAIL:], visible=changed)),
    ]


def _escaped(text: str, *, visible: bool = False) -> Markup:
    """Escaped text. `visible` draws line ends and tabs, and spaces where a change is nothing but spaces."""
    pieces: list[Markup] = []
    last = 0
    pattern = _MARKED if visible else _CONTROL
    if visible and text and not text.strip(" "):
        return Markup("").join(Markup('<span class="ws" data-mark="·"> </span>') for _ in text)
    for match in pattern.finditer(text):
        pieces += [escape(text[last : match.start()]), _drawn(match.group())]
        last = match.end()
    if not pieces:
        return escape(text)
    return Markup("").join([*pieces, escape(text[last:])])


def _drawn(character: str) -> Markup:
    """The character inside an isolate, so that it cannot turn what follows, with a mark that style sheets draw."""
    if character in {"\n", "\r", "\r\n"}:
        return Markup('<span class="ws" data-mark="↵">\n</span>')
    if character == "\t":
        return Markup('<span class="ws" data-mark="⇥">\t</span>')
    name = _NAMES.get(character) or f"U+{ord(character):04X}"
    # HTML cannot carry most control characters; the mark stands for them.
    kept = character if ord(character) > 0x9F else ""
    return Markup('<bdi class="control" data-mark="{}">{}</bdi>').format(name, kept)
