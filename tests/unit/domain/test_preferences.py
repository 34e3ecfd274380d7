"""From judgements to a preference: one stance per rater, the most of them, and how many agree."""

import pytest

from beyondloss.domain.preferences import Consensus, Judgement, Stance, Unpaired, Wanted, consensus, counts, stance_of
from beyondloss.domain.ratings import Verdict
from beyondloss.errors import InvalidInput

MORE, SAME, LESS, BAD = Stance.MORE, Stance.SAME, Stance.LESS, Stance.BAD


@pytest.mark.parametrize(
    ("verdicts", "stance"),
    [([1], MORE), ([-1], LESS), ([0], SAME), ([1, 1, -1], MORE), ([1, -1], SAME), ([0, -1], LESS)],
)
def test_a_person_stands_where_the_sum_of_their_ratings_points(verdicts: list[int], stance: Stance) -> None:
    assert stance_of([Judgement(Verdict(value), both_bad=False) for value in verdicts]) is stance


def test_both_bad_outweighs_a_preference() -> None:
    assert stance_of([Judgement(Verdict.MORE, False), Judgement(Verdict.SAME, True)]) is BAD


@pytest.mark.parametrize(
    ("stances", "found"),
    [
        ([], None),
        ([MORE, LESS], None),
        ([MORE], Consensus(MORE, 1, 1)),
        ([MORE, MORE, LESS], Consensus(MORE, 2, 3)),
        ([SAME, SAME, MORE, LESS], Consensus(SAME, 2, 4)),
        ([BAD, MORE, SAME], None),
    ],
)
def test_the_most_raters_decide_and_two_equal_camps_decide_nothing(
    stances: list[Stance], found: Consensus | None
) -> None:
    assert consensus(stances) == found


def test_a_preference_counts_with_enough_raters_who_agree_enough() -> None:
    found = Consensus(MORE, 2, 3)
    assert counts(found, Wanted(least_agreement=0.66, least_raters=3))
    assert not counts(found, Wanted(least_agreement=0.67))
    assert not counts(found, Wanted(least_raters=4))


@pytest.mark.parametrize(
    "given",
    [{"least_agreement": 1.1}, {"least_agreement": float("nan")}, {"least_raters": 0}, {"both_bad": Unpaired.GOOD}],
)
def test_impossible_wishes_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        Wanted(**given)
