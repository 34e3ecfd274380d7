"""What ratings support, and when they are silent."""

import pytest

from beyondloss.analysis.verdicts import MOST_NEEDED, ProbeValue, VerdictWord, judge, known_means


def values(*means: float, equal: int = 0, unrated: int = 0) -> list[ProbeValue]:
    """Rated probes with these means, `equal` ones that did not change, `unrated` ones that did."""
    return [
        *(ProbeValue(number, mean, ratings=1) for number, mean in enumerate(means)),
        *(ProbeValue(100 + number, 0.0, identical=True) for number in range(equal)),
        *(ProbeValue(200 + number, None) for number in range(unrated)),
    ]


@pytest.mark.parametrize(("sign", "word"), [(1.0, VerdictWord.BETTER), (-1.0, VerdictWord.WORSE)])
def test_eight_probes_that_all_lean_one_way_are_the_fewest_that_call_it(sign: float, word: VerdictWord) -> None:
    assert judge([values(*[sign] * 8)])[0].word is word
    seven = judge([values(*[sign] * 7, unrated=3)])[0]
    assert (seven.word, seven.needed, seven.next_probes) == (VerdictWord.NOT_ENOUGH, 1, (200,))


def test_with_fewer_than_six_decisive_probes_nothing_is_better_or_worse() -> None:
    few = judge([values(*[1.0] * 5, equal=4)])[0]
    assert few.word is VerdictWord.NOT_ENOUGH
    assert few.needed == few.new_probes >= 1


def test_more_behaviours_need_more_evidence() -> None:
    assert judge([values(*[1.0] * 8)])[0].word is VerdictWord.BETTER
    assert judge([values(*[1.0] * 8), values(equal=8), values(unrated=8)])[0].word is VerdictWord.NOT_ENOUGH
    assert judge([values(*[1.0] * 10), values(equal=8), values(unrated=8)])[0].word is VerdictWord.BETTER


def test_equal_answers_stay_in_the_denominator() -> None:
    found = judge([values(*[1.0] * 10, equal=10)])[0]
    assert found.net_win is not None
    assert (found.net_win.value, found.net_win.probes, found.net_win.decisive) == (0.5, 20, 10)


def test_ties_enter_in_the_proportion_in_which_the_others_are_rated() -> None:
    assert known_means(values(1.0, 1.0, equal=30, unrated=8)) == [1.0, 1.0] + [0.0] * 6
    half_rated = judge([values(1.0, equal=60, unrated=30)])[0]
    assert half_rated.word is VerdictWord.NOT_ENOUGH


def test_same_is_said_only_when_the_interval_lies_inside_the_margin() -> None:
    assert judge([values(*[0.0] * 16)])[0].word is VerdictWord.SAME
    assert judge([values(*[0.0] * 10)])[0].word is VerdictWord.NOT_ENOUGH
    scattered = [1.0, -1.0] * 8
    assert judge([values(*scattered)])[0].word is VerdictWord.NOT_ENOUGH


def test_a_wider_noise_floor_widens_the_margin() -> None:
    means = [0.0] * 30 + [1.0] * 6
    assert judge([values(*means)])[0].word is VerdictWord.NOT_ENOUGH
    assert judge([values(*means)], noise=0.35)[0].word is VerdictWord.SAME


def test_answers_that_never_changed_are_the_same_without_any_rating() -> None:
    found = judge([values(equal=3)])[0]
    assert (found.word, found.identical, found.ratings, found.needed) == (VerdictWord.SAME, True, 0, 0)


def test_without_ratings_it_says_how_many_would_do_and_which() -> None:
    found = judge([values(unrated=6)])[0]
    assert (found.word, found.net_win, found.needed, found.new_probes) == (VerdictWord.NOT_ENOUGH, None, 8, 2)
    assert sorted(found.next_probes) == [200, 201, 202, 203, 204, 205]


def test_what_to_rate_next_is_not_the_beginning_of_the_set() -> None:
    found = judge([values(unrated=60)])[0]
    assert len(found.next_probes) == 8
    assert max(found.next_probes) > 230


def test_when_all_is_rated_those_rated_least_and_least_agreed_come_next() -> None:
    shown = [ProbeValue(1, 1.0, ratings=3), ProbeValue(2, 0.0, ratings=1), ProbeValue(3, 1.0, ratings=1)]
    assert judge([shown])[0].next_probes == (2, 3, 1)


def test_what_would_take_forever_is_cut_at_what_anybody_plans() -> None:
    assert judge([values(*[1.0, -1.0, 1.0, -1.0, 0.9])])[0].needed <= MOST_NEEDED


def test_no_behaviours_and_no_probes_are_no_verdict() -> None:
    assert judge([]) == ()
    assert judge([[]])[0].word is VerdictWord.NOT_ENOUGH
