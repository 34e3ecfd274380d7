"""Comparisons through the service: what is paired, counted and shown, on both databases."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import event

from beyondloss.analysis.diff import OpKind
from beyondloss.domain.access import LinkScope, Visitor
from beyondloss.domain.ratings import LinkRole, RatingDraft, Verdict
from beyondloss.domain.sampling import Sampling
from beyondloss.errors import InvalidInput, NotFound
from beyondloss.services import ratings
from beyondloss.services.comparisons import Comparison, compare, compare_one
from beyondloss.store.engine import Store
from beyondloss.store.tables import Answer, Checkpoint, Probe, Project, Run
from tests.factories import a_behaviour, a_checkpoint, a_probe, a_project, a_run, a_sampling, an_answer, checkpoints_of
from tests.factories.answers import a_provenance


@dataclass(frozen=True)
class Scene:
    """Base and checkpoints at 10 and 20, three probes; the base answered all, step 10 two, step 20 all."""

    store: Store
    project: Project
    run: Run
    probes: tuple[Probe, ...]
    owner: Visitor

    @property
    def checkpoints(self) -> Sequence[Checkpoint]:
        return checkpoints_of(self.store, self.run)

    def answer(self, step: int, probe: int, text: str, **fields: object) -> Answer:
        checkpoint = next(row for row in self.checkpoints if row.step == step)
        return an_answer(self.store, checkpoint, self.probes[probe], text=text, **fields)

    def texts(self, step: int, against: str, visitor: Visitor | None = None) -> list[tuple[str | None, str | None]]:
        found = compare(self.store, self.run.id or 0, visitor or self.owner, step=step, against=against)
        return [
            (one.answer.text if one.answer else None, one.reference.text if one.reference else None)
            for one in found.comparisons
        ]


@pytest.fixture
def scene(any_store: Store) -> Scene:
    project = a_project(any_store)
    run = a_run(any_store, project, steps=(10, 20))
    probes = tuple(a_probe(any_store, project, key=key, position=index) for index, key in enumerate("abc"))
    owner = ratings.ensure_owner(any_store, "kim")
    scene = Scene(any_store, project, run, probes, Visitor(rater_id=owner.id, rater_name="kim"))
    for probe, text in enumerate(("one", "two", "three")):
        scene.answer(0, probe, text)
        scene.answer(20, probe, f"{text} more" if probe else text)
    for probe, text in enumerate(("one", "two")):
        scene.answer(10, probe, text)
    return scene


def test_a_checkpoint_is_compared_with_the_base_in_the_order_of_the_probes(scene: Scene):
    assert scene.texts(20, "base") == [("one", "one"), ("two more", "two"), ("three more", "three")]


def test_what_is_missing_is_shown_as_missing(scene: Scene):
    found = compare(scene.store, scene.run.id, scene.owner, step=10)

    assert scene.texts(10, "base") == [("one", "one"), ("two", "two"), (None, "three")]
    assert [one.changed for one in found.comparisons] == [False, False, None]
    assert (found.missing, found.changed, found.unchanged, found.unrated) == (1, 0, 2, 0)


def test_previous_is_the_nearest_earlier_step_that_has_answers(scene: Scene):
    a_checkpoint(scene.store, scene.run, step=15)

    assert compare(scene.store, scene.run.id, scene.owner, step=20, against="previous").against_step == 10
    assert scene.texts(20, "previous") == [("one", "one"), ("two more", "two"), ("three more", None)]
    assert compare(scene.store, scene.run.id, scene.owner, step=10, against="previous").against_step == 0


def test_previous_falls_back_to_the_nearest_that_is_present(scene: Scene):
    run = a_run(scene.store, scene.project, steps=(10, 20))
    a_checkpoint(scene.store, run, step=15, state="gone")

    assert compare(scene.store, run.id, scene.owner, step=20, against="previous").against_step == 10


def test_any_step_may_be_the_reference(scene: Scene):
    found = compare(scene.store, scene.run.id, scene.owner, step=10, against="20")

    assert (found.against_step, found.changed) == (20, 1)


def test_a_step_is_never_compared_with_itself(scene: Scene):
    for step, against in ((0, "base"), (0, "previous"), (20, "20")):
        found = compare(scene.store, scene.run.id, scene.owner, step=step, against=against)

        assert found.against_step is None
        assert [one.reference for one in found.comparisons] == [None, None, None]
        assert found.missing == 0


@pytest.mark.parametrize("against", ["15", "999999999999999999999", "0x10"])
def test_a_reference_that_is_not_there_is_refused(scene: Scene, against: str):
    with pytest.raises((NotFound, InvalidInput)):
        compare(scene.store, scene.run.id, scene.owner, step=10, against=against)


def test_steps_runs_and_samplings_that_are_not_there_are_not_found(scene: Scene):
    with pytest.raises(NotFound):
        compare(scene.store, scene.run.id, scene.owner, step=15)
    with pytest.raises(NotFound):
        compare(scene.store, 999_999, scene.owner, step=10)
    with pytest.raises(NotFound):
        compare(scene.store, scene.run.id, scene.owner, step=10, sampling="nonsense\ud800")
    with pytest.raises(InvalidInput):
        compare(scene.store, scene.run.id, scene.owner, step=10, against="yesterday")


def test_a_guest_of_another_run_finds_nothing(scene: Scene):
    stranger = Visitor(link=LinkScope(1, LinkRole.VIEW, run_id=scene.run.id + 1, project_id=None))

    with pytest.raises(NotFound):
        compare(scene.store, scene.run.id, stranger, step=10)
    base = scene.answer(0, 0, "again", fingerprint="other")
    with pytest.raises(NotFound):
        compare_one(scene.store, stranger, answer_id=base.id, reference_id=base.id)


def test_the_diff_goes_from_the_reference_to_the_answer(scene: Scene):
    second = compare(scene.store, scene.run.id, scene.owner, step=20).comparisons[1]

    assert [(op.kind, op.old, op.new) for op in second.ops] == [
        (OpKind.EQUAL, "two", "two"),
        (OpKind.INSERT, "", " more"),
    ]


def test_only_changed_comparisons_wait_for_a_rating(scene: Scene):
    before = compare(scene.store, scene.run.id, scene.owner, step=20)
    rated = before.comparisons[1]
    made = ratings.record_rating(scene.store, scene.owner, draft_of(rated))

    after = compare(scene.store, scene.run.id, scene.owner, step=20)

    assert (before.changed, before.unchanged, before.unrated, after.unrated) == (2, 1, 2, 1)
    assert after.comparisons[1].my_ratings == (made,)
    assert compare(scene.store, scene.run.id, replace(scene.owner, rater_id=None), step=20).unrated == 2


def draft_of(one: Comparison, verdict: Verdict = Verdict.MORE, **fields: object) -> RatingDraft:
    assert one.answer
    assert one.reference
    return replace(RatingDraft(one.answer.id, one.reference.id, verdict), **fields)


def test_a_rating_against_the_base_says_nothing_of_the_previous_step(scene: Scene):
    rated = compare(scene.store, scene.run.id, scene.owner, step=20).comparisons[1]
    ratings.record_rating(scene.store, scene.owner, draft_of(rated))

    assert compare(scene.store, scene.run.id, scene.owner, step=20, against="previous").comparisons[1].my_ratings == ()


def test_a_later_overall_rating_covers_what_was_said_of_single_behaviours(any_store: Store):
    project = a_project(any_store)
    behaviour = a_behaviour(any_store, project)
    probe = a_probe(any_store, project, behaviours=[behaviour])
    run = a_run(any_store, project, steps=(10,))
    base, checkpoint = checkpoints_of(any_store, run)
    answer, reference = an_answer(any_store, checkpoint, probe, text="x"), an_answer(any_store, base, probe, text="y")
    owner = Visitor(rater_id=ratings.ensure_owner(any_store, "kim").id)

    def seen() -> list[tuple[int | None, Verdict]]:
        one = compare_one(any_store, owner, answer_id=answer.id, reference_id=reference.id)
        return [(rating.behaviour_id, rating.verdict) for rating in one.my_ratings]

    draft = RatingDraft(answer.id, reference.id, Verdict.SAME)
    ratings.record_rating(any_store, owner, draft)
    ratings.record_rating(any_store, owner, replace(draft, verdict=Verdict.MORE, behaviour_id=behaviour.id))
    assert seen() == [(None, Verdict.SAME), (behaviour.id, Verdict.MORE)]
    ratings.record_rating(any_store, owner, replace(draft, verdict=Verdict.LESS))
    assert seen() == [(None, Verdict.LESS)]
    ratings.undo_last(any_store, owner, run.id)
    assert seen() == [(behaviour.id, Verdict.MORE), (None, Verdict.SAME)]


def test_where_answers_part_is_told_and_whether_it_is_arithmetic(scene: Scene):
    probe = a_probe(scene.store, scene.project, key="d", position=9)
    base, _, checkpoint = scene.checkpoints
    an_answer(scene.store, base, probe, text="789", token_ids=[7, 8, 9], margins=[4.0, 0.0004, 4.0, 4.0])
    an_answer(scene.store, checkpoint, probe, text="75", token_ids=[7, 5], margins=[4.0, 0.0003, 4.0])

    found = compare(scene.store, scene.run.id, scene.owner, step=20).comparisons

    assert (found[3].first_divergence, found[3].numerical_tie) == (1, True)
    assert (found[1].first_divergence, found[1].numerical_tie) == (3, False)
    assert (found[0].first_divergence, found[0].numerical_tie) == (None, False)


def test_every_sample_is_a_comparison_of_its_own(scene: Scene):
    sampling = a_sampling(scene.store, Sampling(temperature=1.0, samples=2, noise_key="k"))
    for step in (0, 20):
        for index in range(2):
            scene.answer(step, 0, f"{step}/{index}", sampling=sampling, sample_index=index)

    found = compare(scene.store, scene.run.id, scene.owner, step=20, sampling=sampling.key)

    assert [one.answer and one.answer.text for one in found.comparisons] == ["20/0", "20/1", None, None, None, None]
    assert [one.sample_index for one in found.comparisons] == [0, 1, 0, 1, 0, 1]
    assert (found.sampling_key, found.changed, found.missing) == (sampling.key, 2, 4)


def test_answers_of_other_weights_are_not_compared(scene: Scene):
    scene.answer(10, 2, "of the weights before", fingerprint="before")

    assert scene.texts(10, "base")[2] == (None, "three")


def test_two_answers_can_be_compared_by_their_ids_even_old_ones(scene: Scene):
    old = scene.answer(20, 0, "one, before", fingerprint="before", provenance=a_provenance("before"))
    reference = compare(scene.store, scene.run.id, scene.owner, step=20).comparisons[0].reference
    assert reference

    found = compare_one(scene.store, scene.owner, answer_id=old.id, reference_id=reference.id)

    assert (found.changed, found.probe.key) == (True, "a")
    with pytest.raises(InvalidInput):
        other = compare(scene.store, scene.run.id, scene.owner, step=20).comparisons[1].answer
        compare_one(scene.store, scene.owner, answer_id=other.id if other else 0, reference_id=reference.id)
    with pytest.raises(NotFound):
        compare_one(scene.store, scene.owner, answer_id=old.id, reference_id=999_999)


def test_a_run_that_nothing_was_asked_of_shows_its_probes_with_everything_missing(any_store: Store):
    project = a_project(any_store)
    a_probe(any_store, project)
    run = a_run(any_store, project)

    found = compare(any_store, run.id, Visitor(), step=10)

    assert (found.against_step, found.missing, found.sampling_key) == (0, 1, Sampling().key)


def queries_of(store: Store, run: Run) -> int:
    statements: list[str] = []
    record = lambda *args: statements.append(args[2])  # noqa: E731
    event.listen(store.engine, "before_cursor_execute", record)
    compare(store, run.id or 0, Visitor(rater_id=1), step=20)
    event.remove(store.engine, "before_cursor_execute", record)
    return len(statements)


def test_the_number_of_queries_does_not_grow_with_the_run(scene: Scene):
    before = queries_of(scene.store, scene.run)
    for index in range(10):
        a_checkpoint(scene.store, scene.run, step=100 + index)
        probe = a_probe(scene.store, scene.project, position=20 + index)
        for checkpoint in scene.checkpoints:
            an_answer(scene.store, checkpoint, probe, text=f"{checkpoint.step}")

    assert queries_of(scene.store, scene.run) == before <= 14


def test_a_checkpoint_is_compared_with_one_of_another_run_and_rated(scene: Scene) -> None:
    other = a_run(scene.store, scene.project, name="other", steps=(30,))
    theirs = an_answer(scene.store, checkpoints_of(scene.store, other)[1], scene.probes[1], text="zwei")
    found = compare(scene.store, scene.run.id or 0, scene.owner, step=20, against="other@30")
    assert (found.against_run_id, found.against_run, found.against_step) == (other.id, "other", 30)
    assert [one.reference.text if one.reference else None for one in found.comparisons] == [None, "zwei", None]
    pair = found.comparisons[1]
    assert pair.answer
    draft = RatingDraft(answer_id=pair.answer.id, reference_id=theirs.id or 0, verdict=Verdict.LESS)
    ratings.record_rating(scene.store, scene.owner, draft)
    again = compare(scene.store, scene.run.id or 0, scene.owner, step=20, against="other@30")
    assert [rating.verdict for rating in again.comparisons[1].my_ratings] == [Verdict.LESS]


def test_another_run_must_be_there_in_the_same_project_and_in_the_links_scope(scene: Scene) -> None:
    sibling = a_run(scene.store, scene.project, name="sibling", steps=(30,))
    a_run(scene.store, a_project(scene.store), name="stranger", steps=(30,))
    guest = Visitor(link=LinkScope(link_id=1, role=LinkRole.VIEW, run_id=scene.run.id, project_id=None))
    for against, visitor, error in (
        ("nobody@30", scene.owner, NotFound),
        ("sibling@31", scene.owner, NotFound),
        ("sibling@x", scene.owner, InvalidInput),
        ("stranger@30", scene.owner, InvalidInput),
        (f"{sibling.id}@30", guest, NotFound),
    ):
        with pytest.raises(error):
            compare(scene.store, scene.run.id or 0, visitor, step=20, against=against)
