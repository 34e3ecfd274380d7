"""The one rule that chooses and verifies every token."""

import pytest
import torch

from beyondloss.domain.sampling import Sampling
from beyondloss.errors import UnreadableCheckpoint
from beyondloss.generation.rule import Draw, TokenRule

pytestmark = pytest.mark.torch


def test_greedy_takes_the_best_logit_and_says_by_how_much() -> None:
    choice = TokenRule(Sampling()).choose(torch.tensor([[1.0, 4.0, 3.5], [2.0, 0.0, -1.0]]), [Draw(b"", 0)] * 2)
    assert choice.tokens == [1, 0]
    assert choice.margins == [0.5, 2.0]


def test_sampling_follows_the_probabilities_of_the_model() -> None:
    logits = torch.tensor([0.6, 0.3, 0.1]).log()
    draws = [Draw(b"k", position) for position in range(6000)]
    tokens = TokenRule(Sampling(temperature=1.0)).choose(logits.expand(6000, 3), draws).tokens
    assert tokens.count(0) / 6000 == pytest.approx(0.6, abs=0.02)
    assert tokens.count(2) / 6000 == pytest.approx(0.1, abs=0.015)


def test_top_p_never_lets_a_token_outside_the_nucleus_through() -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    draws = [Draw(b"k", position) for position in range(2000)]
    tokens = TokenRule(Sampling(temperature=1.0, top_p=0.7)).choose(logits.expand(2000, 4), draws).tokens
    assert set(tokens) == {0, 1}


def test_a_sampled_token_does_not_depend_on_what_is_chosen_beside_it() -> None:
    torch.manual_seed(0)
    logits = torch.randn(70, 40)
    draws = [Draw(bytes([row % 5]), row) for row in range(70)]
    rule = TokenRule(Sampling(temperature=0.9, top_p=0.8))
    together = rule.choose(logits, draws)
    alone = [rule.choose(logits[row : row + 1], [draws[row]]).tokens[0] for row in range(70)]
    assert together.tokens == alone


def test_logits_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(UnreadableCheckpoint, match="not numbers"):
        TokenRule(Sampling()).choose(torch.tensor([[float("nan"), 1.0]]), [Draw(b"", 0)])
