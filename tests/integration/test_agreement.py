"""Agreement of several raters from stored ratings: the numbers, what is worth a talk, and who may see what."""

from collections.abc import Sequence

import pytest

from beyondloss.domain.access import OWNER, LinkScope, Visitor
from beyondloss.domain.ratings import LinkRole
from beyondloss.errors import NotFound
from beyondloss.services.agreement import Undefined, agreement_of
from beyondloss.services.report import build_report
from beyondloss.store.engine import Store
from beyondloss.store.tables import Answer, Behaviour, Project, Rater, Run
from tests.factories import a_behaviour, a_probe, a_project, a_rater, a_rating, a_run, an_answer, checkpoints_of

Pair = tuple[Answer, Answer]


def a_shared_run(
    store: Store, project: Project, behaviours: Sequence[Behaviour], *, pairs: int
) -> tuple[Run, list[Pair]]:
    run = a_run(store, project, steps=(10,))
    base, first = checkpoints_of(store, run)
    found = []
    for _number in range(pairs):
        probe = a_probe(store, project, behaviours=behaviours)
        found.append((an_answer(store, first, probe, text="anew"), an_answer(store, base, probe, text="as before")))
    return run, found


def guest_of(run: Run, rater: Rater | None, role: LinkRole = LinkRole.RATE) -> Visitor:
    scope = LinkScope(link_id=1, role=role, run_id=run.id, project_id=None)
    return Visitor(link=scope, rater_id=rater.id if rater else None, rater_name=rater.name if rater else "")


def owner(rater: Rater) -> Visitor:
    return Visitor(rater_id=rater.id, rater_name=rater.name)


def test_alpha_and_raw_agreement_are_those_of_the_stored_ratings(any_store: Store) -> None:
    """Values of three kinds; worked by hand: coincidences of (1,1) twice, (0,0) once, (1,−1) once, (0,1) once."""
    project = a_project(any_store)
    run, pairs = a_shared_run(any_store, project, [a_behaviour(any_store, project)], pairs=6)
    raters = [a_rater(any_store) for _ in range(2)]
    for pair, said in zip(pairs, [(1, 1), (1, 1), (0, 0), (1, -1), (0, 1), (1, None)], strict=True):
        for rater, verdict in zip(raters, said, strict=True):
            if verdict is not None:
                a_rating(any_store, rater, *pair, verdict=verdict)
    found = agreement_of(any_store, run.id, OWNER)
    # Values −1, 0, 1 were given 1, 3 and 6 times: between ranks 0.5, 2.5 and 7 lie 2, 4.5 and 6.5.
    observed = 2 * 6.5**2 + 2 * 4.5**2
    expected = 2 * (1 * 3 * 2**2 + 3 * 6 * 4.5**2 + 1 * 6 * 6.5**2)
    assert found.overall.alpha == pytest.approx(1 - 9 * observed / expected)
    assert found.overall.raw == pytest.approx(3 / 5)
    assert (found.overall.comparisons, found.behaviours[0].alpha) == (5, found.overall.alpha)


def test_a_behaviour_counts_what_was_said_of_it(store: Store) -> None:
    project = a_project(store)
    tone, facts = a_behaviour(store, project), a_behaviour(store, project)
    run, pairs = a_shared_run(store, project, [tone, facts], pairs=6)
    ann, ben = a_rater(store), a_rater(store)
    for number, pair in enumerate(pairs):
        a_rating(store, ann, *pair, verdict=1 if number % 2 else -1)
        a_rating(store, ben, *pair, verdict=1 if number % 2 else -1)
        a_rating(store, ben, *pair, verdict=-1 if number % 2 else 1, behaviour=tone, rated_at=2e9)
    found = agreement_of(store, run.id, OWNER, everything=True)
    raw = {one.behaviour.id: one.raw for one in found.behaviours if one.behaviour}
    assert raw == {tone.id: 0.0, facts.id: 1.0}
    assert found.overall.alpha == 1.0
    assert len(found.disagreements) == 6
    assert {one.spread for one in found.disagreements} == {2.0}


def test_without_a_shared_comparison_or_with_one_value_only_alpha_says_why_it_is_missing(store: Store) -> None:
    project = a_project(store)
    run, pairs = a_shared_run(store, project, [a_behaviour(store, project)], pairs=2)
    ann, ben = a_rater(store), a_rater(store)
    a_rating(store, ann, *pairs[0], verdict=1)
    a_rating(store, ben, *pairs[1], verdict=1)
    alone = agreement_of(store, run.id, OWNER).overall
    assert (alone.alpha, alone.raw, alone.undefined) == (None, None, Undefined.NOT_SHARED)
    a_rating(store, ben, *pairs[0], verdict=1)
    same = agreement_of(store, run.id, OWNER).overall
    assert (same.alpha, same.raw, same.undefined) == (None, 1.0, Undefined.ONE_VALUE)


def test_each_raters_side_and_pace_are_measured(store: Store) -> None:
    project = a_project(store)
    run, pairs = a_shared_run(store, project, [], pairs=8)
    ann = a_rater(store, name="Ann")
    for number, pair in enumerate(pairs):
        side, verdict = ("left", 1) if number % 2 else ("right", -1)  # always the answer on the left
        said = 0 if number == 0 else verdict
        a_rating(store, ann, *pair, verdict=said, side=side, blind=number < 6, shown_at=1e9, rated_at=1e9 + number)
    [row] = agreement_of(store, run.id, OWNER).raters
    assert (row.name, row.comparisons, row.blind) == ("Ann", 8, 6)
    assert (row.left.count, row.left.total, row.left.value) == (7, 7, 1.0)
    assert row.left.interval.low > 0.5
    assert row.seconds == 3.5


def test_what_others_said_is_kept_until_one_has_rated_oneself(any_store: Store) -> None:
    project = a_project(any_store)
    run, pairs = a_shared_run(any_store, project, [a_behaviour(any_store, project)], pairs=3)
    ann, ben, cy = (a_rater(any_store, name=name) for name in ("Ann", "Ben", "Cy"))
    for pair in pairs:
        a_rating(any_store, ann, *pair, verdict=1, comment="said by Ann")
        a_rating(any_store, ben, *pair, verdict=-1)
    a_rating(any_store, cy, *pairs[0], verdict=0)
    guest = agreement_of(any_store, run.id, guest_of(run, cy), everything=True)
    assert [one.answer.id for one in guest.disagreements] == [pairs[0][0].id]
    assert (guest.hidden, [row.name for row in guest.raters]) == (2, ["Cy"])
    assert (guest.overall.alpha, guest.overall.undefined) == (None, Undefined.HIDDEN)
    assert [said.rater for said in guest.disagreements[0].said] == ["Ann", "Ben", "Cy"]
    looking = agreement_of(any_store, run.id, guest_of(run, None, LinkRole.VIEW), everything=True)
    assert (looking.disagreements, looking.raters, looking.hidden) == ((), (), 3)
    mine = agreement_of(any_store, run.id, owner(cy))
    assert (len(mine.disagreements), mine.hidden, len(mine.raters)) == (1, 2, 3)
    everything = agreement_of(any_store, run.id, owner(cy), everything=True)
    assert (len(everything.disagreements), everything.hidden) == (3, 0)


def test_the_report_shows_a_guest_who_rates_no_example_that_is_still_to_be_rated(store: Store) -> None:
    project = a_project(store)
    run, pairs = a_shared_run(store, project, [], pairs=2)
    ann, ben, cy = a_rater(store), a_rater(store), a_rater(store)
    for pair in pairs:
        for rater in (ann, ben):
            a_rating(store, rater, *pair, verdict=1)
    assert build_report(store, str(run.id), guest_of(run, cy)).gains == ()
    a_rating(store, cy, *pairs[1], verdict=1)
    shown = build_report(store, str(run.id), guest_of(run, cy)).gains
    assert [one.comparison.answer.id for one in shown if one.comparison.answer] == [pairs[1][0].id]
    assert len(build_report(store, str(run.id), guest_of(run, None, LinkRole.VIEW)).gains) == 2


def test_one_checkpoint_can_be_looked_at_alone_and_nothing_outside_the_scope(store: Store) -> None:
    project = a_project(store)
    run = a_run(store, project, steps=(10, 20))
    base, first, second = checkpoints_of(store, run)
    probe = a_probe(store, project)
    old, new, newer = (an_answer(store, point, probe, text=point.fingerprint) for point in (base, first, second))
    ann, ben = a_rater(store), a_rater(store)
    for rater in (ann, ben):
        a_rating(store, rater, new, old, verdict=1)
        a_rating(store, rater, newer, new, verdict=1)
    assert agreement_of(store, run.id, OWNER).overall.comparisons == 2
    assert agreement_of(store, run.id, OWNER, step=10).overall.comparisons == 1
    assert agreement_of(store, run.id, OWNER, step=20).overall.comparisons == 0
    assert agreement_of(store, run.id, OWNER, step=20, against="previous").overall.comparisons == 1
    stranger = Visitor(link=LinkScope(link_id=1, role=LinkRole.RATE, run_id=run.id + 1, project_id=None))
    with pytest.raises(NotFound):
        agreement_of(store, run.id, stranger)
    with pytest.raises(NotFound):
        agreement_of(store, run.id, OWNER, step=11)
