"""Which words of two texts belong together: a longest common subsequence, with a bound on its cost.

The bit-parallel LCS of rapidfuzz costs one bit of memory and 1/64 step per pair of words. Texts whose product of
lengths is above `MAX_PAIRS` are aligned by lines first, then by sentences, and only what differs is refined by words;
what is still too large, or comes after `TOTAL_PAIRS` are spent, stays one change. So no two texts can make it hang.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rapidfuzz.distance import LCSseq

MAX_PAIRS = 400_000_000
"""About 50 MB and 0.1 s at a time: 20,000 words against 20,000."""
TOTAL_PAIRS = 1_600_000_000
SENTENCE_MARKS = frozenset(".!?。！？；;")


class Block(NamedTuple):
    """`size` words that are the same from `old` in one text and from `new` in the other."""

    old: int
    new: int
    size: int


class _Unit(NamedTuple):
    """A line or sentence: where it starts, and its words' numbers."""

    start: int
    words: bytes


class _Text(NamedTuple):
    """The tokens of a text, and the places of those that are no spaces."""

    tokens: Sequence[str]
    places: Sequence[int]


@dataclass(slots=True)
class _Budget:
    pairs: int

    def allows(self, pairs: int) -> bool:
        if pairs > min(MAX_PAIRS, self.pairs):
            return False
        self.pairs -= pairs
        return True


def align(old: Sequence[str], new: Sequence[str]) -> list[Block]:
    """The blocks of equal words, in order; between two of them at least one text has words of its own.

    Spaces take no part in the search, or a space would be worth as much as a word; they follow their neighbours.
    """
    numbers: dict[str, int] = {}
    old_places, new_places = _solid_places(old), _solid_places(new)
    old_numbers = array("I", [numbers.setdefault(old[place], len(numbers)) for place in old_places])
    new_numbers = array("I", [numbers.setdefault(new[place], len(numbers)) for place in new_places])
    line_ends = frozenset(number for token, number in numbers.items() if "\n" in token)
    sentence_ends = line_ends | {numbers[mark] for mark in SENTENCE_MARKS if mark in numbers}
    solid = _aligned(old_numbers, new_numbers, (line_ends, sentence_ends), _Budget(TOTAL_PAIRS))
    return _extended(_runs(solid, _Text(old, old_places), _Text(new, new_places)), old, new)


def _solid_places(tokens: Sequence[str]) -> list[int]:
    """Where the tokens are that carry meaning or structure: all but spaces within a line."""
    return [index for index, token in enumerate(tokens) if "\n" in token or not token.isspace()]


def _runs(blocks: Iterable[Block], old: _Text, new: _Text) -> Iterator[Block]:
    """The blocks in tokens, cut where the spaces between two words differ."""
    for block in blocks:
        if not block.size:
            continue
        old_start, new_start = old.places[block.old], new.places[block.new]
        old_last, new_last = old_start, new_start
        for index in range(1, block.size):
            old_place, new_place = old.places[block.old + index], new.places[block.new + index]
            if old.tokens[old_last + 1 : old_place] != new.tokens[new_last + 1 : new_place]:
                yield Block(old_start, new_start, old_last + 1 - old_start)
                old_start, new_start = old_place, new_place
            old_last, new_last = old_place, new_place
        yield Block(old_start, new_start, old_last + 1 - old_start)


def _extended(runs: Iterable[Block], old: Sequence[str], new: Sequence[str]) -> list[Block]:
    """The runs with the equal tokens beside them taken in: none touches the next, empty ones are gone."""
    blocks = [Block(0, 0, 0)]
    for run in (*runs, Block(len(old), len(new), 0)):
        last = blocks[-1]
        old_free, new_free = last.old + last.size, last.new + last.size
        taken = _common_length(old[old_free : run.old], new[new_free : run.new])
        old_free, new_free = old_free + taken, new_free + taken
        back = _common_length(reversed(old[old_free : run.old]), reversed(new[new_free : run.new]))
        blocks[-1] = Block(last.old, last.new, last.size + taken)
        if (run.old - back, run.new - back) == (old_free, new_free):
            blocks[-1] = Block(last.old, last.new, last.size + taken + back + run.size)
        else:
            blocks.append(Block(run.old - back, run.new - back, run.size + back))
    return [block for block in blocks if block.size]


def _aligned(
    old: "array[int]", new: "array[int]", coarser: tuple[frozenset[int], ...], budget: _Budget
) -> Iterator[Block]:
    head = _common_length(old, new)
    tail = _common_length(reversed(old[head:]), reversed(new[head:]))
    yield Block(0, 0, head)
    middle_old, middle_new = old[head : len(old) - tail], new[head : len(new) - tail]
    if middle_old and middle_new:
        if budget.allows(len(middle_old) * len(middle_new)):
            found: Iterable[Block] = _common_blocks(middle_old, middle_new)
        elif coarser:
            found = _aligned_by_units(middle_old, middle_new, coarser, budget)
        else:
            found = ()
        yield from (Block(block.old + head, block.new + head, block.size) for block in found)
    yield Block(len(old) - tail, len(new) - tail, tail)


def _aligned_by_units(
    old: "array[int]", new: "array[int]", coarser: tuple[frozenset[int], ...], budget: _Budget
) -> Iterator[Block]:
    """Align lines or sentences, then what lies between equal ones."""
    old_units, new_units = _units(old, coarser[0]), _units(new, coarser[0])
    blocks: Iterable[Block] = ()
    if budget.allows(len(old_units) * len(new_units)):
        numbers: dict[bytes, int] = {}
        blocks = _common_blocks(
            array("I", [numbers.setdefault(unit.words, len(numbers)) for unit in old_units]),
            array("I", [numbers.setdefault(unit.words, len(numbers)) for unit in new_units]),
        )
    old_starts = [*(unit.start for unit in old_units), len(old)]
    new_starts = [*(unit.start for unit in new_units), len(new)]
    old_done = new_done = 0
    for block in (*blocks, Block(len(old_units), len(new_units), 0)):
        old_start, new_start = old_starts[block.old], new_starts[block.new]
        gap = _aligned(old[old_done:old_start], new[new_done:new_start], coarser[1:], budget)
        yield from (Block(part.old + old_done, part.new + new_done, part.size) for part in gap)
        old_done, new_done = old_starts[block.old + block.size], new_starts[block.new + block.size]
        yield Block(old_start, new_start, old_done - old_start)


def _units(numbers: "array[int]", ends: frozenset[int]) -> list[_Unit]:
    stops = [index + 1 for index, number in enumerate(numbers) if number in ends]
    if not stops or stops[-1] != len(numbers):
        stops.append(len(numbers))
    return [_Unit(start, numbers[start:stop].tobytes()) for start, stop in zip([0, *stops], stops, strict=False)]


def _common_blocks(old: "array[int]", new: "array[int]") -> list[Block]:
    matches = LCSseq.opcodes(old, new).as_matching_blocks()
    return [Block(match.a, match.b, match.size) for match in matches if match.size]


def _common_length(left: Iterable[object], right: Iterable[object]) -> int:
    length = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        length += 1
    return length
