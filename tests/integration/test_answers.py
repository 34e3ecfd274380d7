"""Asking for answers, recording and listing them, on both databases."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from beyondloss.domain.answers import Finish
from beyondloss.domain.engine import Question
from beyondloss.domain.probes import Message, MessageRole, ProbeSpec
from beyondloss.domain.runs import CheckpointState
from beyondloss.domain.sampling import Sampling
from beyondloss.errors import Conflict, NotFound
from beyondloss.services import answers, projects
from beyondloss.store.engine import Store
from beyondloss.store.tables import Answer, BaseModelMapping, Checkpoint, Job, Project, Run
from tests.factories.answers import a_sampling, an_answer
from tests.factories.projects import a_behaviour, a_probe, a_probe_set, a_project
from tests.factories.runs import a_checkpoint, a_run, checkpoints_of
from tests.fakes.engine import fake_answer


def jobs_by_step(store: Store) -> dict[int, Job]:
    with store.read() as session:
        return {step: job for job, step in session.exec(select(Job, Checkpoint.step).join(Checkpoint))}


def checkpoint_at(store: Store, run: Run, step: int) -> Checkpoint:
    return next(row for row in checkpoints_of(store, run) if row.step == step)


def answer_all(store: Store, checkpoint_id: int, sampling_id: int) -> list[bool]:
    work = answers.work_for(store, checkpoint_id, sampling_id)
    return [
        answers.record_answer(store, checkpoint_id, sampling_id, fake_answer(work.target, question, index))
        for question in work.questions
        for index in question.sample_indices
    ]


def test_asking_queues_each_checkpoint_once_and_the_base_with_them(any_store: Store) -> None:
    project = a_project(any_store)
    a_probe(any_store, project)
    run = a_run(any_store, project, steps=(10, 20, 30))
    asked = answers.request_answers(any_store, run.id, steps=[20])
    assert sorted(jobs_by_step(any_store)) == [0, 20]
    assert answers.request_answers(any_store, run.id, steps=[20]) == asked
    everything = answers.request_answers(any_store, run.id)
    assert sorted(jobs_by_step(any_store)) == [0, 10, 20, 30]
    assert set(asked) < set(everything)
    assert {(job.done, job.total) for job in jobs_by_step(any_store).values()} == {(0, 1)}


def test_asking_again_changes_nothing_that_a_page_would_show(store: Store) -> None:
    project = a_project(store)
    a_probe(store, project)
    run = a_run(store, project)
    answers.request_answers(store, run.id)
    with store.read() as session:
        before = session.get_one(Run, run.id).revision
    answers.request_answers(store, run.id)
    with store.read() as session:
        assert session.get_one(Run, run.id).revision == before


def test_a_base_nobody_named_is_not_asked(any_store: Store) -> None:
    project = a_project(any_store)
    a_probe(any_store, project)
    run = a_run(any_store, project, steps=(10,), base_model=None)
    answers.request_answers(any_store, run.id)
    assert sorted(jobs_by_step(any_store)) == [10]
    with pytest.raises(Conflict, match="base model is not known"):
        answers.request_answers(any_store, run.id, steps=[0])


def test_only_checkpoints_with_weights_are_asked(any_store: Store) -> None:
    project = a_project(any_store)
    a_probe(any_store, project)
    run = a_run(any_store, project, steps=())
    for step, state in enumerate(CheckpointState, start=1):
        a_checkpoint(any_store, run, step=step, state=state.value, reason=f"because it is {state}")
    a_checkpoint(any_store, run, step=99, state="gone", kept_path="/kept/99")
    answers.request_answers(any_store, run.id)
    assert sorted(jobs_by_step(any_store)) == [0, 1, 99]
    with pytest.raises(Conflict) as refused:
        answers.request_answers(any_store, run.id, steps=[3])
    assert refused.value.hint == "because it is gone"


def test_a_step_or_set_or_run_that_is_not_there_is_said(store: Store) -> None:
    project = a_project(store)
    a_probe_set(store, project, name="resting", active=False)
    run = a_run(store, project)
    with pytest.raises(NotFound) as missing:
        answers.request_answers(store, run.id, steps=[15])
    assert missing.value.hint == "It has 0, 10, 20."
    with pytest.raises(NotFound):
        answers.request_answers(store, 99)
    with pytest.raises(NotFound):
        answers.request_answers(store, run.id, set_name="none")
    with pytest.raises(Conflict):
        answers.request_answers(store, run.id, set_name="resting")


def test_a_sampling_that_is_asked_for_becomes_the_runs_own_with_the_projects_noise(any_store: Store) -> None:
    project = a_project(any_store)
    a_probe(any_store, project)
    run = a_run(any_store, project, steps=(10,))
    answers.request_answers(any_store, run.id, sampling=Sampling(temperature=0.7, samples=3))
    with any_store.read() as session:
        sampling = session.get_one(Run, run.id).sampling_id
        salt = session.get_one(Project, project.id).salt
    work = answers.work_for(any_store, checkpoint_at(any_store, run, 10).id, sampling)
    assert (work.sampling.noise_key, work.total) == (salt, 3)
    assert [question.sample_indices for question in work.questions] == [(0,), (1,), (2,)]
    assert {job.sampling_id for job in jobs_by_step(any_store).values()} == {sampling}


def test_two_sets_asked_of_one_job_become_all_active_sets(any_store: Store) -> None:
    project = a_project(any_store)
    a_probe(any_store, project, set_name="main")
    a_probe(any_store, project, set_name="extra")
    run = a_run(any_store, project, steps=())
    answers.request_answers(any_store, run.id, set_name="main")
    assert jobs_by_step(any_store)[0].payload == {"set": "main"}
    answers.request_answers(any_store, run.id, set_name="extra")
    assert (jobs_by_step(any_store)[0].payload, jobs_by_step(any_store)[0].total) == ({}, 2)


def test_work_holds_what_is_missing_with_the_nearest_answers_first(any_store: Store) -> None:
    project = a_project(any_store)
    first, second = a_probe(any_store, project), a_probe(any_store, project, prompt="And Spain?", system="Be brief.")
    run = a_run(any_store, project, steps=(10, 20, 30))
    sibling = a_run(any_store, project, steps=(10,))
    stranger = a_run(any_store, project, steps=(), base_model="acme/other")
    here = checkpoint_at(any_store, run, 20)
    for row in (*checkpoints_of(any_store, run), *checkpoints_of(any_store, sibling)):
        if row.id != here.id:
            an_answer(any_store, row, first, text=f"{row.run_id == run.id} {row.step}")
    an_answer(any_store, checkpoints_of(any_store, stranger)[0], first, text="another base")
    an_answer(any_store, here, second)
    work = answers.work_for(any_store, here.id, a_sampling(any_store).id)
    (question,) = work.questions
    said = ["".join(map(chr, reference.token_ids)) for reference in question.references]
    assert said == ["True 10", "True 0", "True 30", "False 0"]
    assert (work.done, work.total, question.probe_id) == (1, 2, first.id)


def test_a_cut_answer_is_a_reference_that_did_not_end(store: Store) -> None:
    project = a_project(store)
    probe = a_probe(store, project)
    run = a_run(store, project, steps=(10,))
    base, here = checkpoints_of(store, run)
    an_answer(store, base, probe, text="cut", finish="length")
    (question,) = answers.work_for(store, here.id, a_sampling(store).id).questions
    assert [reference.ended for reference in question.references] == [False]


def test_a_target_takes_the_mapped_base_our_copy_and_the_runs_own_tokenizer(store: Store, tmp_path: Path) -> None:
    project = a_project(store)
    a_probe(store, project)
    kept, trained = tmp_path / "kept", tmp_path / "checkpoint-10"
    for folder in (kept, trained):
        folder.mkdir()
    (trained / "tokenizer.json").write_text("{}")
    run = a_run(store, project, steps=())
    checkpoint = a_checkpoint(store, run, step=10, path=str(trained), kept_path=str(kept))
    with store.write() as session:
        session.add(BaseModelMapping(project_id=project.id, name="acme/base-1b", path="/models/base"))
    target = answers.work_for(store, checkpoint.id, a_sampling(store).id).target
    assert (target.path, target.base_model, target.template_path) == (kept, "/models/base", trained)
    kept.rmdir()
    base, _ = checkpoints_of(store, run)
    assert answers.work_for(store, checkpoint.id, a_sampling(store).id).target.path == trained
    assert answers.work_for(store, base.id, a_sampling(store).id).target.template_path == trained


def test_an_answer_is_stored_once_with_all_that_made_it(any_store: Store) -> None:
    project = a_project(any_store)
    probe = a_probe(any_store, project, behaviours=[a_behaviour(any_store, project)])
    run = a_run(any_store, project, steps=())
    checkpoint = a_checkpoint(any_store, run, step=10, fingerprint="")
    sampling = a_sampling(any_store)
    given = fake_answer(answers.work_for(any_store, checkpoint.id, sampling.id).target, _question(probe.id))
    given = replace(given, margins=(1.5, 1e9, *given.margins[2:]))
    assert answers.record_answer(any_store, checkpoint.id, sampling.id, given)
    assert not answers.record_answer(any_store, checkpoint.id, sampling.id, given)
    (stored,) = answers.list_answers(any_store, run.id)
    assert (stored.text, stored.token_ids, stored.provenance) == (given.text, given.token_ids, given.provenance)
    assert stored.margins[:3] == (1.5, 65504.0, 1.0)
    assert (stored.step, stored.run_id, stored.probe.key, stored.finish) == (10, run.id, probe.key, Finish.STOP)
    after = checkpoint_at(any_store, run, 10)
    assert (after.fingerprint, after.adapter_check) == (given.provenance.weights_fingerprint, "on")
    with any_store.read() as session:
        assert session.get_one(Run, run.id).revision > run.revision


def test_text_no_database_takes_is_stored_readably_with_its_signals(any_store: Store) -> None:
    project = a_project(any_store)
    probe = a_probe(any_store, project)
    run = a_run(any_store, project, steps=())
    (base,) = checkpoints_of(any_store, run)
    given = fake_answer(answers.work_for(any_store, base.id, a_sampling(any_store).id).target, _question(probe.id))
    given = replace(given, text="cut \ud800\x00", finish=Finish.LENGTH, margins=(float("nan"),))
    given = replace(given, provenance=replace(given.provenance, stats={"passes": 3.0, "drift": float("nan")}))
    assert answers.record_answer(any_store, base.id, a_sampling(any_store).id, given)
    (stored,) = answers.list_answers(any_store, run.id)
    assert stored.text == "cut \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
    assert [signal.kind for signal in stored.signals] == ["truncated"]
    assert stored.provenance.stats == {"passes": 3.0}


def test_rewritten_weights_are_asked_anew_and_their_old_answers_stop_being_current(any_store: Store) -> None:
    project = a_project(any_store)
    probe = a_probe(any_store, project)
    run = a_run(any_store, project, steps=(10,))
    checkpoint, sampling = checkpoint_at(any_store, run, 10), a_sampling(any_store)
    an_answer(any_store, checkpoint, probe, text="of the old weights")
    with any_store.write() as session:
        session.get_one(Checkpoint, checkpoint.id).fingerprint = ""  # as ingest does when the file changed
    assert answers.list_answers(any_store, run.id, step=10) == []
    assert answer_all(any_store, checkpoint.id, sampling.id) == [True]
    (current,) = answers.list_answers(any_store, run.id, step=10)
    assert current.text != "of the old weights"
    with any_store.read() as session:
        assert len(session.exec(select(Answer)).all()) == 2


def test_an_answer_never_stands_under_another_question(any_store: Store) -> None:
    project = a_project(any_store)
    probe = a_probe(any_store, project, prompt="What is the capital of France?")
    run = a_run(any_store, project, steps=())
    (base,) = checkpoints_of(any_store, run)
    work = answers.work_for(any_store, base.id, a_sampling(any_store).id)
    (asked,) = work.questions
    edited = ProbeSpec(probe.key, (Message(MessageRole.USER, "And of Spain?"),))
    assert projects.save_probe(any_store, project.id, "main", edited, probe_id=probe.id).id == probe.id
    given = fake_answer(work.target, asked)
    assert not answers.record_answer(any_store, base.id, work.sampling_id, given, asked=asked)
    assert answers.list_answers(any_store, run.id) == []


def test_answers_are_found_by_step_probe_and_sampling(store: Store) -> None:
    project = a_project(store)
    probe, other = a_probe(store, project, key="france"), a_probe(store, project, key="spain")
    run = a_run(store, project, steps=(10,))
    hot = a_sampling(store, Sampling(temperature=1.0, samples=2, noise_key="n"))
    for checkpoint in checkpoints_of(store, run):
        for asked in (probe, other):
            an_answer(store, checkpoint, asked)
    an_answer(store, checkpoints_of(store, run)[0], probe, sampling=hot, sample_index=1)
    assert [view.step for view in answers.list_answers(store, run.id, probe="france")] == [0, 10]
    assert len(answers.list_answers(store, run.id, step=10)) == 2
    assert len(answers.list_answers(store, run.id, probe=str(other.id), step=0)) == 1
    assert [view.sample_index for view in answers.list_answers(store, run.id, sampling=hot.key)] == [1]
    everything = answers.list_answers(store, run.id)
    assert answers.list_answers(store, run.id, after=everything[1].id, limit=1) == everything[2:3]
    for wrong in ({"probe": "italy"}, {"sampling": "ffff"}):
        with pytest.raises(NotFound):
            answers.list_answers(store, run.id, **wrong)
    with pytest.raises(NotFound):
        answers.list_answers(store, 99)


def test_a_run_deleted_meanwhile_takes_no_answer(any_store: Store) -> None:
    project = a_project(any_store)
    a_probe(any_store, project)
    run = a_run(any_store, project, steps=())
    (base,) = checkpoints_of(any_store, run)
    work = answers.work_for(any_store, base.id, a_sampling(any_store).id)
    with any_store.write() as session:
        session.delete(session.get_one(Run, run.id))
    with pytest.raises(NotFound):
        answers.record_answer(any_store, base.id, work.sampling_id, fake_answer(work.target, work.questions[0]))
    with pytest.raises(NotFound):
        answers.work_for(any_store, base.id, work.sampling_id)


def test_a_checkpoint_that_reads_after_all_is_present_again(store: Store) -> None:
    project = a_project(store)
    a_probe(store, project)
    run = a_run(store, project, steps=(10,))
    checkpoint = checkpoint_at(store, run, 10)
    answers.mark_checkpoint(store, checkpoint.id, CheckpointState.UNREADABLE, reason="the weights are not numbers")
    assert checkpoint_at(store, run, 10).reason == "the weights are not numbers"
    assert answer_all(store, checkpoint.id, a_sampling(store).id) == [True]
    assert (checkpoint_at(store, run, 10).state, checkpoint_at(store, run, 10).reason) == ("present", "")


def _question(probe_id: int) -> Question:
    return Question(probe_id, (Message(MessageRole.USER, "What is the capital of France?"),))
