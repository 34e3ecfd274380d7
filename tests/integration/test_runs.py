"""Runs as readers and training processes tell of them, on SQLite and PostgreSQL."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from beyondloss.domain.access import OWNER, LinkScope, Visitor
from beyondloss.domain.ratings import LinkRole
from beyondloss.domain.runs import CheckpointState, FoundRun, RunState
from beyondloss.errors import InvalidInput, NotFound
from beyondloss.services import runs
from beyondloss.services.runs import ReportedCheckpoint, RunView
from beyondloss.store.engine import Store
from beyondloss.store.tables import Answer, Checkpoint, Job, ProbeSet, Run
from tests.factories import (
    a_found_checkpoint,
    a_found_run,
    a_job,
    a_probe,
    a_project,
    a_rater,
    a_rating,
    a_run,
    a_sampling,
    a_share_link,
    an_answer,
    answers_everywhere,
    checkpoints_of,
    points,
)


def take(store: Store, found: FoundRun, **options: str) -> RunView:
    imported = runs.import_run(store, found, project="support", **options)
    return runs.find_run(store, str(imported.run_id), OWNER)


def states(view: RunView) -> dict[int, str]:
    return {checkpoint.step: checkpoint.state.value for checkpoint in view.checkpoints}


def jobs(store: Store) -> dict[int, str]:
    """State by step."""
    with store.read() as session:
        rows = session.exec(select(Checkpoint.step, Job.state).join(Job, col(Job.checkpoint_id) == Checkpoint.id))
        return dict(rows.all())


def row(store: Store, run_id: int, step: int) -> Checkpoint:
    with store.read() as session:
        found = session.exec(select(Checkpoint).where(Checkpoint.run_id == run_id, Checkpoint.step == step)).one()
        session.expunge_all()
    return found


def test_a_found_run_is_stored_with_its_base_and_everything_is_asked(any_store: Store) -> None:
    view = take(any_store, a_found_run(name="v3", steps=(10, 20), losses=[2.0, 1.0]))

    assert (view.name, view.project, view.base_model) == ("v3", "support", "acme/base-1b")
    assert states(view) == {0: "present", 10: "present", 20: "present"}
    assert jobs(any_store) == {0: "queued", 10: "queued", 20: "queued"}
    (summary,) = runs.list_runs(any_store, OWNER)
    assert (summary.checkpoints, summary.last_step, summary.last_loss) == (2, 20, 1.0)
    assert summary.answers_total == 3 * summary.answers_total // 3 > 0
    with any_store.read() as session:
        assert session.exec(select(ProbeSet.name)).all() == ["starter"]


def test_importing_again_changes_nothing(any_store: Store) -> None:
    found = a_found_run(losses=[2.0, math.nan], config={"lr": 1e-4, "warmup": math.inf})
    first = take(any_store, found)
    again = runs.import_run(any_store, found, project="support")

    assert (again.created, again.new_checkpoints, again.points) == (False, 0, 0)
    assert take(any_store, found) == first
    assert first.config == {"lr": 1e-4, "warmup": "inf"}


def test_a_cancelled_job_stays_cancelled_while_the_run_goes_on(any_store: Store) -> None:
    take(any_store, a_found_run(steps=(10,)))
    with any_store.write() as session:
        for job in session.exec(select(Job)):
            job.state = "cancelled"

    take(any_store, a_found_run(steps=(10, 20), losses=[1.0]))

    assert jobs(any_store) == {0: "cancelled", 10: "cancelled", 20: "queued"}


def test_a_vanished_checkpoint_keeps_its_answers(any_store: Store) -> None:
    view = take(any_store, a_found_run(steps=(10, 20)))
    checkpoint = row(any_store, view.id, 10)
    with any_store.write() as session:
        session.get_one(Checkpoint, checkpoint.id).fingerprint = "f" * 64
    probe = a_probe(any_store, a_project_named(any_store, "support"))
    an_answer(any_store, row(any_store, view.id, 10), probe)

    view = take(any_store, a_found_run(steps=(20,)))

    assert states(view) == {0: "present", 10: "gone", 20: "present"}
    gone = view.checkpoints[1]
    assert (gone.answers_done, gone.answers_total) == (1, 1)
    assert gone.reason


def a_project_named(store: Store, name: str) -> object:
    with store.read() as session:
        from beyondloss.store.tables import Project

        found = session.exec(select(Project).where(Project.name == name)).one()
        session.expunge_all()
    return found


def test_a_checkpoint_that_comes_back_answers_again(any_store: Store) -> None:
    take(any_store, a_found_run(steps=(10, 20)))
    take(any_store, a_found_run(steps=(20,)))
    assert states(take(any_store, a_found_run(steps=(10, 20))))[10] == "present"


def test_a_rewritten_checkpoint_is_answered_anew(any_store: Store) -> None:
    view = take(any_store, a_found_run(steps=(10,)))
    with any_store.write() as session:
        found = session.get_one(Checkpoint, row(any_store, view.id, 10).id)
        found.fingerprint, found.kept_path = "old", "/kept/old"
        for job in session.exec(select(Job)):
            job.state = "done"

    take(any_store, a_found_run(steps=(10,), checkpoints=(a_found_checkpoint(10, stamp="saved again"),)))

    after = row(any_store, view.id, 10)
    assert (after.fingerprint, after.kept_path) == ("", None)
    assert jobs(any_store)[10] == "queued"


def test_what_a_worker_found_out_about_the_same_weights_stands(any_store: Store) -> None:
    view = take(any_store, a_found_run(steps=(10,)))
    with any_store.write() as session:
        found = session.get_one(Checkpoint, row(any_store, view.id, 10).id)
        found.state, found.reason = "unreadable", "The weights are not numbers."

    assert states(take(any_store, a_found_run(steps=(10,), losses=[1.0])))[10] == "unreadable"
    again = (a_found_checkpoint(10, stamp="saved again"),)
    assert states(take(any_store, a_found_run(checkpoints=again)))[10] == "present"


def test_permissions_mended_on_the_same_file_make_it_present(any_store: Store) -> None:
    locked = (a_found_checkpoint(10, state=CheckpointState.UNREADABLE, reason="not readable"),)
    view = take(any_store, a_found_run(checkpoints=locked))
    assert states(view)[10] == "unreadable"
    assert jobs(any_store) == {0: "queued"}

    take(any_store, a_found_run(steps=(10,)))

    assert jobs(any_store) == {0: "queued", 10: "queued"}


def test_a_save_under_way_is_asked_once_it_is_whole(any_store: Store) -> None:
    take(any_store, a_found_run(checkpoints=(a_found_checkpoint(10, state=CheckpointState.SAVING),)))
    assert jobs(any_store) == {0: "queued"}
    take(any_store, a_found_run(steps=(10,)))
    assert jobs(any_store) == {0: "queued", 10: "queued"}


def test_a_checkpoint_saved_before_training_is_the_base(any_store: Store) -> None:
    assert states(take(any_store, a_found_run(steps=(0, 10)))) == {0: "present", 10: "present"}


def test_a_resume_is_the_same_run(any_store: Store) -> None:
    first = take(any_store, a_found_run(steps=(10, 20), losses=[3.0, 2.0, 1.0], first_log_key="a"))
    resumed = take(any_store, a_found_run(steps=(10, 20, 30), losses=[1.9, 0.9], first_step=2, first_log_key="a"))

    assert resumed.id == first.id
    (summary,) = runs.list_runs(any_store, OWNER)
    assert summary.sparkline == (3.0, 1.9, 0.9)


@pytest.mark.parametrize("beginning", [{"first_log_key": "b"}, {"first_log_key": "", "first_log_at": 1_760_000_000.0}])
def test_a_rerun_in_the_same_folder_is_a_second_run(any_store: Store, beginning: dict[str, object]) -> None:
    old = a_found_run(name="v3", steps=(10, 20), losses=[3.0, 2.0], first_log_key="a")
    first = take(any_store, old if beginning["first_log_key"] else replace(old, first_log_key=""))
    fresh = a_found_checkpoint(10, stamp="of the rerun")
    rerun = a_found_run(name="v3", checkpoints=(fresh, a_found_checkpoint(20)), losses=[4.0], **beginning)

    second = take(any_store, rerun)

    assert (second.id != first.id, second.name) == (True, "v3-2")
    assert states(second) == {0: "present", 10: "present"}, "step 20 still holds the first run's weights"
    assert runs.find_run(any_store, second.output_dir, OWNER).id == second.id
    assert take(any_store, rerun).id == second.id


def test_a_rerun_leaves_the_first_runs_answers_and_takes_its_overwritten_weights_away(any_store: Store) -> None:
    first = take(any_store, a_found_run(steps=(10, 20), first_log_key="a"))
    fresh = (a_found_checkpoint(10, stamp="of the rerun"), a_found_checkpoint(20))
    take(any_store, a_found_run(checkpoints=fresh, first_log_key="b"))

    assert states(runs.find_run(any_store, str(first.id), OWNER)) == {0: "present", 10: "gone", 20: "present"}


def test_a_run_without_a_base_waits_for_one(any_store: Store) -> None:
    view = take(any_store, a_found_run(steps=(10,), base_model=None))
    assert jobs(any_store) == {10: "queued"}
    assert view.checkpoints[0].answers_total == 0

    runs.name_base_model(any_store, view.id, "acme/base-1b")

    assert jobs(any_store) == {0: "queued", 10: "queued"}
    assert take(any_store, a_found_run(steps=(10,), base_model=None)).base_model == "acme/base-1b"


def test_base_names_the_model_of_a_run_that_names_none(any_store: Store) -> None:
    view = take(any_store, a_found_run(base_model=None), base_override="/models/base")
    assert (view.base_model, view.base_path) == ("/models/base", None)


def test_base_says_where_the_named_model_lies(any_store: Store) -> None:
    view = take(any_store, a_found_run(base_model="acme/base-1b"), base_override="/models/base")
    assert (view.base_model, view.base_path) == ("acme/base-1b", "/models/base")


def test_mapping_a_base_asks_again_what_failed_and_nothing_that_was_cancelled(any_store: Store) -> None:
    view = take(any_store, a_found_run(steps=(10, 20)))
    with any_store.write() as session:
        for job, state in zip(
            session.exec(select(Job).order_by(col(Job.id))), ["failed", "failed", "cancelled"], strict=True
        ):
            job.state = state

    runs.map_base_model(any_store, view.project_id, name="acme/base-1b", path="/models/base")

    assert jobs(any_store) == {0: "queued", 10: "queued", 20: "cancelled"}
    assert runs.find_run(any_store, "found", OWNER).base_path == "/models/base"


def test_mapping_another_base_makes_its_answers_old(any_store: Store) -> None:
    project = a_project(any_store)
    run = a_run(any_store, project, base_model="acme/base-1b")
    answers_everywhere(any_store, run, [a_probe(any_store, project)])
    runs.map_base_model(any_store, project.id, name="acme/base-1b", path="/models/one")
    assert [c.answers_done for c in runs.find_run(any_store, run.name, OWNER).checkpoints] == [1, 1, 1]

    runs.map_base_model(any_store, project.id, name="acme/base-1b", path="/models/two")

    assert [c.answers_done for c in runs.find_run(any_store, run.name, OWNER).checkpoints] == [0, 0, 0]
    with any_store.read() as session:
        assert len(session.exec(select(Answer.id)).all()) == 3


def test_a_run_is_found_by_id_name_and_folder(any_store: Store) -> None:
    run = a_run(any_store, name="support v3", output_dir="/runs/support-v3")
    for reference in (str(run.id), "support v3", "/runs/support-v3"):
        assert runs.find_run(any_store, reference, OWNER).id == run.id
    for reference in ("support", "", "999999", "9" * 40, "\ud800", "x\x00y"):
        with pytest.raises(NotFound):
            runs.find_run(any_store, reference, OWNER)


def guest(*, run_id: int | None = None, project_id: int | None = None) -> Visitor:
    return Visitor(link=LinkScope(link_id=1, role=LinkRole.RATE, run_id=run_id, project_id=project_id))


def test_a_guest_sees_only_what_the_link_opens(any_store: Store) -> None:
    project = a_project(any_store)
    mine, beside, other = a_run(any_store, project), a_run(any_store, project), a_run(any_store)

    assert [one.id for one in runs.list_runs(any_store, guest(run_id=mine.id))] == [mine.id]
    assert {one.id for one in runs.list_runs(any_store, guest(project_id=project.id))} == {mine.id, beside.id}
    for hidden in (beside.name, str(other.id)):
        with pytest.raises(NotFound):
            runs.find_run(any_store, hidden, guest(run_id=mine.id))


def test_the_list_counts_answers_changes_and_ratings(any_store: Store) -> None:
    project = a_project(any_store)
    probes = [a_probe(any_store, project) for _ in range(3)]
    archived = a_probe(any_store, project, archived=True)
    run = a_run(any_store, project, steps=(10, 20))
    said = answers_everywhere(
        any_store, run, [*probes, archived], lambda step, probe: "same" if probe is probes[0] else f"at {step}"
    )
    by_place = {(answer.checkpoint_id, answer.probe_id): answer for answer in said}
    base, first, _ = checkpoints_of(any_store, run)
    rater, other = a_rater(any_store), a_rater(any_store)
    changed = by_place[first.id, probes[1].id], by_place[base.id, probes[1].id]
    a_rating(any_store, rater, *changed)
    a_rating(any_store, other, *changed)
    a_rating(any_store, rater, by_place[first.id, probes[0].id], by_place[base.id, probes[0].id], verdict=0)
    a_rating(any_store, rater, by_place[first.id, probes[2].id], by_place[base.id, probes[2].id], verdict=None)

    (summary,) = runs.list_runs(any_store, Visitor(rater_id=rater.id))

    assert (summary.answers_done, summary.answers_total) == (9, 9)
    assert summary.unrated == 3  # two probes changed at two steps, one of those four is rated
    assert (summary.ratings, summary.raters) == (3, 2)
    assert runs.list_runs(any_store, OWNER)[0].unrated == 4


def test_listing_takes_as_many_queries_for_many_runs_as_for_one(store: Store) -> None:
    queries: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *arguments: queries.append(arguments[2]))
    counts = []
    project = a_project(store)
    for _ in range(2):
        for _ in range(5):
            points(store, a_run(store, project), loss=[1.0])
        queries.clear()
        runs.list_runs(store, Visitor(rater_id=1))
        counts.append(len(queries))
    assert counts[0] == counts[1] < 15


def test_the_newest_training_comes_first_whenever_it_was_imported(store: Store) -> None:
    for name, started in (("old", 100.0), ("new", 300.0), ("between", 200.0)):
        a_run(store, name=name, first_log_at=started)
    assert [one.name for one in runs.list_runs(store, OWNER)] == ["new", "between", "old"]


def test_runs_in_full_come_page_by_page_in_the_lists_order(any_store: Store) -> None:
    for started in (100.0, 300.0, 200.0, 500.0, 400.0):
        a_run(any_store, name=f"from {started:.0f}", first_log_at=started)
    order = [one.id for one in runs.list_runs(any_store, OWNER)]
    seen: list[int] = []
    after = None
    while len(seen) < 10:
        page = runs.list_run_views(any_store, OWNER, after=after, limit=2)
        seen += [view.id for view in page.runs]
        after = page.next
        if after is None:
            break
    assert seen == order
    assert runs.list_run_views(any_store, OWNER, limit=1).runs[0] == runs.find_run(any_store, "from 500", OWNER)
    assert runs.list_run_views(any_store, OWNER, after=999).runs == ()


def test_the_lists_revision_follows_every_change(any_store: Store) -> None:
    first, second = a_run(any_store), a_run(any_store)
    seen = {runs.runs_revision(any_store, OWNER)}
    points(any_store, first, loss=[1.0])
    seen.add(runs.runs_revision(any_store, OWNER))
    runs.delete_run(any_store, second.id)
    seen.add(runs.runs_revision(any_store, OWNER))
    assert len(seen) == 3
    assert runs.runs_revision(any_store, OWNER) in seen


def test_deleting_says_what_goes_and_takes_everything(any_store: Store) -> None:
    project = a_project(any_store)
    run, other = a_run(any_store, project), a_run(any_store, project)
    probe, rater = a_probe(any_store, project), a_rater(any_store)
    base, first, second = answers_everywhere(any_store, run, [probe])
    a_job(any_store, checkpoints_of(any_store, run)[1])
    points(any_store, run, loss=[1.0, 2.0], eval_loss=[1.0])
    kept = answers_everywhere(any_store, other, [probe])
    a_rating(any_store, rater, first, base)
    old = a_rating(any_store, rater, second, base)
    new = a_rating(any_store, rater, second, base, replaces=old.id)
    with any_store.write() as session:
        session.get_one(type(old), old.id).superseded_by = new.id
    a_rating(any_store, rater, kept[1], first)  # across runs: it goes with either
    a_rating(any_store, a_rater(any_store, link=a_share_link(any_store, run=run)), kept[1], kept[0])

    expected = runs.DeletionCount(checkpoints=2, answers=3, ratings=3, points=3)
    assert runs.count_deletion(any_store, run.id) == expected
    assert runs.delete_run(any_store, run.id) == expected

    with pytest.raises(NotFound):
        runs.find_run(any_store, str(run.id), OWNER)
    assert runs.count_deletion(any_store, other.id) == runs.DeletionCount(2, 3, 1, 0)
    with pytest.raises(NotFound):
        runs.delete_run(any_store, run.id)


def register(store: Store, **fields: object) -> RunView:
    defaults: dict[str, object] = {
        "name": "v3",
        "project": "support",
        "base_model": "acme/base-1b",
        "trainer": "callback",
        "output_dir": "/runs/v3",
        "config": {"lr": 1e-4},
    }
    return runs.register_run(store, **(defaults | fields))


def test_a_training_process_may_register_as_often_as_it_likes(any_store: Store) -> None:
    first = register(any_store)
    assert register(any_store) == first
    updated = register(any_store, config={"epochs": 3, "max": math.nan})
    assert (updated.id, updated.config) == (first.id, {"lr": 1e-4, "epochs": 3, "max": "nan"})
    assert states(first) == {0: "present"}
    assert first.state is RunState.TRAINING
    assert jobs(any_store) == {0: "queued"}


def test_a_registered_run_and_its_watched_folder_are_one_run(any_store: Store) -> None:
    watched = take(any_store, a_found_run(name="out", folder=Path("/runs/v3"), state=RunState.TRAINING))
    registered = register(any_store)
    assert (registered.id, registered.name) == (watched.id, "v3")
    assert take(any_store, a_found_run(name="out", folder=Path("/runs/v3"))).id == watched.id


def test_runs_without_a_folder_do_not_collide(any_store: Store) -> None:
    assert register(any_store, output_dir=None).id != register(any_store, name="v4", output_dir=None).id


def test_a_run_that_trained_again_under_another_name_is_another_run(any_store: Store) -> None:
    take(any_store, a_found_run(name="out", folder=Path("/runs/v3"), state=RunState.FINISHED))
    assert register(any_store).name == "v3"
    assert len(runs.list_runs(any_store, OWNER)) == 2


def test_reported_checkpoints_are_read_where_they_lie(any_store: Store, tmp_path: Path) -> None:
    run = register(any_store, output_dir=str(tmp_path))
    saved = tmp_path / "checkpoint-10"
    saved.mkdir()
    (saved / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    (saved / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    reported = [
        ReportedCheckpoint(step=10, path=str(saved), epoch=0.5),
        ReportedCheckpoint(step=20, path=str(tmp_path / "checkpoint-20")),
    ]

    view = runs.register_checkpoints(any_store, run.id, reported)

    assert states(view) == {0: "present", 10: "present", 20: "gone"}
    assert view.checkpoints[1].epoch == 0.5
    assert runs.register_checkpoints(any_store, run.id, reported) == view
    with pytest.raises(InvalidInput):
        runs.register_checkpoints(any_store, run.id, [ReportedCheckpoint(step=0, path="/x")])


def test_a_state_is_told_once(any_store: Store) -> None:
    run = a_run(any_store, state="training")
    runs.set_run_state(any_store, run.id, RunState.FINISHED)
    revision = runs.run_revision(any_store, run.id)
    runs.set_run_state(any_store, run.id, RunState.FINISHED)
    assert runs.run_revision(any_store, run.id) == revision
    with any_store.read() as session:
        assert session.get_one(Run, run.id).state == "finished"


def test_sampled_runs_count_every_sample(any_store: Store) -> None:
    from beyondloss.domain.sampling import Sampling

    project = a_project(any_store)
    probe = a_probe(any_store, project)
    sampling = a_sampling(any_store, Sampling(temperature=0.7, samples=4, noise_key="k"))
    run = a_run(any_store, project, steps=(10,), sampling_id=sampling.id)
    base, _ = checkpoints_of(any_store, run)
    an_answer(any_store, base, probe, sampling=sampling, sample_index=2)
    an_answer(any_store, base, probe)  # greedy: another sampling
    view = runs.find_run(any_store, run.name, OWNER)
    assert [(c.answers_done, c.answers_total) for c in view.checkpoints] == [(1, 4), (0, 4)]
