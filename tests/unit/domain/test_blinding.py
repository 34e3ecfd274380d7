"""Sides and order of blind rating."""

from beyondloss.domain.blinding import shuffled_place, side_of
from beyondloss.domain.ratings import Side


def test_every_rater_sees_the_checkpoint_on_the_left_half_the_time() -> None:
    for rater in range(1, 6):
        left = sum(side_of(probe, rater, salt=f"{probe}/1") is Side.LEFT for probe in range(2_000))
        assert 900 < left < 1_100


def test_half_of_two_raters_sides_agree() -> None:
    agree = sum(side_of(probe, 1, salt="a") is side_of(probe, 2, salt="a") for probe in range(2_000))
    assert 900 < agree < 1_100


def test_the_next_checkpoint_of_the_same_probe_may_stand_elsewhere() -> None:
    assert len({side_of(7, 1, salt=f"{answer}/1") for answer in range(20)}) == 2


def test_the_side_never_changes_for_the_same_rater_and_comparison() -> None:
    assert len({side_of(7, 3, salt="12/1") for _ in range(5)}) == 1


def test_raters_meet_the_probes_in_orders_of_their_own() -> None:
    orders = {tuple(sorted(range(10), key=lambda p: shuffled_place(p, rater, salt="x"))) for rater in range(20)}
    assert len(orders) == 20
