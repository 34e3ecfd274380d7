"""Choosing a checkpoint by ratings: what is compared, what a choice is worth, and what another one costs."""

import numpy as np
import pytest

from beyondloss.analysis.choosing import (
    FEWEST_PROBES,
    CostWord,
    Table,
    lay_table,
    weigh,
)
from beyondloss.analysis.statistics.e_process import e_value_above
from beyondloss.analysis.verdicts import ProbeValue


def row(means: list[float | None], *, identical: int = 0) -> list[ProbeValue]:
    """Rated probes numbered from 1, then those whose answer never changed."""
    rated = [ProbeValue(number + 1, mean, ratings=int(mean is not None)) for number, mean in enumerate(means)]
    return rated + [ProbeValue(100 + number, 0.0, identical=True) for number in range(identical)]


def table(*rows: list[float]) -> Table:
    return Table((0, *range(10, 10 * len(rows) + 1, 10)), np.array([[0.0] * len(rows[0]), *rows]), ())


def test_checkpoints_stand_on_the_probes_that_are_known_at_all_of_them() -> None:
    first: list[float | None] = [1.0] * 14 + [None] * 2
    second: list[float | None] = [None] + [-1.0] * 15
    found = lay_table({10: row(first), 20: row(second)})
    assert found is not None
    assert (found.steps, found.left_out) == ((0, 10, 20), ())
    assert found.values.tolist() == [[0.0] * 13, [1.0] * 13, [-1.0] * 13]


def test_families_of_a_set_are_mixed_so_that_the_first_do_not_speak_for_all() -> None:
    """A first half all better and a second half all worse: no cost, however often somebody looks on the way."""
    found = lay_table({10: row([1.0] * 20 + [-1.0] * 20)})
    assert found is not None
    assert sorted(found.values[1]) == [-1.0] * 20 + [1.0] * 20
    assert abs(found.values[1][:20].sum()) < 14


def test_answers_that_never_changed_enter_in_the_proportion_in_which_the_others_are_known() -> None:
    half: list[float | None] = [1.0] * 10 + [None] * 10
    found = lay_table({10: row(half, identical=8)})
    assert found is not None
    assert found.values.shape == (2, 14)
    assert found.values[1].mean() == pytest.approx(10 / 14)


def test_a_checkpoint_with_few_ratings_is_left_out_instead_of_taking_the_others_away() -> None:
    rated: list[float | None] = [0.5] * 30
    few: list[float | None] = [1.0] * 5 + [None] * 25
    found = lay_table({10: row(rated), 20: row(few), 30: row(rated)})
    assert found is not None
    assert (found.steps, found.left_out) == ((0, 10, 30), (20,))
    assert lay_table({10: row([1.0] * (FEWEST_PROBES - 1))}) is None
    assert lay_table({}) is None


def test_what_is_best_everywhere_is_always_chosen_and_worth_its_net_win() -> None:
    found = weigh(table([1.0] * 12, [0.5, -0.5] * 6), [20])
    assert (found.best, found.probes) == (10, 12)
    assert [one.share for one in found.standings] == pytest.approx([0.0, 1.0, 0.0])
    assert [one.value for one in found.standings] == [0.0, 1.0, 0.0]
    assert found.expected.value == pytest.approx(1.0)
    [cost] = found.costs
    assert cost.regret.value == pytest.approx(1.0)
    assert cost.word is CostWord.COSTS
    assert 0 < cost.regret.low < 1 < cost.regret.high


def test_a_choice_is_read_from_the_probes_that_did_not_make_it() -> None:
    """Two checkpoints, each best on its own half of the probes: whichever half chooses, the other half disagrees.

    Of 12 probes, one is +1 on six where the other is −1. A half with k of the six leans to the first when k > 3, and
    then reads it on the rest, where 6 − k of 6 are +1: a net win of 1 − k/3. By the hypergeometric weights of k (the
    share of C(6,k)² in C(12,6) = 924: 1 36 225 400 …) the worth is −(1·1 + 36·2/3 + 225·1/3)·2/924 = −200/924.
    """
    one = [1.0] * 6 + [-1.0] * 6
    found = weigh(Table((10, 20), np.array([one, [-value for value in one]]), ()), seed=1)
    assert found.expected.value == pytest.approx(-200 / 924, abs=0.06)
    assert max(standing.value for standing in found.standings) == 0.0
    assert sum(standing.share for standing in found.standings) == pytest.approx(1.0)
    assert found.standings[0].share == pytest.approx(0.5)


def test_equals_share_a_choice_and_the_earliest_is_named() -> None:
    found = weigh(table([0.0] * 12, [0.0] * 12))
    assert found.best == 0
    assert [one.share for one in found.standings] == pytest.approx([1 / 3] * 3)


def test_the_checkpoint_of_the_lowest_loss_costs_nothing_when_none_is_better_by_as_much_as_the_margin() -> None:
    values = [0.1, -0.1] * 15
    found = weigh(table(values, [-value for value in values]), [20])
    assert found.costs[0].word is CostWord.NOTHING
    assert found.costs[0].regret.low <= 0 <= found.costs[0].regret.high


def test_without_enough_evidence_neither_is_said() -> None:
    rng = np.random.default_rng(3)
    one, other = (rng.choice([-1.0, 0.0, 1.0], size=12).tolist() for _ in range(2))
    assert weigh(table(one, other), [20]).costs[0].word is CostWord.UNDECIDED


def test_the_same_ratings_give_the_same_numbers() -> None:
    rng = np.random.default_rng(4)
    rated = table(*(rng.choice([-1.0, 0.0, 1.0], size=20).tolist() for _ in range(3)))
    assert weigh(rated, [30]) == weigh(rated, [30])


def test_cross_fitting_takes_the_luck_out_of_the_best_of_many() -> None:
    """Six checkpoints that are all like the base: the highest of their means lies far above 0, the regret does not."""
    rng = np.random.default_rng(7)
    regrets, naive = [], []
    for _ in range(60):
        rated = table(*(rng.choice([-1.0, 0.0, 1.0], size=16).tolist() for _ in range(5)))
        regrets.append(weigh(rated, [50]).costs[0].regret.value)
        means = rated.values.mean(axis=1)
        naive.append(means.max() - means[-1])
    assert abs(np.mean(regrets)) < 3 * np.std(regrets) / 60**0.5
    assert np.mean(naive) > 0.15


def test_evidence_of_a_gain_is_a_one_sided_bet() -> None:
    """∫₀¹ (1 + λ)ⁿ dλ = (2ⁿ⁺¹ − 1)/(n + 1) for n gains of 1; losses shrink it below 1."""
    assert e_value_above([1.0] * 6) == pytest.approx(127 / 7)
    assert e_value_above([-1.0, -1.0]) == pytest.approx(1 / 3)
    assert e_value_above([]) == pytest.approx(1.0)
