"""Verdicts from stored ratings: whose ratings count for what, and who may see the numbers."""

from collections.abc import Sequence
from statistics import fmean, stdev

import pytest
from sqlalchemy import event

from beyondloss.analysis.verdicts import VerdictWord
from beyondloss.domain.access import OWNER, LinkScope, Visitor
from beyondloss.domain.ratings import LinkRole
from beyondloss.errors import NotFound
from beyondloss.services.verdicts import verdicts_by_step, verdicts_of
from beyondloss.store.engine import Store
from beyondloss.store.tables import Answer, Behaviour, Probe, Project, Run
from tests.factories import (
    a_behaviour,
    a_probe,
    a_project,
    a_quality_check,
    a_rater,
    a_rating,
    a_run,
    an_answer,
    checkpoints_of,
)

Pair = tuple[Answer, Answer]


def a_compared_run(
    store: Store, project: Project, behaviours: Sequence[Behaviour], *, changed: int, equal: int = 0
) -> tuple[Run, list[Pair]]:
    """A run with one checkpoint; `changed` of its answers differ from the base's. Gives the pairs that do."""
    run = a_run(store, project, steps=(10,))
    base, first = checkpoints_of(store, run)
    pairs = []
    for number in range(changed + equal):
        probe = a_probe(store, project, behaviours=behaviours)
        reference = an_answer(store, base, probe, text="as before")
        answer = an_answer(store, first, probe, text="anew" if number < changed else "as before")
        pairs.append((answer, reference))
    return run, pairs[:changed]


def test_the_net_win_is_over_probes_with_each_probes_ratings_averaged(any_store: Store) -> None:
    project = a_project(any_store)
    behaviour = a_behaviour(any_store, project)
    run, pairs = a_compared_run(any_store, project, [behaviour], changed=10, equal=2)
    raters = [a_rater(any_store) for _ in range(2)]
    said = [(1, 1), (1, 1), (1, 1), (1, 0), (1, 1), (1, 1), (0, 0), (1, 1), (-1, 1), (1, 1)]
    for pair, verdicts in zip(pairs, said, strict=True):
        for rater, verdict in zip(raters, verdicts, strict=True):
            a_rating(any_store, rater, *pair, verdict=verdict)
    [found] = verdicts_of(any_store, run.id, OWNER, step=10).behaviours
    means = [fmean(pair) for pair in said] + [0.0, 0.0]
    assert found.net_win == pytest.approx(fmean(means))
    half = 2.200985 * stdev(means) / 12**0.5  # t of 11 degrees of freedom, 97.5 %
    assert (found.low, found.high) == pytest.approx((fmean(means) - half, fmean(means) + half), abs=1e-5)
    assert (found.probes, found.decisive, found.ratings, found.raters) == (12, 8, 20, 2)


def test_of_an_overall_rating_and_one_for_the_behaviour_the_later_counts(store: Store) -> None:
    project = a_project(store)
    tone, facts = a_behaviour(store, project), a_behaviour(store, project)
    run, [pair] = a_compared_run(store, project, [tone, facts], changed=1)
    rater = a_rater(store)
    a_rating(store, rater, *pair, verdict=1, behaviour=tone, rated_at=100.0)
    a_rating(store, rater, *pair, verdict=-1, rated_at=200.0)
    a_rating(store, rater, *pair, verdict=0, behaviour=facts, rated_at=300.0)
    found = verdicts_of(store, run.id, OWNER, step=10)
    assert [one.net_win for one in found.behaviours] == [-1.0, 0.0]
    assert found.overall.net_win == -1.0
    assert found.overall.raters == 1


def test_what_was_undone_or_superseded_or_said_of_an_older_answer_does_not_count(store: Store) -> None:
    project = a_project(store)
    run, pairs = a_compared_run(store, project, [a_behaviour(store, project)], changed=2)
    rater = a_rater(store)
    later = a_rating(store, rater, *pairs[0], verdict=None)
    a_rating(store, rater, *pairs[0], verdict=1, superseded_by=later.id)
    [found] = verdicts_of(store, run.id, OWNER, step=10).behaviours
    assert (found.net_win, found.ratings) == (None, 0)


def test_a_run_whose_answers_never_changed_is_the_same_everywhere(store: Store) -> None:
    project = a_project(store)
    behaviours = [a_behaviour(store, project), a_behaviour(store, project)]
    run, _pairs = a_compared_run(store, project, behaviours, changed=0, equal=5)
    found = verdicts_of(store, run.id, OWNER, step=10)
    assert {one.verdict for one in (found.overall, *found.behaviours)} == {VerdictWord.SAME}


def test_the_base_against_itself_has_nothing_to_compare(store: Store) -> None:
    project = a_project(store)
    run, _pairs = a_compared_run(store, project, [a_behaviour(store, project)], changed=3)
    found = verdicts_of(store, run.id, OWNER, step=0)
    assert (found.against_step, found.compared) == (None, 0)
    assert found.behaviours[0].verdict is VerdictWord.NOT_ENOUGH
    with pytest.raises(NotFound):
        verdicts_of(store, run.id, OWNER, step=11)


def test_steps_are_judged_by_a_fixed_number_of_queries(store: Store) -> None:
    counts = []
    for steps in ((10,), (10, 20, 30, 40)):
        project = a_project(store)
        probes = [a_probe(store, project, behaviours=[a_behaviour(store, project)]) for _ in range(3)]
        run = a_run(store, project, steps=steps)
        base, *later = checkpoints_of(store, run)
        rater = a_rater(store)
        for probe in probes:
            reference = an_answer(store, base, probe, text="old")
            for checkpoint in later:
                a_rating(store, rater, an_answer(store, checkpoint, probe, text="new"), reference)
        queries: list[str] = []
        event.listen(store.engine, "before_cursor_execute", lambda *args, seen=queries: seen.append(args[2]))
        assert [one.step for one in verdicts_by_step(store, run.id, OWNER)] == list(steps)
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("base_verdicts", "word"),
    [
        ([], VerdictWord.NOT_ENOUGH),  # 0.2 ± 0.14: outside ±0.2
        ([1, -1, 0, 0, 0], VerdictWord.NOT_ENOUGH),  # too few probes to know the noise
        ([1, -1] * 3 + [0] * 22, VerdictWord.NOT_ENOUGH),  # noise of 0.18: the margin stays 0.2
        ([1, -1] * 7 + [0] * 14, VerdictWord.NOT_ENOUGH),  # noise of 0.28: the interval is not inside it
        ([1, -1] * 11 + [0] * 6, VerdictWord.SAME),  # noise of 0.35: within what raters see in base and base
        ([1, -1] * 4, VerdictWord.NOT_ENOUGH),  # noise of 0.9: same would mean nothing
    ],
)
def test_same_takes_a_margin_that_is_never_below_the_noise_of_base_against_base(
    store: Store, base_verdicts: list[int], word: VerdictWord
) -> None:
    project = a_project(store)
    behaviour = a_behaviour(store, project)
    run, pairs = a_compared_run(store, project, [behaviour], changed=50)
    raters = [a_rater(store) for _ in range(2)]
    for number, pair in enumerate(pairs):
        for rater in raters:
            a_rating(store, rater, *pair, verdict=1 if number < 14 else -1 if number < 18 else 0)
    base, _first = checkpoints_of(store, run)
    for verdict, (_answer, reference) in zip(base_verdicts, pairs, strict=False):
        with store.read() as session:
            probe = session.get_one(Probe, reference.probe_id)
            session.expunge_all()
        other = an_answer(store, base, probe, text="as before, said otherwise", sample_index=1)
        a_quality_check(store, raters[0], reference, other, verdict=verdict)
    found = verdicts_of(store, run.id, OWNER, step=10)
    noise = 0.0
    if len(base_verdicts) >= 6:
        t = {8: 2.364624, 28: 2.051831}[len(base_verdicts)]
        noise = t * stdev(base_verdicts) / len(base_verdicts) ** 0.5
    assert found.margin == pytest.approx(max(0.2, noise), abs=1e-5)
    assert found.behaviours[0].verdict is word
    assert found.behaviours[0].net_win == pytest.approx(0.2)


def test_a_guest_sees_what_ratings_support_but_not_what_one_person_said(store: Store) -> None:
    project = a_project(store)
    run, pairs = a_compared_run(store, project, [a_behaviour(store, project)], changed=9)
    guest = Visitor(link=LinkScope(link_id=1, role=LinkRole.RATE, run_id=run.id, project_id=None), rater_id=99)
    rater = a_rater(store)
    a_rating(store, rater, *pairs[0], verdict=-1)
    [hidden] = verdicts_of(store, run.id, guest, step=10).behaviours
    assert (hidden.verdict, hidden.net_win, hidden.low, hidden.high) == (VerdictWord.NOT_ENOUGH, None, None, None)
    assert verdicts_of(store, run.id, OWNER, step=10).behaviours[0].net_win == -1.0
    for pair in pairs[1:]:
        a_rating(store, rater, *pair, verdict=-1)
    [shown] = verdicts_of(store, run.id, guest, step=10).behaviours
    assert (shown.verdict, shown.net_win) == (VerdictWord.WORSE, -1.0)


def test_what_lies_outside_a_links_scope_is_not_there(store: Store) -> None:
    project = a_project(store)
    run, _pairs = a_compared_run(store, project, [a_behaviour(store, project)], changed=1)
    stranger = Visitor(link=LinkScope(link_id=1, role=LinkRole.VIEW, run_id=run.id + 1, project_id=None))
    with pytest.raises(NotFound):
        verdicts_of(store, run.id, stranger, step=10)
    with pytest.raises(NotFound):
        verdicts_by_step(store, run.id, stranger)
