"""What is said of choosing: a cost only where it is shown, and agreement as plainly."""

from beyondloss.analysis.choosing import Cost, CostWord, Estimate, Standing
from beyondloss.services.choosing import LowestLoss, Weighing
from beyondloss.services.losses import LossLevels
from beyondloss.web.choosing.words import choosing_sentences, headline

LEVELS = (LossLevels(0, 2.0, None), LossLevels(10, 1.0, 1.2), LossLevels(20, 0.5, 0.9))


def weighing(
    evaluated: LowestLoss | None, train: LowestLoss | None = None, *, best: int = 10, share: float = 0.8
) -> Weighing:
    standings = (Standing(0, 0.0, 0.1), Standing(10, 0.42, share), Standing(20, 0.3, 0.9 - share))
    return Weighing(24, best, Estimate(0.31, 0.12, 0.49), standings, (), LEVELS, evaluated, train)


def lowest(word: CostWord | None, *, step: int = 20, lower_at: int | None = None) -> LowestLoss:
    cost = Cost(step, Estimate(0.12, 0.02, 0.22), 30.0, word) if word else None
    return LowestLoss(step, 0.9, cost, lower_at)


def test_a_cost_that_is_shown_is_the_headline() -> None:
    assert headline(weighing(lowest(CostWord.COSTS))) == (
        "Going by the lowest eval loss (step 20) would cost you 0.12 (0.02…0.22) net win."
    )


def test_agreement_is_said_as_plainly() -> None:
    assert headline(weighing(lowest(None, step=10))) == (
        "Raters and the lowest eval loss point to the same checkpoint: step 10."
    )
    assert headline(weighing(lowest(CostWord.NOTHING))) == (
        "Raters and the lowest eval loss (step 20) agree well enough: no other checkpoint is better by 0.2 net win."
    )


def test_what_is_open_is_no_headline_but_is_told() -> None:
    found = weighing(lowest(CostWord.UNDECIDED))
    assert headline(found) == ""
    assert choosing_sentences(found)[1] == (
        "Not enough ratings to tell whether going by the lowest eval loss (step 20) costs anything: 0.12 (0.02…0.22) "
        "net win so far."
    )


def test_the_raters_best_is_told_with_what_is_luck_in_it() -> None:
    first = choosing_sentences(weighing(None))[0]
    assert "Raters favour step 10: net win +0.42 on the 24 probes that can be compared." in first
    assert "the choice is worth +0.31 (0.12…0.49)" in first
    assert "Others are close" not in first
    assert "it came out best in 40 % of the halves" in choosing_sentences(weighing(None, share=0.4))[0]


def test_the_base_may_be_the_best() -> None:
    assert choosing_sentences(weighing(None, best=0))[0].startswith("Raters favour the base:")


def test_two_losses_that_lead_to_one_checkpoint_are_one_sentence() -> None:
    said = choosing_sentences(weighing(lowest(CostWord.COSTS), lowest(CostWord.COSTS)))
    assert len(said) == 2
    assert "the lowest loss, training and eval alike (step 20)" in said[1]
    apart = choosing_sentences(weighing(lowest(CostWord.COSTS), lowest(None, step=10)))
    assert len(apart) == 3


def test_without_an_eval_loss_the_training_loss_is_asked() -> None:
    found = weighing(None, lowest(CostWord.COSTS))
    assert headline(found).startswith("Going by the lowest training loss (step 20)")
    assert choosing_sentences(found)[-1] == "No eval loss was logged for these checkpoints."


def test_a_lower_loss_that_nobody_rated_is_pointed_out() -> None:
    said = headline(weighing(lowest(CostWord.COSTS, lower_at=30)))
    assert said.endswith("It is lower still at step 30, which has too few ratings to compare.")


def test_too_few_ratings_are_called_that() -> None:
    nothing = Weighing(0, None, None, (), (), LEVELS, None, None)
    assert choosing_sentences(nothing) == (
        "Not enough ratings to compare checkpoints: it takes 12 probes that are rated at each of them.",
    )
    assert headline(nothing) == ""
