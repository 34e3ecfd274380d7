"""Folding long equal stretches of a diff around its changes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from beyondloss.analysis.diff.ops import Op, OpKind
from beyondloss.analysis.words import is_word, split_words

CONTEXT_WORDS = 12


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch to show, or, when `hidden_words` is not 0, an equal stretch of so many words to fold away."""

    op: Op
    hidden_words: int = 0


def fold(ops: Sequence[Op], *, context_words: int = CONTEXT_WORDS) -> tuple[Segment, ...]:
    """The diff with `context_words` shown around each change. Joining the segments' texts gives both texts back.

    A stretch is only folded when that hides more words than it leaves: a fold is itself something to read.
    """
    if len(ops) == 1:
        return (Segment(ops[0]),)
    segments: list[Segment] = []
    for index, op in enumerate(ops):
        if op.kind is OpKind.EQUAL:
            head = context_words if index > 0 else 0
            tail = context_words if index < len(ops) - 1 else 0
            segments += _folded(op, head=head, tail=tail)
        else:
            segments.append(Segment(op))
    return tuple(segments)


def _folded(op: Op, *, head: int, tail: int) -> Iterator[Segment]:
    tokens = split_words(op.old)
    places = [index for index, token in enumerate(tokens) if is_word(token)]
    hidden = len(places) - head - tail
    if hidden <= max(head, tail):
        yield Segment(op)
        return
    start = places[head - 1] + 1 if head else 0
    stop = places[-tail] if tail else len(tokens)
    for text, count in (
        ("".join(tokens[:start]), 0),
        ("".join(tokens[start:stop]), hidden),
        ("".join(tokens[stop:]), 0),
    ):
        if text:
            yield Segment(Op(OpKind.EQUAL, text, text), count)
