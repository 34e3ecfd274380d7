"""The runs list remembers rows of runs that stand still, and never shows one that moved as it was."""

from beyondloss.domain.access import OWNER, LinkScope, Visitor
from beyondloss.domain.ratings import LinkRole
from beyondloss.services.runs import list_runs
from beyondloss.store.engine import Store
from tests.factories import a_probe, a_project, a_rater, a_rating, a_run, an_answer, checkpoints_of


def test_a_run_that_moved_is_counted_anew_and_the_others_stay_as_they_were(store: Store) -> None:
    project = a_project(store)
    probe = a_probe(store, project)
    moved, still = a_run(store, project, steps=(10,)), a_run(store, project, steps=(10,))
    before = {run.id: run for run in list_runs(store, OWNER)}
    an_answer(store, checkpoints_of(store, moved)[1], probe)
    after = {run.id: run for run in list_runs(store, OWNER)}
    assert after[moved.id].answers_done == before[moved.id].answers_done + 1
    assert after[still.id] == before[still.id]


def test_what_is_left_to_rate_is_each_raters_own(store: Store) -> None:
    project = a_project(store)
    probe = a_probe(store, project)
    run = a_run(store, project, steps=(10,))
    base, first = checkpoints_of(store, run)
    reference, answer = an_answer(store, base, probe, text="a"), an_answer(store, first, probe, text="b")
    busy, idle = a_rater(store), a_rater(store)
    a_rating(store, busy, answer, reference)
    assert [list_runs(store, Visitor(rater_id=rater.id))[0].unrated for rater in (busy, idle, busy)] == [0, 1, 0]


def test_a_guest_sees_a_remembered_row_only_in_scope(store: Store) -> None:
    mine, _other = a_run(store, a_project(store)), a_run(store, a_project(store))
    assert len(list_runs(store, OWNER)) == 2
    guest = Visitor(link=LinkScope(link_id=1, role=LinkRole.VIEW, run_id=mine.id, project_id=None))
    assert [run.id for run in list_runs(store, guest)] == [mine.id]
