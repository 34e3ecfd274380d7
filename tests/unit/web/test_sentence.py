"""The sentence never claims more than the verdicts do."""

from dataclasses import replace

import pytest

from beyondloss.analysis.loss_moves import LossMove, LossWord
from beyondloss.analysis.verdicts import VerdictWord
from beyondloss.services.losses import LossMoves
from beyondloss.services.projects import BehaviourView
from beyondloss.services.verdicts import BehaviourVerdict, VerdictSet
from beyondloss.web.sentence import build_sentence, signed

UNKNOWN = LossMove(LossWord.UNKNOWN)


def a_verdict(name: str | None, word: VerdictWord, **fields: object) -> BehaviourVerdict:
    known = BehaviourVerdict(
        behaviour=None if name is None else BehaviourView(1, name, ""),
        verdict=word,
        net_win=0.42,
        low=0.18,
        high=0.66,
        probes=28,
        decisive=20,
        asked=30,
        ratings=50,
        raters=2,
        identical=False,
        e_value=30.0,
        p_value=0.001,
        holm=True,
        needed=0,
        new_probes=0,
        next_probes=(),
    )
    return replace(known, **fields)  # type: ignore[arg-type]


def a_set(*behaviours: BehaviourVerdict, ratings: int = 50) -> VerdictSet:
    overall = a_verdict(None, VerdictWord.NOT_ENOUGH, ratings=ratings, needed=5)
    return VerdictSet(1, 300, "base", 0, "", "", overall, behaviours, 30, 28)


def said(*behaviours: BehaviourVerdict, losses: LossMoves | None = None) -> str:
    sentence = build_sentence(a_set(*behaviours), losses)
    assert sentence
    return sentence.text


def test_every_verdict_has_its_clause_with_what_is_behind_it() -> None:
    losses = LossMoves(LossMove(LossWord.FELL, 2.67, 0.37, -0.861), UNKNOWN)
    text = said(
        a_verdict("tone", VerdictWord.NOT_ENOUGH, needed=9),
        a_verdict("structure", VerdictWord.SAME, net_win=0.0, low=-0.1, high=0.1),
        a_verdict("asks before assuming", VerdictWord.BETTER),
        a_verdict("general knowledge", VerdictWord.WORSE, net_win=-0.3, low=-0.5, high=-0.1, probes=12, raters=1),
        losses=losses,
    )
    assert text == (
        "more like what you want in asks before assuming (+0.42, 0.18…0.66, 28 probes, 2 raters); "
        "less like what you want in general knowledge (−0.30, −0.50…−0.10, 12 probes, 1 rater); "
        "same in structure (0.00, −0.10…0.10, 28 probes, 2 raters); "
        "not enough ratings for tone (9 to go). Loss fell 86 % meanwhile."
    )


@pytest.mark.parametrize("value", [0.9, -0.9])
def test_a_large_net_win_without_a_verdict_is_not_told_as_one(value: float) -> None:
    text = said(a_verdict("tone", VerdictWord.NOT_ENOUGH, net_win=value, needed=4))
    assert text == "not enough ratings for tone (4 to go)."


def test_nobody_rated_nothing_is_said() -> None:
    assert build_sentence(a_set(a_verdict("tone", VerdictWord.NOT_ENOUGH), ratings=0)) is None


def test_when_every_probe_is_rated_it_asks_for_probes() -> None:
    assert said(a_verdict("tone", VerdictWord.NOT_ENOUGH, needed=3, new_probes=3)).endswith("tone (3 more probes).")
    assert said(a_verdict("tone", VerdictWord.NOT_ENOUGH, needed=200)).endswith("tone (200+ to go).")


def test_many_without_a_verdict_become_a_number() -> None:
    text = said(*(a_verdict(f"b{n}", VerdictWord.NOT_ENOUGH, needed=8) for n in range(5)))
    assert text == "not enough ratings for b0 (8 to go), b1 (8 to go), b2 (8 to go) and 2 others."


def test_answers_that_never_changed_are_said_to_be_that() -> None:
    text = said(a_verdict("tone", VerdictWord.SAME, identical=True, asked=4))
    assert text == "same in tone (no answer changed, 4 probes)."


def test_without_behaviours_all_probes_speak_together() -> None:
    assert said() == "not enough ratings for all probes together (5 to go)."


def test_hidden_numbers_leave_the_verdict_alone() -> None:
    text = said(a_verdict("tone", VerdictWord.NOT_ENOUGH, net_win=None, low=None, high=None, needed=7))
    assert text == "not enough ratings for tone (7 to go)."


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (LossMove(LossWord.FELL, 2.67, 0.004, -0.9985), "Loss fell 99.9 % meanwhile."),
        (LossMove(LossWord.ROSE, 1.0, 3.5, 2.5), "Loss rose 250 % meanwhile."),
        (LossMove(LossWord.FLAT, 1.0, 1.01, 0.01), "Loss stayed where it was."),
    ],
)
def test_loss_is_told_as_it_moved(move: LossMove, words: str) -> None:
    assert said(a_verdict("tone", VerdictWord.BETTER), losses=LossMoves(move, UNKNOWN)).endswith(words)


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert [signed(value) for value in (0.001, -0.001, 0.42, -1.0)] == ["0.00", "0.00", "+0.42", "−1.00"]
