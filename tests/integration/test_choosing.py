"""Choosing a checkpoint: who may, what is kept, and what ratings and losses say of each."""

from collections.abc import Callable

import pytest
from sqlmodel import select

from beyondloss.analysis.choosing import CostWord
from beyondloss.analysis.loss_moves import LossWord
from beyondloss.analysis.verdicts import VerdictWord
from beyondloss.domain.access import OWNER, LinkScope, Visitor
from beyondloss.domain.choices import ChoiceMade
from beyondloss.domain.ratings import LinkRole
from beyondloss.errors import InvalidInput, NotAllowed, NotFound
from beyondloss.services import choosing, runs
from beyondloss.store.engine import Store
from beyondloss.store.tables import Choice, Run
from tests.factories import (
    a_behaviour,
    a_probe,
    a_project,
    a_rater,
    a_rating,
    a_run,
    an_answer,
    checkpoints_of,
    points,
)

PROBES = 16


def a_rated_run(store: Store, verdict: Callable[[int, int], int], *, steps: tuple[int, ...] = (10, 20, 30)) -> Run:
    """Every checkpoint's answers are rated against the base: `verdict(step, number of the probe)`. Loss falls, and
    eval loss is lowest at the last step.
    """
    project = a_project(store)
    behaviour = a_behaviour(store, project, name="asks first")
    run = a_run(store, project, steps=steps)
    count = steps[-1]
    points(
        store, run, loss=[2.0 * 0.9**step for step in range(count)], eval_loss=[2.0 - 0.05 * s for s in range(count)]
    )
    base, *others = checkpoints_of(store, run)
    rater = a_rater(store)
    for number in range(PROBES):
        probe = a_probe(store, project, behaviours=[behaviour])
        before = an_answer(store, base, probe, text="before")
        for other in others:
            after = an_answer(store, other, probe, text=f"after {other.step}")
            a_rating(store, rater, after, before, verdict=verdict(other.step, number))
    return run


def guest_of(run: Run) -> Visitor:
    return Visitor(link=LinkScope(link_id=1, role=LinkRole.RATE, run_id=run.id, project_id=None), rater_id=99)


def chosen_step(store: Store, run: Run) -> int | None:
    chosen = runs.find_run(store, str(run.id), OWNER).chosen
    listed = next(one for one in runs.list_runs(store, OWNER) if one.id == run.id)
    assert listed.chosen_step == (chosen.step if chosen else None)
    return chosen.step if chosen else None


def test_a_choice_is_seen_everywhere_and_can_be_taken_back(any_store: Store) -> None:
    run = a_run(any_store, steps=(10, 20))
    assert chosen_step(any_store, run) is None
    choosing.choose(any_store, OWNER, run.id, step=20, note=" asks first ")
    choosing.choose(any_store, OWNER, run.id, step=0)
    assert chosen_step(any_store, run) == 0
    choosing.choose(any_store, OWNER, run.id, step=20, note="back again")
    assert chosen_step(any_store, run) == 20
    assert choosing.unchoose(any_store, OWNER, run.id)
    assert chosen_step(any_store, run) is None
    assert not choosing.unchoose(any_store, OWNER, run.id)
    made = choosing.choices_made(any_store, OWNER, run.id)
    assert [(one.step, one.note) for one in made] == [(None, ""), (20, "back again"), (0, ""), (20, "asks first")]
    assert isinstance(made[0], ChoiceMade)


def test_the_same_choice_again_is_no_news(store: Store) -> None:
    run = a_run(store, steps=(10,))
    choosing.choose(store, OWNER, run.id, step=10, note="why")
    revision = runs.run_revision(store, run.id)
    choosing.choose(store, OWNER, run.id, step=10, note="why")
    assert runs.run_revision(store, run.id) == revision
    choosing.choose(store, OWNER, run.id, step=10, note="better said")
    assert runs.run_revision(store, run.id) > revision


def test_only_the_owner_chooses_and_only_what_is_there(store: Store) -> None:
    run = a_run(store, steps=(10,))
    for visitor in (guest_of(run),):
        with pytest.raises(NotAllowed):
            choosing.choose(store, visitor, run.id, step=10)
        with pytest.raises(NotAllowed):
            choosing.unchoose(store, visitor, run.id)
        with pytest.raises(NotAllowed):
            choosing.choices_made(store, visitor, run.id)
    with pytest.raises(NotFound):
        choosing.choose(store, OWNER, run.id, step=11)
    with pytest.raises(InvalidInput):
        choosing.choose(store, OWNER, run.id, step=10, note="x" * 2001)
    assert chosen_step(store, run) is None


def test_a_deleted_run_takes_its_choices_with_it(any_store: Store) -> None:
    run = a_run(any_store, steps=(10,))
    choosing.choose(any_store, OWNER, run.id, step=10)
    runs.delete_run(any_store, run.id)
    with any_store.read() as session:
        assert session.exec(select(Choice)).all() == []


def test_what_raters_favour_stands_beside_the_lowest_losses_and_what_these_cost(store: Store) -> None:
    run = a_rated_run(store, lambda step, _number: 1 if step == 10 else -1 if step == 30 else 0)
    found = choosing.weigh_checkpoints(store, runs.find_run(store, str(run.id), OWNER), OWNER)
    assert (found.probes, found.best, found.left_out) == (PROBES, 10, ())
    assert [(one.step, one.value) for one in found.standings] == [(0, 0.0), (10, 1.0), (20, 0.0), (30, -1.0)]
    assert found.evaluated is not None
    assert found.train is not None
    assert (found.evaluated.step, found.train.step) == (30, 30)
    assert found.evaluated.cost is not None
    assert found.evaluated.cost.regret.value == pytest.approx(2.0)
    assert found.evaluated.cost.word is CostWord.COSTS


def test_where_loss_and_raters_favour_the_same_nothing_is_lost(store: Store) -> None:
    run = a_rated_run(store, lambda step, number: 1 if step == 30 else number % 2)
    found = choosing.weigh_checkpoints(store, runs.find_run(store, str(run.id), OWNER), OWNER)
    assert found.best == 30
    assert found.evaluated is not None
    assert (found.evaluated.step, found.evaluated.cost) == (30, None)


def test_without_ratings_nothing_is_weighed(store: Store) -> None:
    run = a_run(store, steps=(10,))
    found = choosing.weigh_checkpoints(store, runs.find_run(store, str(run.id), OWNER), OWNER)
    assert (found.best, found.standings, found.evaluated) == (None, (), None)
    assert choosing.moves_of(store, run.id, OWNER) == ()


def test_a_guest_learns_no_value_of_a_checkpoint_that_one_person_hardly_rated(store: Store) -> None:
    run = a_rated_run(store, lambda _step, _number: 1, steps=(10,))
    view = runs.find_run(store, str(run.id), OWNER)
    assert choosing.weigh_checkpoints(store, view, guest_of(run)).best == 10
    moves = choosing.moves_of(store, run.id, guest_of(run))
    assert [(one.overall.judged.word, one.overall.judged.net_win) for one in moves] == [(VerdictWord.BETTER, None)]
    assert choosing.serving_of(view, guest_of(run), step=10) is None


def test_loss_is_set_against_behaviour_from_each_rated_checkpoint_to_the_next(store: Store) -> None:
    run = a_rated_run(store, lambda step, _number: {10: 1, 20: 1, 30: -1}[step])
    moves = choosing.moves_of(store, run.id, OWNER)
    assert [(one.before, one.after, one.overall.judged.word) for one in moves] == [
        (0, 10, VerdictWord.BETTER),
        (10, 20, VerdictWord.SAME),
        (20, 30, VerdictWord.WORSE),
    ]
    assert [(one.loss.word, one.evaluated) for one in moves] == [
        (LossWord.FELL, False),  # nothing was evaluated before training
        (LossWord.FELL, True),
        (LossWord.FELL, True),
    ]
    assert [one.behaviours[0].judged.word for one in moves] == [one.overall.judged.word for one in moves]


def test_a_run_that_learned_nothing_reads_flat_and_same_without_any_rating(store: Store) -> None:
    project = a_project(store)
    run = a_run(store, project, steps=(10, 20))
    points(store, run, loss=[2.0, 2.01] * 10)
    for _ in range(8):
        probe = a_probe(store, project)
        for checkpoint in checkpoints_of(store, run):
            an_answer(store, checkpoint, probe, text="as ever")
    moves = choosing.moves_of(store, run.id, OWNER)
    assert [(one.before, one.after, one.loss.word, one.overall.judged.word) for one in moves] == [
        (0, 10, LossWord.FLAT, VerdictWord.SAME),
        (10, 20, LossWord.FLAT, VerdictWord.SAME),
    ]
