"""Where drafts come from, and what a row is given when nobody knows which row will be the slowest. No model."""

import pytest

from beyondloss.domain.engine import Reference
from beyondloss.generation.drafts import Drafter, OtherAnswers, Source
from beyondloss.generation.pace import Outlook, PassCosts, plan_drafts

pytestmark = pytest.mark.torch
STOCK = [31, 32, 33, 34, 35, 36]


def test_a_sentence_said_to_another_probe_is_proposed_here() -> None:
    others = OtherAnswers()
    first = Drafter([1], [], end_id=None, others=others)
    second = Drafter([2], [], end_id=None, others=others)
    first.follow([9, *STOCK])
    second.follow([8, *STOCK[:2]])
    draft = second.propose(3)
    assert (draft.tokens, draft.source) == (STOCK[2:5], Source.OTHERS)


def test_an_earlier_answer_to_another_probe_is_looked_at_too() -> None:
    others = OtherAnswers()
    Drafter([1], [Reference(tuple(STOCK), ended=True)], end_id=0, others=others)
    second = Drafter([2], [], end_id=0, others=others)
    second.follow([8, *STOCK[-3:]])
    assert second.propose(5).tokens == [0], "the end is foreseen as well"


def test_what_was_just_written_is_not_found_again_at_its_own_end() -> None:
    others = OtherAnswers()
    only = Drafter([1], [], end_id=None, others=others)
    only.follow(STOCK)
    assert only.propose(4).tokens == []


def test_a_long_repetition_of_its_own_comes_before_others() -> None:
    others = OtherAnswers()
    loops = Drafter([1], [], end_id=0, others=others)
    loops.follow([5, 6, 7, 8, 50, 5, 6, 7, 8])
    Drafter([1], [Reference((5, 6, 7, 8, 60), ended=True)], end_id=0, others=others)
    assert (loops.propose(1).tokens, loops.propose(1).source) == ([50], Source.ITSELF)


def test_what_was_said_last_comes_before_a_short_repetition() -> None:
    others = OtherAnswers()
    short = Drafter([1], [], end_id=0, others=others)
    short.follow([4, 2, 3, 51, 9, 2, 3])
    Drafter([1], [Reference((2, 3, 70), ended=True)], end_id=0, others=others)
    assert (short.propose(1).tokens, short.propose(1).source) == ([70], Source.OTHERS)


def test_an_answer_that_goes_on_past_its_reference_looks_elsewhere() -> None:
    others = OtherAnswers()
    Drafter([1], [Reference(tuple(STOCK), ended=True)], end_id=0, others=others)
    longer = Drafter([2], [Reference((31, 32), ended=False)], end_id=0, others=others)
    longer.follow([31, 32])
    assert longer.propose(2).tokens == STOCK[2:4]


def test_rows_beside_one_that_cannot_be_drafted_still_get_what_pays() -> None:
    hopeless = Outlook(available=0, rate=0.5, remaining=60)
    sure = Outlook(available=8, rate=0.9, remaining=30)
    costs = PassCosts(fixed_seconds=0.04, token_seconds=0.002)
    lengths = plan_drafts([hopeless, sure], costs, crowd=0)
    assert lengths[0] == 0
    assert lengths[1] > 0, "the slowest row is a guess"


def test_nothing_is_drafted_where_every_token_costs_as_much_as_a_pass() -> None:
    costs = PassCosts(fixed_seconds=0.0001, token_seconds=0.1)
    unsure = Outlook(available=8, rate=0.6, remaining=30)
    assert plan_drafts([unsure, unsure], costs, crowd=0) == [0, 0]
