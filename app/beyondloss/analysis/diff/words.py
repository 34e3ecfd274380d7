"""The word diff: split, align, clean up, and say it as operations."""

from collections.abc import Iterator, Sequence

from beyondloss.analysis.diff.alignment import Block, align
from beyondloss.analysis.diff.cleanup import clean_up
from beyondloss.analysis.diff.ops import Op, OpKind
from beyondloss.analysis.words import split_words


def word_diff(old: str, new: str) -> tuple[Op, ...]:
    """The diff of two texts by words (a CJK character is a word), with semantic clean-up.

    Bounded for any input, see `alignment`: two different texts of 100 kB take well under a second.
    """
    if old == new:
        return (Op(OpKind.EQUAL, old, new),) if old else ()
    old_words, new_words = split_words(old), split_words(new)
    blocks = clean_up(align(old_words, new_words), old_words, new_words)
    return tuple(_ops(blocks, old_words, new_words))


def _ops(blocks: Sequence[Block], old: Sequence[str], new: Sequence[str]) -> Iterator[Op]:
    old_done = new_done = 0
    for block in (*blocks, Block(len(old), len(new), 0)):
        removed, added = "".join(old[old_done : block.old]), "".join(new[new_done : block.new])
        if removed or added:
            yield Op(_change_kind(removed, added), removed, added)
        old_done, new_done = block.old + block.size, block.new + block.size
        if block.size:
            same = "".join(old[block.old : old_done])
            yield Op(OpKind.EQUAL, same, same)


def _change_kind(removed: str, added: str) -> OpKind:
    if removed and added:
        return OpKind.REPLACE
    return OpKind.DELETE if removed else OpKind.INSERT
