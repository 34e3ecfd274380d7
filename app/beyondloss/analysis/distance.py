"""How far two texts are apart, cheap enough for thousands of pairs. Order is left to the diff."""

from collections import Counter

from beyondloss.analysis.words import split_visible_words, split_words

WordBag = frozenset[str | tuple[str, int]]
"""A text's words and marks, however they are ordered: the first of a kind by itself, the others with their number.

A set rather than counts, since sets are compared without a loop.
"""


def word_bag(text: str) -> WordBag:
    """Whitespace counts only in a text that is nothing else."""
    counts = Counter(split_visible_words(text) or split_words(text))
    repeated = [word for word, count in counts.items() if count > 1]
    return frozenset(counts).union((word, place) for word in repeated for place in range(1, counts[word]))


def bag_distance(one: WordBag, other: WordBag) -> float:
    """The share of both texts' words that the other text lacks, from 0 to 1 (Sørensen–Dice over multisets).

    0 does not mean equal texts: their words may stand in another order.
    """
    total = len(one) + len(other)
    return 1.0 - 2.0 * len(one & other) / total if total else 0.0
