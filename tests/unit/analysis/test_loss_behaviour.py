"""What it means that loss and behaviour moved as they did, and how a probe moves between two rated checkpoints."""

import pytest

from beyondloss.analysis.loss_behaviour import Cell, cell_of, count_moves, moved_values
from beyondloss.analysis.loss_moves import LossWord
from beyondloss.analysis.verdicts import ProbeValue, VerdictWord, judge


def values(*means: float | None) -> list[ProbeValue]:
    return [ProbeValue(number, mean, ratings=int(mean is not None)) for number, mean in enumerate(means)]


@pytest.mark.parametrize(
    ("loss", "behaviour", "cell"),
    [
        (LossWord.FELL, VerdictWord.SAME, Cell.UNMOVED),
        (LossWord.FELL, VerdictWord.WORSE, Cell.MISLEADS),
        (LossWord.FLAT, VerdictWord.BETTER, Cell.MISSED),
        (LossWord.ROSE, VerdictWord.BETTER, Cell.MISSED),
        (LossWord.FLAT, VerdictWord.WORSE, Cell.UNSEEN),
        (LossWord.FELL, VerdictWord.BETTER, Cell.AGREE),
        (LossWord.ROSE, VerdictWord.WORSE, Cell.AGREE),
    ],
)
def test_each_way_in_which_loss_and_behaviour_move_has_its_meaning(
    loss: LossWord, behaviour: VerdictWord, cell: Cell
) -> None:
    assert cell_of(loss, behaviour) is cell


def test_nothing_is_meant_where_either_is_unknown() -> None:
    assert {cell_of(LossWord.UNKNOWN, word) for word in VerdictWord} == {Cell.UNKNOWN}
    assert {cell_of(loss, VerdictWord.NOT_ENOUGH) for loss in LossWord} == {Cell.UNKNOWN}


def test_the_matrix_counts_every_pair_once() -> None:
    fell_better = (LossWord.FELL, VerdictWord.BETTER)
    counted = count_moves([fell_better, fell_better, (LossWord.FLAT, VerdictWord.NOT_ENOUGH)])
    assert counted[LossWord.FELL][VerdictWord.BETTER] == 2
    assert counted[LossWord.FLAT][VerdictWord.NOT_ENOUGH] == 1
    assert sum(sum(row.values()) for row in counted.values()) == 3


def test_a_probe_moves_by_what_it_gained_against_the_base_and_by_one_step_at_most() -> None:
    moved = moved_values(values(0.0, -1.0, 1.0, None, 0.5), values(0.5, 1.0, 0.0, 1.0, 0.5))
    assert [one.mean for one in moved] == [0.5, 1.0, -1.0, None, 0.0]
    assert [one.ratings for one in moved] == [2, 2, 2, 1, 2]


def test_an_answer_that_equals_the_bases_at_both_did_not_move() -> None:
    still = [ProbeValue(number, 0.0, identical=True) for number in range(3)]
    assert moved_values(still, still) == still
    assert moved_values(still, values(1.0, None, -1.0))[0].identical is False
    assert moved_values([], values(1.0)) == []


def test_same_is_said_of_a_move_only_by_equivalence() -> None:
    few = moved_values(values(*[0.5] * 5), values(*[0.5] * 5))
    many = moved_values(values(*[0.5] * 24), values(*[0.5] * 24))
    assert [one.word for one in (*judge([few]), *judge([many]))] == [VerdictWord.NOT_ENOUGH, VerdictWord.SAME]
