"""Ratings through the services, on both databases: an append-only log with one rating in force per judgement."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest
from sqlmodel import func, select

from beyondloss.domain.access import LinkScope, Visitor
from beyondloss.domain.ratings import LinkRole, RatingDraft, Side, Verdict
from beyondloss.errors import Conflict, InvalidInput, NotAllowed, NotFound
from beyondloss.services import ratings
from beyondloss.store.engine import Store
from beyondloss.store.tables import Answer, Behaviour, Probe, Project, Rater, Rating, Run, ShareLink
from tests.factories import (
    a_behaviour,
    a_probe,
    a_project,
    a_rater,
    a_run,
    a_share_link,
    an_answer,
    checkpoints_of,
)


@dataclass(frozen=True)
class Scene:
    """One run with a base and a checkpoint that both answered one probe, and the owner of the store."""

    store: Store
    project: Project
    run: Run
    probe: Probe
    behaviour: Behaviour
    answer: Answer
    reference: Answer
    owner: Visitor

    def draft(self, verdict: Verdict = Verdict.MORE, **fields: object) -> RatingDraft:
        return replace(RatingDraft(self.answer.id or 0, self.reference.id or 0, verdict), **fields)

    def guest(self, *, role: LinkRole = LinkRole.RATE, run: Run | None = None, name: str = "Ann") -> Visitor:
        run = run or self.run
        link = a_share_link(self.store, run=run, role=role.value, token=f"{role}{run.id}{name}")
        scope = LinkScope(link_id=link.id or 0, role=role, run_id=run.id, project_id=None)
        return Visitor(link=scope, rater_id=a_rater(self.store, name=name, link=link).id, rater_name=name)

    def in_force(self) -> list[tuple[Verdict, str]]:
        found = ratings.list_ratings(self.store, self.owner, self.run.id or 0)
        return [(rating.verdict, rating.rater) for rating in found]

    def rows(self) -> int:
        with self.store.read() as session:
            return session.exec(select(func.count()).select_from(Rating)).one()

    def revision(self) -> int:
        with self.store.read() as session:
            return session.get_one(Run, self.run.id).revision


@pytest.fixture
def scene(any_store: Store) -> Scene:
    project = a_project(any_store)
    behaviour = a_behaviour(any_store, project)
    probe = a_probe(any_store, project, behaviours=[behaviour])
    run = a_run(any_store, project, steps=(10,))
    base, checkpoint = checkpoints_of(any_store, run)
    owner = ratings.ensure_owner(any_store, "kim")
    return Scene(
        store=any_store,
        project=project,
        run=run,
        probe=probe,
        behaviour=behaviour,
        answer=an_answer(any_store, checkpoint, probe, text="Paris, of course."),
        reference=an_answer(any_store, base, probe, text="Paris."),
        owner=Visitor(rater_id=owner.id, rater_name=owner.name),
    )


def test_a_rating_is_stored_with_everything_that_was_sent(scene: Scene):
    draft = scene.draft(
        Verdict.LESS,
        behaviour_id=scene.behaviour.id,
        both_bad=True,
        comment="  too\x00 long ",
        blind=True,
        side=Side.RIGHT,
        shown_at=12.5,
    )

    made = ratings.record_rating(scene.store, scene.owner, draft)

    assert ratings.list_ratings(scene.store, scene.owner, scene.run.id) == [made]
    assert (made.verdict, made.both_bad, made.comment) == (Verdict.LESS, True, "too\N{REPLACEMENT CHARACTER} long")
    assert (made.blind, made.side, made.shown_at, made.behaviour_id) == (True, Side.RIGHT, 12.5, scene.behaviour.id)
    assert (made.rater, made.run_id) == ("kim", scene.run.id)


def test_rating_again_supersedes_and_keeps_the_earlier_row(scene: Scene):
    ratings.record_rating(scene.store, scene.owner, scene.draft(Verdict.MORE))
    ratings.record_rating(scene.store, scene.owner, scene.draft(Verdict.LESS))

    assert scene.in_force() == [(Verdict.LESS, "kim")]
    assert scene.rows() == 2


def test_a_double_press_is_one_rating(scene: Scene):
    first = ratings.record_rating(scene.store, scene.owner, scene.draft())
    second = ratings.record_rating(scene.store, scene.owner, scene.draft())

    assert first == second
    assert scene.rows() == 1


def test_a_comment_added_later_is_the_same_judgement_in_new_words(scene: Scene):
    ratings.record_rating(scene.store, scene.owner, scene.draft())
    changed = ratings.record_rating(scene.store, scene.owner, scene.draft(comment="asks first"))

    assert changed.comment == "asks first"
    assert len(scene.in_force()) == 1


def test_ratings_of_different_behaviours_stand_side_by_side(scene: Scene):
    ratings.record_rating(scene.store, scene.owner, scene.draft(Verdict.SAME))
    ratings.record_rating(scene.store, scene.owner, scene.draft(Verdict.MORE, behaviour_id=scene.behaviour.id))

    assert scene.in_force() == [(Verdict.SAME, "kim"), (Verdict.MORE, "kim")]


def test_undoing_brings_back_what_was_there_before_step_by_step(scene: Scene):
    for verdict in (Verdict.MORE, Verdict.SAME, Verdict.LESS):
        ratings.record_rating(scene.store, scene.owner, scene.draft(verdict))

    seen = []
    while undone := ratings.undo_last(scene.store, scene.owner, scene.run.id):
        seen.append((undone[0].verdict, undone[1].verdict if undone[1] else None))

    assert seen == [(Verdict.LESS, Verdict.SAME), (Verdict.SAME, Verdict.MORE), (Verdict.MORE, None)]
    assert scene.in_force() == []
    assert scene.rows() == 6, "nothing is ever deleted or changed: three ratings, three undos"


def test_a_rating_after_an_undo_does_not_bring_the_undone_one_back(scene: Scene):
    first = ratings.record_rating(scene.store, scene.owner, scene.draft(Verdict.MORE))
    assert ratings.undo_rating(scene.store, scene.owner, first.id) is None
    second = ratings.record_rating(scene.store, scene.owner, scene.draft(Verdict.LESS))

    assert ratings.undo_rating(scene.store, scene.owner, second.id) is None


def test_undo_last_takes_the_newest_of_several_comparisons(scene: Scene):
    other = a_probe(scene.store, scene.project)
    base, checkpoint = checkpoints_of(scene.store, scene.run)
    answer, reference = (an_answer(scene.store, place, other) for place in (checkpoint, base))
    ratings.record_rating(scene.store, scene.owner, scene.draft(Verdict.MORE))
    ratings.record_rating(scene.store, scene.owner, scene.draft(Verdict.LESS))
    ratings.record_rating(scene.store, scene.owner, RatingDraft(answer.id, reference.id, Verdict.SAME))

    undone = [ratings.undo_last(scene.store, scene.owner, scene.run.id) for _ in range(4)]

    assert [pair and pair[0].verdict for pair in undone] == [Verdict.SAME, Verdict.LESS, Verdict.MORE, None]


def test_an_undone_rating_cannot_be_undone_twice(scene: Scene):
    made = ratings.record_rating(scene.store, scene.owner, scene.draft())
    ratings.undo_rating(scene.store, scene.owner, made.id)

    with pytest.raises(Conflict):
        ratings.undo_rating(scene.store, scene.owner, made.id)


def test_every_write_is_news_for_the_pages_of_the_run(scene: Scene):
    revisions = [scene.revision()]
    made = ratings.record_rating(scene.store, scene.owner, scene.draft())
    revisions.append(scene.revision())
    ratings.undo_rating(scene.store, scene.owner, made.id)
    revisions.append(scene.revision())

    assert revisions == sorted(set(revisions))


def test_nobody_undoes_the_rating_of_somebody_else(scene: Scene):
    guest = scene.guest()
    theirs = ratings.record_rating(scene.store, guest, scene.draft())
    mine = ratings.record_rating(scene.store, scene.owner, scene.draft())

    with pytest.raises(NotAllowed):
        ratings.undo_rating(scene.store, scene.owner, theirs.id)
    with pytest.raises(NotFound):
        ratings.undo_rating(scene.store, guest, mine.id)
    with pytest.raises(NotFound):
        ratings.undo_rating(scene.store, guest, 999_999)


def test_a_guest_sees_only_their_own_ratings_and_the_owner_everybodys(scene: Scene):
    guest = scene.guest()
    ratings.record_rating(scene.store, scene.owner, scene.draft(Verdict.MORE))
    ratings.record_rating(scene.store, guest, scene.draft(Verdict.LESS))

    assert [one.rater for one in ratings.list_ratings(scene.store, guest, scene.run.id)] == ["Ann"]
    assert [one.rater for one in ratings.list_ratings(scene.store, scene.owner, scene.run.id)] == ["kim", "Ann"]
    assert [one.rater for one in ratings.list_ratings(scene.store, scene.owner, scene.run.id, mine=True)] == ["kim"]


def test_ratings_come_in_pages(scene: Scene):
    for name in ("Ann", "Bo", "Cy"):
        ratings.record_rating(scene.store, scene.guest(name=name), scene.draft())

    first = ratings.list_ratings(scene.store, scene.owner, scene.run.id, limit=2)
    rest = ratings.list_ratings(scene.store, scene.owner, scene.run.id, after=first[-1].id, limit=2)

    assert [one.rater for one in [*first, *rest]] == ["Ann", "Bo", "Cy"]


def test_a_view_only_link_cannot_rate_and_a_nameless_visitor_neither(scene: Scene):
    with pytest.raises(NotAllowed):
        ratings.record_rating(scene.store, scene.guest(role=LinkRole.VIEW), scene.draft())
    with pytest.raises(NotAllowed, match="who is rating"):
        ratings.record_rating(scene.store, replace(scene.guest(), rater_id=None), scene.draft())
    assert scene.rows() == 0


def test_a_guest_of_another_run_is_told_that_there_is_no_such_answer(scene: Scene):
    stranger = scene.guest(run=a_run(scene.store, scene.project))

    with pytest.raises(NotFound):
        ratings.record_rating(scene.store, stranger, scene.draft())
    with pytest.raises(NotFound):
        ratings.list_ratings(scene.store, stranger, scene.run.id)
    with pytest.raises(NotFound):
        ratings.undo_last(scene.store, stranger, scene.run.id)


def test_a_guest_of_one_run_cannot_rate_against_an_answer_of_another(scene: Scene):
    base, *_ = checkpoints_of(scene.store, a_run(scene.store, scene.project))
    elsewhere = an_answer(scene.store, base, scene.probe)
    draft = scene.draft(reference_id=elsewhere.id)

    with pytest.raises(NotFound):
        ratings.record_rating(scene.store, scene.guest(), draft)
    assert ratings.record_rating(scene.store, scene.owner, draft).reference_id == elsewhere.id


def test_what_is_no_comparison_is_refused(scene: Scene):
    base, _ = checkpoints_of(scene.store, scene.run)
    other = an_answer(scene.store, base, a_probe(scene.store, scene.project))
    unexamined = a_behaviour(scene.store, scene.project)

    for wrong in (
        scene.draft(reference_id=scene.answer.id),
        scene.draft(reference_id=other.id),
        scene.draft(behaviour_id=unexamined.id),
        scene.draft(shown_at=float("nan")),
        scene.draft(comment="x" * 10_001),
    ):
        with pytest.raises(InvalidInput):
            ratings.record_rating(scene.store, scene.owner, wrong)
    with pytest.raises(NotFound):
        ratings.record_rating(scene.store, scene.owner, scene.draft(reference_id=999_999))
    assert scene.rows() == 0


def test_ten_tabs_that_rate_at_once_leave_one_rating_in_force(scene: Scene):
    verdicts = [Verdict(index % 3 - 1) for index in range(10)]

    with ThreadPoolExecutor(5) as pool:
        made = list(
            pool.map(
                lambda pair: ratings.record_rating(
                    scene.store, scene.owner, scene.draft(pair[1], comment=f"tab {pair[0]}")
                ),
                enumerate(verdicts),
            )
        )

    assert len({one.id for one in made}) == 10
    assert len(scene.in_force()) == 1
    with scene.store.read() as session:
        chain = session.exec(select(Rating).order_by(Rating.id)).all()
        assert [row.superseded_by for row in chain] == [*(row.id for row in chain[1:]), None]


def test_the_owner_is_one_person_whoever_asks_first(any_store: Store):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda name: ratings.ensure_owner(any_store, name), ["kim", "root", "kim", "lee"]))

    assert len({one.id for one in found}) == 1
    assert found[0].is_owner


def test_the_same_name_through_the_same_link_is_the_same_rater(any_store: Store):
    link: ShareLink = a_share_link(any_store, run=a_run(any_store))
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(
                lambda name: ratings.ensure_rater(any_store, name=name, share_link_id=link.id), ["Ann", " Ann\n"] * 4
            )
        )
    phone = ratings.ensure_rater(any_store, name="ann", share_link_id=link.id)
    other = ratings.ensure_rater(any_store, name="Bo", share_link_id=link.id)

    assert {one.id for one in found} == {phone.id}
    assert phone.name == "Ann"
    assert other.id != phone.id


@pytest.mark.parametrize("name", ["", " \n", "\u200b\u202e", "x" * 81])
def test_a_name_must_be_readable(any_store: Store, name: str):
    link = a_share_link(any_store, run=a_run(any_store))

    with pytest.raises(InvalidInput):
        ratings.ensure_rater(any_store, name=name, share_link_id=link.id)


def test_a_name_in_chinese_or_with_marks_is_kept(any_store: Store):
    link = a_share_link(any_store, run=a_run(any_store))

    assert ratings.ensure_rater(any_store, name="王小明", share_link_id=link.id).name == "王小明"
    assert ratings.ensure_rater(any_store, name="Zoe\u0308", share_link_id=link.id).name == "Zoë"


def test_a_rater_is_found_with_the_number_of_ratings_in_force(scene: Scene):
    ratings.record_rating(scene.store, scene.owner, scene.draft(Verdict.MORE))
    ratings.record_rating(scene.store, scene.owner, scene.draft(Verdict.LESS))

    found = ratings.find_rater(scene.store, scene.owner.rater_id or 0)

    assert found is not None
    assert (found.name, found.ratings, found.is_owner) == ("kim", 1, True)
    assert ratings.find_rater(scene.store, 999_999) is None


def test_a_name_for_a_link_that_is_gone_is_refused(any_store: Store):
    with pytest.raises(NotFound):
        ratings.ensure_rater(any_store, name="Ann", share_link_id=999_999)
    with any_store.read() as session:
        assert session.exec(select(Rater)).all() == []
