"""Loss against behaviour as it is read: the matrix, a sentence for each cell, and the drawing."""

from dataclasses import replace
from itertools import pairwise

import pytest

from beyondloss.analysis.loss_moves import LossMove, LossWord
from beyondloss.analysis.verdicts import Judged, VerdictWord
from beyondloss.domain.metrics import Series, ValueKind
from beyondloss.services.choosing import MovedBehaviour, StepMove
from beyondloss.services.projects import BehaviourView
from beyondloss.services.verdicts import BehaviourVerdict, VerdictSet
from beyondloss.web.report.moves import build_matrix, move_sentences
from beyondloss.web.report.plot import LEFT, PANEL, RIGHT, TICK_ROOM, WIDTH, draw_plot

ASKS = BehaviourView(1, "asks first", "")


def a_move(
    loss: LossWord,
    overall: VerdictWord = VerdictWord.NOT_ENOUGH,
    asks: VerdictWord = VerdictWord.NOT_ENOUGH,
    *,
    before: int = 10,
    after: int = 20,
) -> StepMove:
    def judged(word: VerdictWord) -> Judged:
        return Judged(word, None, 10, False, 1.0, 1.0, False, 0, 0, ())

    subjects = (MovedBehaviour(None, judged(overall)), MovedBehaviour(ASKS, judged(asks)))
    return StepMove(before, after, LossMove(loss), False, subjects[0], subjects[1:])


@pytest.mark.parametrize(
    ("loss", "behaviour", "said"),
    [
        (LossWord.FELL, VerdictWord.WORSE, "Loss misleads here: it fell while answers became worse"),
        (LossWord.FELL, VerdictWord.SAME, "Loss fell, behaviour did not move"),
        (LossWord.ROSE, VerdictWord.BETTER, "Loss would have missed it: it rose while answers became better"),
        (LossWord.FLAT, VerdictWord.BETTER, "Loss would have missed it: it stayed where it was"),
        (LossWord.FELL, VerdictWord.BETTER, "Loss and raters agree: loss fell and answers became better"),
        (LossWord.FLAT, VerdictWord.SAME, "Loss and raters agree: neither moved"),
        (LossWord.ROSE, VerdictWord.WORSE, "Loss and raters agree: loss rose and answers became worse"),
    ],
)
def test_each_cell_has_its_sentence_agreement_too(loss: LossWord, behaviour: VerdictWord, said: str) -> None:
    [sentence] = move_sentences([a_move(loss, asks=behaviour)])
    assert sentence.startswith(said)
    assert "(asks first from step 10 to step 20)" in sentence


def test_disagreement_comes_first_and_many_places_are_counted() -> None:
    moves = [a_move(LossWord.FELL, VerdictWord.BETTER, before=10 * n, after=10 * n + 10) for n in range(7)]
    said = move_sentences([*moves, a_move(LossWord.FELL, asks=VerdictWord.WORSE)])
    assert [one.split(":")[0] for one in said] == ["Loss misleads here", "Loss and raters agree"]
    assert "all probes together from base to step 10; " in said[1]
    assert said[1].endswith("and 3 others).")


def test_what_is_not_known_is_called_that() -> None:
    assert move_sentences([]) == ()
    for move in (a_move(LossWord.UNKNOWN, VerdictWord.WORSE), a_move(LossWord.FELL)):
        assert move_sentences([move]) == (
            "From no checkpoint to the next is enough known of both loss and answers to set them against each other.",
        )


def test_the_matrix_counts_all_probes_together_and_drops_no_move() -> None:
    moves = [
        a_move(LossWord.FELL, VerdictWord.WORSE),
        a_move(LossWord.FELL, VerdictWord.WORSE),
        a_move(LossWord.FLAT, VerdictWord.NOT_ENOUGH),
    ]
    matrix = build_matrix(moves)
    assert matrix is not None
    assert matrix.columns == ("better", "same", "worse", "not known")
    assert [(row.label, [cell.count for cell in row.cells]) for row in matrix.rows] == [
        ("loss fell", [0, 0, 2, 0]),
        ("loss stayed", [0, 0, 0, 1]),
        ("loss rose", [0, 0, 0, 0]),
    ]
    unknown = build_matrix([a_move(LossWord.UNKNOWN)])
    assert unknown is not None
    assert unknown.rows[-1].label == "loss not known"
    assert build_matrix([]) is None


def a_verdict_set(step: int, value: float | None) -> VerdictSet:
    ends = (None, None) if value is None else (value - 0.2, value + 0.2)
    overall = BehaviourVerdict(
        behaviour=None,
        verdict=VerdictWord.NOT_ENOUGH,
        net_win=value,
        low=ends[0],
        high=ends[1],
        probes=20,
        decisive=9,
        asked=20,
        ratings=20,
        raters=1,
        identical=False,
        e_value=1.0,
        p_value=1.0,
        holm=False,
        needed=3,
        new_probes=0,
        next_probes=(),
    )
    return VerdictSet(1, step, "base", 0, "", "", overall, (replace(overall, behaviour=ASKS),), 20, 20)


def a_series(name: str, values: list[float | None]) -> Series:
    kinds = [ValueKind.FINITE if value is not None else ValueKind.NAN for value in values]
    return Series(name, list(range(1, len(values) + 1)), values, kinds, len(values))


def test_behaviours_and_losses_are_drawn_on_the_same_steps_and_never_on_one_scale() -> None:
    plot = draw_plot(
        [a_verdict_set(50, 0.5), a_verdict_set(100, -1.0)], [a_series("loss", [2.0] * 99 + [1.0])], current=100
    )
    assert plot is not None
    assert [panel.title for panel in plot.panels] == ["all probes together", "asks first"]
    panel = plot.panels[0]
    assert [point.x for point in panel.points] == [LEFT, LEFT + (WIDTH - LEFT - RIGHT) / 2, WIDTH - RIGHT]
    base, middle, last = panel.points
    assert (base.y, base.low) == (panel.zero, None)
    assert middle.y < panel.zero < last.y
    assert last.y == pytest.approx(panel.bottom)
    assert last.current
    [line] = plot.losses
    assert line.lines[0].split()[-1].startswith(f"{float(WIDTH - RIGHT)},")
    assert panel.bottom <= panel.zero + PANEL / 2 < plot.strip_top


def test_a_loss_that_was_no_number_breaks_its_line() -> None:
    plot = draw_plot([a_verdict_set(5, 0.0)], [a_series("loss", [2.0, 1.0, None, 1.0, None])], current=5)
    assert plot is not None
    lone = plot.losses[0].lines[1].split()
    assert len(plot.losses[0].lines) == 2
    assert lone[0] == lone[1]  # a dot


def test_what_is_not_known_is_not_drawn_and_nothing_at_all_without_ratings() -> None:
    plot = draw_plot([a_verdict_set(5, None)], [], current=5)
    assert plot is not None
    assert len(plot.panels[0].points) == 1
    assert plot.losses == ()
    assert draw_plot([], [], current=5) is None


def test_steps_are_named_as_far_as_they_can_be_read() -> None:
    plot = draw_plot([a_verdict_set(step, 0.0) for step in range(1, 101)], [], current=5)
    assert plot is not None
    places = [tick.x for tick in plot.ticks]
    assert plot.ticks[-1].text == "100"
    assert all(later - earlier >= TICK_ROOM for earlier, later in pairwise(places))
