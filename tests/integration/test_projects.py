"""Projects, behaviours and probes through the services, on both databases."""

from dataclasses import replace

import pytest
from sqlmodel import select

from beyondloss.domain.access import OWNER, LinkScope, Visitor
from beyondloss.domain.probes import BehaviourSpec, Family, Message, MessageRole, ProbeFile, ProbeSpec
from beyondloss.domain.ratings import LinkRole
from beyondloss.errors import Conflict, InvalidInput, NotFound
from beyondloss.services import projects
from beyondloss.services.projects import ProbeView
from beyondloss.store.engine import Store
from beyondloss.store.tables import Answer, Job, Probe, Project, Run
from tests.factories.answers import an_answer
from tests.factories.runs import a_run, checkpoints_of


def a_spec(key: str = "france", prompt: str = "What is the capital of France?", **fields: object) -> ProbeSpec:
    return replace(ProbeSpec(key, (Message(MessageRole.USER, prompt),)), **fields)


def a_file(*specs: ProbeSpec) -> ProbeFile:
    return ProbeFile((BehaviourSpec("is plain", "says it plainly"), BehaviourSpec("asks", "asks first")), specs)


def only_probe(store: Store) -> ProbeView:
    (probe_set,) = projects.find_project(store, "support", OWNER).sets
    (probe,) = probe_set.probes
    return probe


def answered(store: Store, probe: ProbeView) -> None:
    """Let the base of a new run answer it."""
    with store.read() as session:
        row = session.get_one(Probe, probe.id)
        project = session.exec(select(Project).where(Project.name == "support")).one()
        session.expunge_all()
    base, *_ = checkpoints_of(store, a_run(store, project))
    an_answer(store, base, row)


def test_a_probe_file_comes_back_as_it_was(any_store: Store) -> None:
    file = a_file(
        a_spec(family=Family.RETENTION, group="geography", behaviours=("is plain",), good="Paris.", language="en"),
        ProbeSpec("polite", (Message(MessageRole.SYSTEM, "Be brief."), Message(MessageRole.USER, "你好"))),
    )
    added = projects.add_probes(any_store, "support", file)
    project = projects.find_project(any_store, "support", OWNER)
    assert (added.added, added.revised, added.unchanged, added.behaviours) == (2, 0, 0, 2)
    assert projects.export_probes(any_store, project.id) == file


def test_adding_the_same_file_again_changes_nothing(any_store: Store) -> None:
    projects.add_probes(any_store, "support", a_file(a_spec(behaviours=("asks",))))
    before = projects.find_project(any_store, "support", OWNER)
    again = projects.add_probes(any_store, "support", projects.export_probes(any_store, before.id))
    assert (again.added, again.revised, again.unchanged, again.behaviours) == (0, 0, 1, 0)
    assert projects.find_project(any_store, "support", OWNER) == before


def test_a_probe_without_answers_is_edited_in_place(any_store: Store) -> None:
    projects.add_probes(any_store, "support", a_file(a_spec()))
    before = only_probe(any_store)
    added = projects.add_probes(any_store, "support", a_file(a_spec(prompt="What is the capital of Spain?")))
    after = only_probe(any_store)
    assert (added.revised, after.id, after.revision) == (1, before.id, 1)
    assert after.prompt == "What is the capital of Spain?"


def test_a_probe_with_answers_gets_a_new_revision_and_the_old_answers_stay(any_store: Store) -> None:
    projects.add_probes(any_store, "support", a_file(a_spec()))
    before = only_probe(any_store)
    answered(any_store, before)
    projects.add_probes(any_store, "support", a_file(a_spec(prompt="What is the capital of Spain?")))
    after = only_probe(any_store)
    assert (after.revision, after.answers) == (2, 0)
    newest, oldest = projects.probe_revisions(any_store, before.id)
    assert (newest.id, oldest.id, oldest.answers) == (after.id, before.id, 1)
    assert oldest.prompt == "What is the capital of France?"
    with any_store.read() as session:
        assert session.exec(select(Answer.probe_id)).all() == [before.id]


@pytest.mark.parametrize(
    ("changed", "revision"),
    [
        ({"good": "Paris, plainly."}, 2),
        ({"behaviours": ("asks",)}, 2),
        ({"family": Family.RETENTION}, 1),
        ({"group": "geography"}, 1),
        ({"language": "en"}, 1),
    ],
)
def test_only_what_is_asked_or_judged_makes_a_new_revision(
    store: Store, changed: dict[str, object], revision: int
) -> None:
    projects.add_probes(store, "support", a_file(a_spec()))
    answered(store, only_probe(store))
    assert projects.add_probes(store, "support", a_file(a_spec(**changed))).revised == 1
    assert only_probe(store).revision == revision


def test_a_changed_probe_is_asked_of_every_checkpoint_at_once(any_store: Store) -> None:
    project = projects.ensure_project(any_store, "support")
    with any_store.read() as session:
        row = session.get_one(Project, project.id)
        session.expunge_all()
    run = a_run(any_store, row, steps=(10, 20))
    projects.add_probes(any_store, "support", a_file(a_spec()))
    with any_store.read() as session:
        jobs = session.exec(select(Job).order_by(Job.priority.desc())).all()
        assert [job.checkpoint_id for job in jobs] == [
            checkpoints_of(any_store, run)[index].id
            for index in (0, 2, 1)  # the base first, then the newest
        ]
        assert {(job.done, job.total, job.state) for job in jobs} == {(0, 1, "queued")}
        assert session.get_one(Run, run.id).revision > run.revision


def test_editing_on_the_page_keeps_the_key_or_moves_every_revision(any_store: Store) -> None:
    project = projects.ensure_project(any_store, "support")
    made = projects.save_probe(any_store, project.id, "main", a_spec())
    answered(any_store, made)
    revised = projects.save_probe(any_store, project.id, "main", a_spec(prompt="And Spain?"), probe_id=made.id)
    moved = projects.save_probe(any_store, project.id, "extra", a_spec("spain", "And Spain?"), probe_id=revised.id)
    assert (moved.id, moved.key, moved.set_name, moved.revision) == (revised.id, "spain", "extra", 2)
    assert [view.key for view in projects.probe_revisions(any_store, moved.id)] == ["spain", "spain"]


def test_two_people_editing_one_probe_do_not_overwrite_each_other(store: Store) -> None:
    project = projects.ensure_project(store, "support")
    made = projects.save_probe(store, project.id, "main", a_spec())
    answered(store, made)
    projects.save_probe(store, project.id, "main", a_spec(prompt="And Spain?"), probe_id=made.id)
    with pytest.raises(Conflict, match="edited france meanwhile"):
        projects.save_probe(store, project.id, "main", a_spec(prompt="And Italy?"), probe_id=made.id)


def test_a_key_is_used_once_in_a_set(store: Store) -> None:
    project = projects.ensure_project(store, "support")
    made = projects.save_probe(store, project.id, "main", a_spec())
    with pytest.raises(Conflict, match="already has a probe france"):
        projects.save_probe(store, project.id, "main", a_spec())
    projects.archive_probe(store, made.id)
    with pytest.raises(Conflict) as archived:
        projects.save_probe(store, project.id, "main", a_spec())
    assert "archived" in archived.value.hint
    other = projects.save_probe(store, project.id, "other", a_spec())
    file = projects.export_probes(store, project.id)
    projects.archive_probe(store, made.id, archived=False)
    assert [spec.key for spec in file.probes] == ["france"]
    assert [spec.key for spec in projects.export_probes(store, project.id).probes] == ["france", "other/france"]
    assert other.set_name == "other"


def test_an_archived_probe_leaves_its_set_and_comes_back_as_it_was(any_store: Store) -> None:
    projects.add_probes(any_store, "support", a_file(a_spec(behaviours=("asks",))))
    probe = only_probe(any_store)
    answered(any_store, probe)
    projects.archive_probe(any_store, probe.id)
    assert projects.find_project(any_store, "support", OWNER).sets[0].probes == ()
    assert projects.archive_probe(any_store, probe.id, archived=False) == only_probe(any_store)
    assert only_probe(any_store).answers == 1


def test_a_file_brings_an_archived_probe_and_behaviour_back(any_store: Store) -> None:
    file = a_file(a_spec(behaviours=("asks",)))
    projects.add_probes(any_store, "support", file)
    project = projects.find_project(any_store, "support", OWNER)
    projects.archive_probe(any_store, only_probe(any_store).id)
    projects.archive_behaviour(any_store, project.behaviours[1].id)
    assert projects.find_project(any_store, "support", OWNER).behaviours == project.behaviours[:1]
    added = projects.add_probes(any_store, "support", file)
    assert (added.added, added.behaviours) == (1, 1)
    assert projects.export_probes(any_store, project.id) == file


def test_an_archived_behaviour_comes_back_with_its_probes(store: Store) -> None:
    projects.add_probes(store, "support", a_file(a_spec(behaviours=("asks",))))
    asks = projects.find_project(store, "support", OWNER).behaviours[1]
    projects.archive_behaviour(store, asks.id)
    assert only_probe(store).behaviours == ()
    projects.add_probes(store, "support", ProbeFile((), (a_spec(group="geography"),)))
    projects.archive_behaviour(store, asks.id, archived=False)
    assert [behaviour.name for behaviour in only_probe(store).behaviours] == ["asks"]


def test_behaviours_are_renamed_and_never_doubled(any_store: Store) -> None:
    project = projects.ensure_project(any_store, "support")
    asks = projects.save_behaviour(any_store, project.id, name="asks", wanted="asks first")
    again = projects.save_behaviour(any_store, project.id, name=" asks ", wanted="asks before assuming")
    assert (again.id, again.wanted) == (asks.id, "asks before assuming")
    renamed = projects.save_behaviour(any_store, project.id, name="asks first", wanted="", behaviour_id=asks.id)
    assert (renamed.id, renamed.name) == (asks.id, "asks first")
    plain = projects.save_behaviour(any_store, project.id, name="plain", wanted="")
    with pytest.raises(Conflict):
        projects.save_behaviour(any_store, project.id, name="asks first", wanted="", behaviour_id=plain.id)


def test_an_inactive_set_is_kept_and_not_asked(any_store: Store) -> None:
    projects.add_probes(any_store, "support", a_file(a_spec()))
    (probe_set,) = projects.find_project(any_store, "support", OWNER).sets
    projects.set_active(any_store, probe_set.id, active=False)
    (inactive,) = projects.find_project(any_store, "support", OWNER).sets
    assert (inactive.active, len(inactive.probes)) == (False, 1)
    assert inactive.revision == probe_set.revision + 1


def test_the_starter_set_is_there_in_english_and_chinese(store: Store) -> None:
    added = projects.add_starter_probes(store, "default")
    (starter,) = projects.find_project(store, "default", OWNER).sets
    assert (starter.name, starter.active, len(starter.probes)) == ("starter", True, added.added)
    assert {"en", "zh"} == {probe.language.partition("-")[0] for probe in starter.probes}
    assert {probe.family for probe in starter.probes} == set(Family)


def test_a_link_shows_its_own_project_only(store: Store) -> None:
    mine, other = projects.ensure_project(store, "mine"), projects.ensure_project(store, "other")
    guest = Visitor(LinkScope(link_id=1, role=LinkRole.RATE, run_id=None, project_id=mine.id))
    of_a_run = Visitor(LinkScope(link_id=2, role=LinkRole.RATE, run_id=1, project_id=None))
    assert projects.list_projects(store, guest) == [mine]
    assert projects.list_projects(store, of_a_run) == []
    assert projects.find_project(store, str(mine.id), guest) == mine
    for visitor, name in ((guest, "other"), (of_a_run, "mine"), (OWNER, "neither"), (OWNER, "lone \ud800")):
        with pytest.raises(NotFound):
            projects.find_project(store, name, visitor)
    assert projects.list_projects(store, OWNER) == [mine, other]


def test_ensuring_a_project_twice_makes_it_once(any_store: Store) -> None:
    first = projects.ensure_project(any_store, "  support\n bot ")
    assert projects.ensure_project(any_store, "support bot") == first
    with any_store.read() as session:
        (row,) = session.exec(select(Project)).all()
        assert len(row.salt) == 32


@pytest.mark.parametrize(
    "spec",
    [
        ProbeSpec("empty", ()),
        a_spec(prompt="  "),
        ProbeSpec("answered", (Message(MessageRole.USER, "Hi"), Message(MessageRole.ASSISTANT, "Hello"))),
        a_spec(key="x" * 201),
        a_spec(behaviours=("",)),
    ],
)
def test_a_probe_that_asks_nothing_is_refused(store: Store, spec: ProbeSpec) -> None:
    project = projects.ensure_project(store, "support")
    with pytest.raises(InvalidInput):
        projects.save_probe(store, project.id, "main", spec)


def test_a_probe_without_a_key_gets_a_stable_one(store: Store) -> None:
    project = projects.ensure_project(store, "support")
    made = projects.save_probe(store, project.id, "main", a_spec(key="", prompt="Why \ud800?"))
    assert made.key.startswith("why")
    assert made.prompt == "Why \N{REPLACEMENT CHARACTER}?"


def test_what_is_not_there_is_not_found(store: Store) -> None:
    project = projects.ensure_project(store, "support")
    for call in (
        lambda: projects.archive_probe(store, 7),
        lambda: projects.archive_behaviour(store, 7),
        lambda: projects.set_active(store, 7, active=False),
        lambda: projects.probe_revisions(store, 7),
        lambda: projects.export_probes(store, project.id, set_name="none"),
        lambda: projects.save_probe(store, 7, "main", a_spec()),
        lambda: projects.save_probe(store, project.id, "main", a_spec(), probe_id=7),
        lambda: projects.save_behaviour(store, 7, name="asks", wanted=""),
        lambda: projects.save_behaviour(store, project.id, name="asks", wanted="", behaviour_id=7),
    ):
        with pytest.raises(NotFound):
            call()
