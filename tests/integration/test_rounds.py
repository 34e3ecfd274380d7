"""Rounds of rating against the store: order, resumption, votes, undo."""

import pytest

from beyondloss.domain.access import OWNER, LinkScope, Visitor
from beyondloss.domain.ratings import LinkRole, Side
from beyondloss.errors import InvalidInput, NotAllowed, NotFound
from beyondloss.services import ratings
from beyondloss.services.rounds import DuePair, RatingRound, open_round
from beyondloss.services.verdicts import verdicts_of
from beyondloss.services.votes import Choice, Vote, cast_vote, take_back
from beyondloss.store.engine import Store
from beyondloss.store.projects import behaviours
from beyondloss.store.ratings import rated_answers
from beyondloss.store.tables import Behaviour, Probe, Run
from tests.factories import (
    a_behaviour,
    a_probe,
    a_project,
    a_rater,
    a_run,
    a_share_link,
    answers_everywhere,
)


def a_rated_run(store: Store, *, probes: int = 6, steps: tuple[int, ...] = (10, 20)) -> tuple[Run, list[Probe]]:
    """Half of the probes examine "rare", all examine "common"; the last answers the same everywhere."""
    project = a_project(store)
    common, rare = (a_behaviour(store, project, name=name) for name in ("common", "rare"))
    asked = [
        a_probe(store, project, key=f"p{n}", behaviours=[common, rare] if n % 2 else [common]) for n in range(probes)
    ]
    run = a_run(store, project, steps=steps)
    answers_everywhere(store, run, asked, lambda step, probe: "same" if probe.key == asked[-1].key else f"{step}")
    return run, asked


def visitor_named(store: Store, name: str) -> Visitor:
    return Visitor(rater_id=a_rater(store, name=name).id, rater_name=name)


def vote(found: RatingRound, due: DuePair, choice: Choice | None, **fields: object) -> Vote:
    assert found.step is not None
    return Vote(found.run_id, found.step, due.pair, choice, **({"splits": {}} | fields))  # type: ignore[arg-type]


def rate_next(store: Store, run: Run, who: Visitor, choice: Choice = Choice.LEFT) -> DuePair:
    found = open_round(store, run.id or 0, who)
    cast_vote(store, who, vote(found, found.due[0], choice))
    return found.due[0]


def test_only_answers_that_differ_are_asked(any_store: Store) -> None:
    run, _asked = a_rated_run(any_store)
    found = open_round(any_store, run.id or 0, visitor_named(any_store, "Ann"))
    assert (found.step, found.against_step, found.asked, found.equal, len(found.due)) == (20, 0, 5, 1, 5)
    assert [(one.step, one.asked, one.rated) for one in found.steps] == [(10, 5, 0), (20, 5, 0)]


def test_a_round_goes_on_where_it_stopped_though_a_newer_checkpoint_has_answered(any_store: Store) -> None:
    run, _asked = a_rated_run(any_store)
    ann = visitor_named(any_store, "Ann")
    found = open_round(any_store, run.id or 0, ann, step=10)
    cast_vote(any_store, ann, vote(found, found.due[0], Choice.SAME))
    again = open_round(any_store, run.id or 0, ann)
    assert (again.step, again.rated, len(again.due)) == (10, 1, 4)
    assert found.due[0] not in again.due
    assert again.due == open_round(any_store, run.id or 0, ann).due


def test_what_the_most_undecided_verdicts_ask_for_comes_first_and_what_was_rated_last(any_store: Store) -> None:
    run, asked = a_rated_run(any_store)
    rare = {probe.id for probe in asked[1::2]}
    ann, ben = visitor_named(any_store, "Ann"), visitor_named(any_store, "Ben")
    found = open_round(any_store, run.id or 0, ann)
    plain = next(due for due in found.due if _probe_of(any_store, due) not in rare)
    cast_vote(any_store, ann, vote(found, plain, Choice.LEFT))
    theirs = open_round(any_store, run.id or 0, ben)
    assert _probe_of(any_store, theirs.due[0]) in rare
    assert theirs.due[-1].pair == plain.pair


def _probe_of(store: Store, due: DuePair) -> int:
    with store.read() as session:
        return rated_answers(session, [due.answer_id])[due.answer_id].probe_id


def test_a_vote_for_the_checkpoints_side_is_more_and_keeps_how_it_was_given(any_store: Store) -> None:
    run, _asked = a_rated_run(any_store)
    ann = visitor_named(any_store, "Ann")
    for choice in (Choice.LEFT, Choice.RIGHT, Choice.SAME, Choice.BAD):
        found = open_round(any_store, run.id or 0, ann)
        due = found.due[0]
        (given,) = cast_vote(any_store, ann, vote(found, due, choice, comment="why", shown_at=12.5)).ratings
        wanted = 0 if choice in {Choice.SAME, Choice.BAD} else 1 if choice.value == due.side.value else -1
        assert (given.verdict, given.both_bad) == (wanted, choice is Choice.BAD)
        assert (given.answer_id, given.reference_id) == due.pair
        assert (given.blind, given.side, given.shown_at, given.comment) == (True, due.side, 12.5, "why")


def test_a_vote_by_behaviour_is_one_rating_each_and_is_taken_back_whole(any_store: Store) -> None:
    run, asked = a_rated_run(any_store)
    ann = visitor_named(any_store, "Ann")
    found = open_round(any_store, run.id or 0, ann)
    due = next(one for one in found.due if _probe_of(any_store, one) == asked[1].id)
    ids = [behaviour.id for behaviour in _behaviours(any_store, run)]
    splits = {ids[0]: Choice.LEFT, ids[1]: Choice.RIGHT}
    given = cast_vote(any_store, ann, vote(found, due, None, splits=splits)).ratings
    assert sorted(one.verdict for one in given) == [-1, 1]
    undone = take_back(any_store, ann, run.id or 0, [one.id for one in given])
    assert undone is not None
    assert ratings.list_ratings(any_store, ann, run.id or 0) == []


def test_what_only_decided_behaviours_examine_comes_after_all_else(any_store: Store) -> None:
    project = a_project(any_store)
    sure, open_still = (a_behaviour(any_store, project, name=name) for name in ("sure", "open still"))
    asked = [a_probe(any_store, project, key=f"p{n}", behaviours=[sure if n < 12 else open_still]) for n in range(16)]
    run = a_run(any_store, project, steps=(10,))
    answers_everywhere(any_store, run, asked, lambda step, _probe: f"{step}")
    ann, ben = visitor_named(any_store, "Ann"), visitor_named(any_store, "Ben")
    found = open_round(any_store, run.id or 0, ann)
    for due in [due for due in found.due if _probe_of(any_store, due) in {probe.id for probe in asked[:10]}]:
        cast_vote(any_store, ann, vote(found, due, Choice(due.side.value)))
    theirs = [_probe_of(any_store, due) for due in open_round(any_store, run.id or 0, ben).due]
    assert set(theirs[:4]) == {probe.id for probe in asked[12:]}
    assert set(theirs[4:6]) == {probe.id for probe in asked[10:12]}  # decided, but nobody has rated these


def test_of_a_vote_for_all_and_one_behaviour_the_behaviours_own_counts_and_one_undo_takes_both(
    any_store: Store,
) -> None:
    run, asked = a_rated_run(any_store)
    ann = visitor_named(any_store, "Ann")
    found = open_round(any_store, run.id or 0, ann)
    due = next(one for one in found.due if _probe_of(any_store, one) == asked[1].id)
    _common, rare = _behaviours(any_store, run)
    other = Choice.RIGHT if due.side is Side.LEFT else Choice.LEFT
    cast_vote(any_store, ann, vote(found, due, Choice(due.side.value), splits={rare.id: other}))
    judged = verdicts_of(any_store, run.id or 0, OWNER, step=20).behaviours
    values = {one.behaviour.name: one.net_win for one in judged if one.behaviour}
    assert values["rare"] == -1.0
    assert (values["common"] or 0) > 0
    assert take_back(any_store, ann, run.id or 0, []) is not None
    assert ratings.list_ratings(any_store, ann, run.id or 0) == []


def test_a_vote_is_recorded_whole_or_not_at_all(any_store: Store) -> None:
    run, asked = a_rated_run(any_store)
    ann = visitor_named(any_store, "Ann")
    found = open_round(any_store, run.id or 0, ann)
    due = next(one for one in found.due if _probe_of(any_store, one) == asked[2].id)
    _common, rare = _behaviours(any_store, run)
    with pytest.raises(InvalidInput, match="behaviour"):  # the third probe does not examine it
        cast_vote(any_store, ann, vote(found, due, Choice.LEFT, splits={rare.id: Choice.LEFT}))
    assert ratings.list_ratings(any_store, ann, run.id or 0) == []


def _behaviours(store: Store, run: Run) -> list[Behaviour]:
    with store.read() as session:
        return list(behaviours(session, project_id=run.project_id))


def test_without_ids_the_newest_vote_is_taken_back_and_nothing_twice(any_store: Store) -> None:
    run, _asked = a_rated_run(any_store)
    ann, ben = visitor_named(any_store, "Ann"), visitor_named(any_store, "Ben")
    first = rate_next(any_store, run, ann)
    undone = take_back(any_store, ann, run.id or 0, [])
    assert undone is not None
    assert (undone.answer_id, undone.reference_id) == first.pair
    assert take_back(any_store, ann, run.id or 0, []) is None
    rate_next(any_store, run, ben)
    theirs = ratings.list_ratings(any_store, ben, run.id or 0)[0].id
    assert take_back(any_store, ann, run.id or 0, [theirs]) is None
    assert len(ratings.list_ratings(any_store, ben, run.id or 0)) == 1


def test_two_raters_see_sides_and_orders_of_their_own(any_store: Store) -> None:
    run, _asked = a_rated_run(any_store, probes=30)
    rounds = [open_round(any_store, run.id or 0, visitor_named(any_store, name)) for name in ("Ann", "Ben")]
    first, second = ({due.pair: due.side for due in found.due} for found in rounds)
    assert first.keys() == second.keys()
    assert first != second
    assert list(first) != list(second)


def test_everyones_progress_counts_comparisons_and_people(any_store: Store) -> None:
    run, _asked = a_rated_run(any_store)
    ann, ben = visitor_named(any_store, "Ann"), visitor_named(any_store, "Ben")
    rate_next(any_store, run, ann)
    rate_next(any_store, run, ben)
    found = open_round(any_store, run.id or 0, ann)
    assert (found.rated, found.rated_by_anybody, found.ratings, found.raters) == (1, 2, 2, 2)


def test_a_vote_that_shows_no_answer_of_its_checkpoint_or_says_nothing_is_refused(any_store: Store) -> None:
    run, _asked = a_rated_run(any_store)
    ann = visitor_named(any_store, "Ann")
    found = open_round(any_store, run.id or 0, ann)
    due = found.due[0]
    with pytest.raises(InvalidInput, match="checkpoint"):
        cast_vote(any_store, ann, Vote(found.run_id, 10, due.pair, Choice.LEFT, {}))
    with pytest.raises(InvalidInput, match="nothing"):
        cast_vote(any_store, ann, vote(found, due, None))
    with pytest.raises(NotFound):
        cast_vote(any_store, ann, Vote(found.run_id, 20, (due.answer_id, 10**9), Choice.LEFT, {}))


def test_a_link_for_another_run_or_for_looking_cannot_rate(any_store: Store) -> None:
    run, _asked = a_rated_run(any_store)
    other = a_run(any_store)
    guest = a_rater(any_store, name="Gus")
    link = a_share_link(any_store, run=other)
    away = Visitor(LinkScope(link.id or 0, LinkRole.RATE, other.id, None), guest.id, "Gus")
    looking = Visitor(LinkScope(link.id or 0, LinkRole.VIEW, run.id, None), guest.id, "Gus")
    found = open_round(any_store, run.id or 0, visitor_named(any_store, "Ann"))
    with pytest.raises(NotFound):
        open_round(any_store, run.id or 0, away)
    with pytest.raises(NotFound):
        cast_vote(any_store, away, vote(found, found.due[0], Choice.LEFT))
    with pytest.raises(NotAllowed):
        open_round(any_store, run.id or 0, looking)


def test_a_run_without_answers_has_nothing_to_rate(any_store: Store) -> None:
    run = a_run(any_store)
    found = open_round(any_store, run.id or 0, visitor_named(any_store, "Ann"))
    assert (found.step, found.due, found.steps) == (None, (), ())
