"""Quality checks in rounds: when they come, what they tell, and that no verdict ever counts them."""

import pytest

from beyondloss.domain.access import OWNER, LinkScope, Visitor
from beyondloss.domain.ratings import CheckKind, LinkRole
from beyondloss.domain.sampling import Sampling
from beyondloss.errors import InvalidInput, NotAllowed
from beyondloss.services.agreement import agreement_of
from beyondloss.services.checks import check_settings, own_check, switch_checks
from beyondloss.services.ratings import list_ratings
from beyondloss.services.rounds import DuePair, RatingRound, open_round
from beyondloss.services.verdicts import verdicts_of
from beyondloss.services.votes import Cast, Choice, Vote, cast_vote, take_back
from beyondloss.store.engine import Store
from beyondloss.store.tables import Run
from tests.factories import (
    a_behaviour,
    a_probe,
    a_project,
    a_rater,
    a_run,
    a_sampling,
    an_answer,
    checkpoints_of,
)

COMPARISONS = 20


def a_sampled_run(store: Store, *, samples: int = 2) -> Run:
    """Every answer of the checkpoint differs from the base's. With two samples the base says two different things,
    but for its first probe."""
    sampling = a_sampling(store, Sampling(temperature=0.8, samples=samples) if samples > 1 else Sampling())
    project = a_project(store, sampling_id=sampling.id)
    run = a_run(store, project, steps=(10,))
    base, first = checkpoints_of(store, run)
    behaviour = a_behaviour(store, project)
    for number in range(COMPARISONS // samples):
        probe = a_probe(store, project, behaviours=[behaviour])
        for index in range(samples):
            said = "the same twice" if number == 0 else f"base {index}"
            an_answer(store, base, probe, text=said, sampling=sampling, sample_index=index)
            an_answer(store, first, probe, text=f"trained {index}", sampling=sampling, sample_index=index)
    return run


def someone(store: Store, name: str) -> Visitor:
    return Visitor(rater_id=a_rater(store, name=name).id, rater_name=name)


def vote_for_the_checkpoint(store: Store, who: Visitor, found: RatingRound, due: DuePair, *, choice: str = "") -> Cast:
    again = due.check is CheckKind.REPEAT
    chosen = Choice(choice or due.side.value)
    return cast_vote(store, who, Vote(found.run_id, found.step or 0, due.pair, chosen, {}, again=again))


def rate_everything(store: Store, run: Run, who: Visitor) -> list[DuePair]:
    """For the checkpoint whenever it is compared, as the page would ask; gives what was asked, in order."""
    asked = []
    while (found := open_round(store, run.id or 0, who)).due:
        vote_for_the_checkpoint(store, who, found, found.due[0])
        asked.append(found.due[0])
    return asked


def test_nobody_is_asked_a_quality_check_until_the_owner_wants_them(any_store: Store) -> None:
    run = a_sampled_run(any_store)
    asked = rate_everything(any_store, run, someone(any_store, "Ann"))
    assert len(asked) == COMPARISONS
    assert {due.check for due in asked} == {None}
    guest = Visitor(LinkScope(1, LinkRole.RATE, run.id, None), 99, "Gus")
    with pytest.raises(NotAllowed):
        switch_checks(any_store, guest, run.id or 0, on=True)
    assert check_settings(any_store, OWNER, run.id or 0).on is False


def test_one_in_ten_comes_again_with_sides_swapped_and_one_in_twenty_is_the_base_with_itself(any_store: Store) -> None:
    run = a_sampled_run(any_store)
    switch_checks(any_store, OWNER, run.id or 0, on=True)
    ann = someone(any_store, "Ann")
    asked = rate_everything(any_store, run, ann)
    repeats = [due for due in asked if due.check is CheckKind.REPEAT]
    bases = [due for due in asked if due.check is CheckKind.BASE]
    assert (len(asked), len(repeats), len(bases)) == (COMPARISONS + 3, 2, 1)
    for repeat in repeats:
        first = next(due for due in asked if due.pair == repeat.pair)
        assert first.side is not repeat.side
        between = [due for due in asked[asked.index(first) + 1 : asked.index(repeat)] if due.check is None]
        assert len(between) >= 5 or asked.index(repeat) >= COMPARISONS
    found = open_round(any_store, run.id or 0, ann)
    assert (found.checks.asked, found.checks.done, found.rated) == (3, 3, COMPARISONS)


def test_no_verdict_and_no_list_of_ratings_counts_a_quality_check(any_store: Store) -> None:
    run = a_sampled_run(any_store)
    ann = someone(any_store, "Ann")
    rate_everything(any_store, run, ann)
    before = verdicts_of(any_store, run.id or 0, OWNER, step=10)
    switch_checks(any_store, OWNER, run.id or 0, on=True)
    found = open_round(any_store, run.id or 0, ann)
    assert len(found.due) == 3
    for due in found.due:  # this time for the other side, whatever it is
        other = "right" if due.side == "left" else "left"
        assert vote_for_the_checkpoint(any_store, ann, found, due, choice=other).ratings == ()
    assert verdicts_of(any_store, run.id or 0, OWNER, step=10) == before
    assert len(list_ratings(any_store, OWNER, run.id or 0)) == COMPARISONS
    [row] = agreement_of(any_store, run.id or 0, OWNER).raters
    assert (row.comparisons, row.steady.count, row.steady.total) == (COMPARISONS, 0, 2)


def test_who_says_the_same_again_is_steady_and_a_check_can_be_taken_back(any_store: Store) -> None:
    run = a_sampled_run(any_store)
    switch_checks(any_store, OWNER, run.id or 0, on=True)
    ann, ben = someone(any_store, "Ann"), someone(any_store, "Ben")
    rate_everything(any_store, run, ann)
    [row] = agreement_of(any_store, run.id or 0, OWNER).raters
    assert (row.steady.count, row.steady.total, row.steady.value) == (2, 2, 1.0)
    for due in open_round(any_store, run.id or 0, ben).due:
        vote_for_the_checkpoint(any_store, ben, open_round(any_store, run.id or 0, ben), due)
    found = open_round(any_store, run.id or 0, ben)
    check = vote_for_the_checkpoint(any_store, ben, found, found.due[0]).check
    assert check is not None
    assert own_check(any_store, ann, check.id) is None
    assert take_back(any_store, ann, run.id or 0, [], check_id=check.id) is None
    undone = take_back(any_store, ben, run.id or 0, [], check_id=check.id)
    assert undone is not None
    assert (undone.answer_id, undone.reference_id) == found.due[0].pair
    assert open_round(any_store, run.id or 0, ben).due == found.due


def test_a_greedy_base_has_nothing_to_set_against_itself(store: Store) -> None:
    run = a_sampled_run(store, samples=1)
    switch_checks(store, OWNER, run.id or 0, on=True)
    asked = rate_everything(store, run, someone(store, "Ann"))
    assert [due.check for due in asked].count(CheckKind.REPEAT) == 2
    assert CheckKind.BASE not in {due.check for due in asked}
    assert check_settings(store, OWNER, run.id or 0).base_pairs == 0


def test_what_a_rater_prefers_among_the_bases_own_answers_is_the_noise(store: Store) -> None:
    run = a_sampled_run(store)
    switch_checks(store, OWNER, run.id or 0, on=True)
    for number in range(20):
        rate_everything(store, run, someone(store, f"rater {number}"))
    noise = agreement_of(store, run.id or 0, OWNER).noise
    assert 6 <= noise.probes <= COMPARISONS // 2 - 1  # one probe's two answers are equal: never asked
    assert noise.net_win is not None
    assert noise.margin == max(0.2, (noise.net_win.high - noise.net_win.low) / 2)


def test_a_repeat_of_what_was_never_rated_is_refused(store: Store) -> None:
    run = a_sampled_run(store)
    ann = someone(store, "Ann")
    found = open_round(store, run.id or 0, ann)
    with pytest.raises(InvalidInput, match="never rated"):
        cast_vote(store, ann, Vote(found.run_id, 10, found.due[0].pair, Choice.LEFT, {}, again=True))
