"""Making an alignment readable: changes moved to where a person would put them, chance matches between changes dropped.

The ideas are those of Neil Fraser's diff-match-patch (semantic clean-up, and its lossless shift), at the level of
words. Every step here only drops or slides blocks of equal words, so no text is ever lost.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

from beyondloss.analysis.diff.alignment import Block
from beyondloss.analysis.words import WordKind, word_kind

_STOP_WORDS_TEXT = """
    a an and are as at be but by for from has have he i if in is it its my no not of on or our she so that the their
    them then there they this to was we were will with you your
    的 了 是 和 在 也 就 都 与 與 及 而 有 为 為 之 这 這 我 你 您 他 她 它 们 們 于 於 以 の は が を に で と も
"""
STOP_WORDS = frozenset(_STOP_WORDS_TEXT.split())
LIGHT_MARKS = frozenset(",;:'\"’“”‘，、；：「」")
LONGEST_WEIGHT = 10
LINE_WEIGHT = 4
ISLAND_WORDS = 3
"""The most stop-words and light marks that may join two changes into one."""


def clean_up(blocks: Sequence[Block], old: Sequence[str], new: Sequence[str]) -> list[Block]:
    """The blocks that a reader should see as unchanged."""
    slid = _Slider(old, new).slide(blocks)
    kept = _Absorber(old, new).absorb(slid)
    return _Slider(old, new).slide(kept) if len(kept) != len(slid) else kept


class _Slider:
    """Moves each pure insertion or deletion along equal words to the best boundary, joining changes where it can."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        self.old = old
        self.new = new

    def slide(self, blocks: Sequence[Block]) -> list[Block]:
        done = [Block(0, 0, 0)]
        ahead = [Block(len(self.old), len(self.new), 0), *reversed(blocks)]
        while ahead:
            after = ahead.pop()
            if (after.old, after.new) == (0, 0):
                done[-1] = after
            else:
                self._place(done, after, last=not ahead)
        return [block for block in done if block.size]

    def _place(self, done: list[Block], after: Block, *, last: bool) -> None:
        """Put `after` behind the blocks that are done, with the change between them at its best place."""
        while True:
            before = done[-1]
            shift = self._best_shift(before, after, may_eat_after=not last)
            done[-1] = Block(before.old, before.new, before.size + shift)
            after = Block(after.old + shift, after.new + shift, after.size - shift)
            if not done[-1].size and len(done) > 1:
                done.pop()  # eaten: two changes became one, which may slide on
                continue
            if after.size or last:
                done.append(after)
            return

    def _best_shift(self, before: Block, after: Block, *, may_eat_after: bool) -> int:
        """How many words to move the change between two blocks to the right (negative: to the left)."""
        old_start, new_start = before.old + before.size, before.new + before.size
        if old_start == after.old and new_start != after.new:
            words, start, stop = self.new, new_start, after.new
        elif new_start == after.new and old_start != after.old:
            words, start, stop = self.old, old_start, after.old
        else:
            return 0
        left = 0
        while left < before.size and words[start - left - 1] == words[stop - left - 1]:
            left += 1
        right = 0
        while right < after.size and words[start + right] == words[stop + right]:
            right += 1
        if left and left == before.size and (before.old, before.new) != (0, 0):
            return -left
        if right and right == after.size and may_eat_after:
            return right
        return max(
            range(-left, right + 1),
            key=lambda shift: (_edge(words, start + shift) + _edge(words, stop + shift), shift),
        )


def _edge(words: Sequence[str], index: int) -> int:
    """How natural a boundary before `words[index]` is: text and line ends, sentences, spaces, marks."""
    if index in {0, len(words)}:
        return 6
    before, after = words[index - 1], words[index]
    if "\n" in before or "\n" in after:
        return 5
    if before in "。！？…" or (after.isspace() and before in ".!?") or _starts_sentence(words, index):
        return 4
    if before.isspace() or after.isspace():
        return 2
    return 1 if word_kind(before) <= WordKind.SYMBOL or word_kind(after) <= WordKind.SYMBOL else 0


def _starts_sentence(words: Sequence[str], index: int) -> bool:
    return index >= 2 and words[index - 1].isspace() and words[index - 2] in ".!?。！？…"


class _Absorber:
    """Drops blocks that are small beside the changes around them: they matched by chance, not by meaning."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        self.old = old
        self.old_weights = _sums(old)
        self.new_weights = _sums(new)

    def absorb(self, blocks: Sequence[Block]) -> list[Block]:
        kept: list[Block] = [Block(0, 0, 0)]
        ends = [*blocks[1:], Block(len(self.old_weights) - 1, len(self.new_weights) - 1, 0)]
        for block, after in zip(blocks, ends, strict=False):
            kept.append(block)
            # Dropping one makes the change before the next larger, so the one before may have to go as well.
            while len(kept) > 1 and self._is_noise(kept[-2], kept[-1], after):
                kept.pop()
        return [block for block in kept if block.size]

    def _is_noise(self, before: Block, block: Block, after: Block) -> bool:
        deleted_before, inserted_before = self._change(before, block)
        deleted_after, inserted_after = self._change(block, after)
        least = min(max(deleted_before, inserted_before), max(deleted_after, inserted_after))
        if least < 0:
            return False  # the text starts or ends with this block
        weight = self.old_weights[block.old + block.size] - self.old_weights[block.old]
        if max(deleted_before, deleted_after) >= 0 and max(inserted_before, inserted_after) >= 0:
            return weight * 2 <= least or self._is_island(block)
        return weight * 3 <= least

    def _change(self, before: Block, after: Block) -> tuple[int, int]:
        """Weights of what was deleted and inserted between two blocks; -1 for nothing at all."""
        old_start, new_start = before.old + before.size, before.new + before.size
        deleted = self.old_weights[after.old] - self.old_weights[old_start] if after.old > old_start else -1
        inserted = self.new_weights[after.new] - self.new_weights[new_start] if after.new > new_start else -1
        return deleted, inserted

    def _is_island(self, block: Block) -> bool:
        if block.size > 2 * ISLAND_WORDS + 1:
            return False
        words = self.old[block.old : block.old + block.size]
        solid = [word for word in words if not word.isspace()]
        return (
            len(solid) <= ISLAND_WORDS
            and all("\n" not in word for word in words)
            and all(word.lower() in STOP_WORDS or word in LIGHT_MARKS for word in solid)
        )


def _sums(words: Sequence[str]) -> list[int]:
    weights = {word: _weight(word) if len(word) <= LONGEST_WEIGHT else LONGEST_WEIGHT for word in set(words)}
    return list(accumulate((weights[word] for word in words), initial=0))


@lru_cache(maxsize=16_384)
def _weight(word: str) -> int:
    """How much a word tells a reader that two places belong together."""
    kind = word_kind(word)
    if kind is WordKind.SPACE:
        return LINE_WEIGHT if "\n" in word else 0
    if kind is WordKind.PUNCTUATION:
        return 0 if word in LIGHT_MARKS else 1
    if word.lower() in STOP_WORDS:
        return 1
    return len(word) if kind is WordKind.WORD else 2
