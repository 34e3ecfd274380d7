"""Where nothing happened, nothing may be told: a run that learned nothing, and a base judged against itself."""

import numpy as np

from beyondloss.analysis.loss_moves import LossWord, loss_move
from beyondloss.analysis.verdicts import ProbeValue, VerdictWord, judge

ROUNDS = 400


def test_a_run_with_learning_rate_zero_reads_flat_and_same() -> None:
    noise = np.random.default_rng(1)
    losses = (2.0 * np.exp(noise.normal(0, 0.08, 300))).tolist()
    moves = [loss_move(range(1, 301), losses, before=100, after=after).word for after in (150, 200, 250, 300)]
    assert set(moves) == {LossWord.FLAT}
    behaviours = [[ProbeValue(probe, 0.0, identical=True) for probe in range(count)] for count in (2, 5, 16)]
    assert {judged.word for judged in judge(behaviours)} == {VerdictWord.SAME}


def test_the_base_registered_as_a_checkpoint_covers_zero_whoever_rates() -> None:
    """With temperature half of its answers differ; raters call two thirds of these the same, the rest at random."""
    rng = np.random.default_rng(2)
    covered = called = 0
    for _ in range(ROUNDS):
        given = rng.choice((-1.0, 0.0, 1.0), p=(1 / 6, 2 / 3, 1 / 6), size=(15, 2)).mean(axis=1)
        values = [ProbeValue(number, float(mean), ratings=2) for number, mean in enumerate(given)]
        values += [ProbeValue(100 + number, 0.0, identical=True) for number in range(15)]
        [judged] = judge([values])
        assert judged.net_win is not None
        covered += judged.net_win.low <= 0 <= judged.net_win.high
        called += judged.word in {VerdictWord.BETTER, VerdictWord.WORSE}
    assert covered >= 0.95 * ROUNDS
    assert called == 0
