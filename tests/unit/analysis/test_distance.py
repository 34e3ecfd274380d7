"""How far two texts are apart, in shares of their words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beyondloss.analysis.distance import bag_distance, word_bag


def distance(one: str, other: str) -> float:
    return bag_distance(word_bag(one), word_bag(other))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("", "", 0.0),
        ("Paris", "", 1.0),
        ("a b c", "a b d", 1 / 3),
        ("a  b\nc", "a b c", 0.0),
        ("one two", "two one", 0.0),
        ("a a a", "a", 0.5),
        ("  ", "\n", 1.0),
        ("今天很好", "今天很冷", 1 / 4),
    ],
)
def test_the_distance_is_the_share_of_words_that_the_other_lacks(one: str, other: str, expected: float) -> None:
    assert distance(one, other) == pytest.approx(expected)


@given(st.text(), st.text())
def test_it_is_the_same_from_both_sides_and_never_leaves_its_range(one: str, other: str) -> None:
    assert distance(one, other) == distance(other, one)
    assert 0.0 <= distance(one, other) <= 1.0
    assert distance(one, one) == 0.0
