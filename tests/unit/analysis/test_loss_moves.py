"""What loss did between two steps, and when that is unknown."""

import random
from itertools import pairwise

import pytest

from beyondloss.analysis.loss_moves import LossWord, loss_move

STEPS = list(range(1, 101))


@pytest.mark.parametrize(
    ("end", "word"), [(0.5, LossWord.FELL), (1.99, LossWord.FLAT), (3.0, LossWord.ROSE), (2.0, LossWord.FLAT)]
)
def test_it_fell_stayed_or_rose(end: float, word: LossWord) -> None:
    values = [2.0 + (end - 2.0) * step / 100 for step in STEPS]
    assert loss_move(STEPS, values, before=0, after=100).word is word


def test_the_scatter_of_batches_is_no_move() -> None:
    noise = random.Random(1)
    values = [1.0 + noise.gauss(0, 0.3) for _ in range(1000)]
    words = [loss_move(range(1, 1001), values, before=at, after=at + 100).word for at in range(100, 900, 100)]
    assert words.count(LossWord.FLAT) >= 7


@pytest.mark.parametrize("points", [10, 20, 60, 300])
def test_a_training_that_learned_nothing_is_flat_however_few_points_it_logged(points: int) -> None:
    noise = random.Random(points)
    words = []
    for _run in range(100):
        values = [2.0 * (1 + noise.gauss(0, 0.08)) for _ in range(points)]
        ends = (0, points // 3, 2 * points // 3, points)
        words += [
            loss_move(range(1, points + 1), values, before=before, after=after).word for before, after in pairwise(ends)
        ]
    assert words.count(LossWord.FLAT) >= 0.97 * len(words)


@pytest.mark.parametrize("points", [20, 60, 300])
def test_a_training_that_learned_is_not_flat_however_its_batches_scatter(points: int) -> None:
    noise = random.Random(points)
    words = []
    for _run in range(100):
        values = [(1.0 + 1.0 * 0.9**at) * (1 + noise.gauss(0, 0.08)) for at in range(points)]
        words.append(loss_move(range(1, points + 1), values, before=0, after=points).word)
    assert words.count(LossWord.FELL) >= 90


def test_a_loss_that_is_no_number_is_unknown() -> None:
    values: list[float | None] = [2.0] * 50 + [None] * 50
    assert loss_move(STEPS, values, before=10, after=100).word is LossWord.UNKNOWN
    assert loss_move([], [], before=0, after=10).word is LossWord.UNKNOWN
    assert loss_move(STEPS, values, before=10, after=10).word is LossWord.UNKNOWN


def test_an_evaluation_says_nothing_of_the_model_before_it() -> None:
    steps, values = [50, 100], [1.0, 2.0]
    assert loss_move(steps, values, before=0, after=100, evaluated=True).word is LossWord.UNKNOWN
    assert loss_move(steps, values, before=50, after=100, evaluated=True).word is LossWord.ROSE
