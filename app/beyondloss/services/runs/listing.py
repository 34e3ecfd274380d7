"""The runs list and one run in full, as far as the visitor may see them."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlmodel import Session

from beyondloss.domain.access import Visitor
from beyondloss.domain.choices import Chosen
from beyondloss.domain.runs import BASE_STEP, CheckpointKind, CheckpointState, RunState
from beyondloss.domain.templates import TrainedWith
from beyondloss.domain.text import storable
from beyondloss.services.alarms import RunAlarms, alarms_of
from beyondloss.services.runs.remembered import RememberedRow, remember_row, remembered_row
from beyondloss.services.runs.training import trainings_of
from beyondloss.services.runs.views import CheckpointView, RunPage, RunSummary, RunView
from beyondloss.store import run_list
from beyondloss.store.alarms import OpenAlarms, open_alarms
from beyondloss.store.choices import chosen_by_run
from beyondloss.store.engine import Store
from beyondloss.store.projects import base_models
from beyondloss.store.rows import stored_id
from beyondloss.store.run_list import ListedRun, RatingCount
from beyondloss.store.runs import find_revision, no_such_run, run_by_reference
from beyondloss.store.tables import Checkpoint, MetricSeries

_ANSWERING = {CheckpointState.PRESENT, CheckpointState.SAVING}


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the store knows about the listed runs, by run id (`answered` by checkpoint id)."""

    checkpoints: Mapping[int, Sequence[Checkpoint]]
    asked: Mapping[int, int]
    answered: Mapping[int, int]
    ratings: Mapping[int, RatingCount]
    losses: Mapping[int, MetricSeries]
    alarms: Mapping[int, OpenAlarms]
    chosen: Mapping[int, Chosen]


def list_runs(store: Store, visitor: Visitor, *, project: str | None = None) -> list[RunSummary]:
    """Newest first; only what the visitor may see. A fixed number of queries, whatever the number of runs.

    Only runs that changed since they were last listed are counted through; the others' rows are remembered.
    """
    with store.read() as session:
        listed = _visible(session, visitor, project)
        rows = {stored_id(one.run.id): _remembered(store, one) for one in listed}
        moved = [one for one in listed if rows[stored_id(one.run.id)] is None]
        for row in _counted(session, moved):
            remember_row(store, row)
            rows[row.summary.id] = row
        rated = run_list.changed_and_rated(session, _samplings(listed), visitor.rater_id) if visitor.rater_id else {}
    return [
        replace(row.summary, unrated=max(0, row.changed - rated.get(row.summary.id, 0)))
        for row in rows.values()
        if row is not None
    ]


def _remembered(store: Store, one: ListedRun) -> RememberedRow | None:
    return remembered_row(store, stored_id(one.run.id), revision=one.run.revision, sampling_id=one.sampling_id)


def _counted(session: Session, listed: Sequence[ListedRun]) -> list[RememberedRow]:
    """The rows of these runs, from what the store holds now."""
    if not listed:
        return []
    run_ids, sampling_of = [stored_id(one.run.id) for one in listed], _samplings(listed)
    facts = _Facts(
        checkpoints=run_list.checkpoints_by_run(session, run_ids),
        asked=run_list.asked_by_project(session),
        answered=run_list.answered(session, sampling_of),
        ratings=run_list.rating_counts(session, run_ids),
        losses=run_list.losses(session, run_ids),
        alarms=open_alarms(session, run_ids),
        chosen=chosen_by_run(session, run_ids),
    )
    changed = run_list.changed(session, sampling_of)
    return [
        RememberedRow(one.run.revision, one.sampling_id, _summary(one, facts), changed.get(stored_id(one.run.id), 0))
        for one in listed
    ]


def runs_revision(store: Store, visitor: Visitor) -> int:
    """A number that changes whenever `list_runs` would: cheap enough to ask every second."""
    with store.read() as session:
        revisions = run_list.revisions(
            session,
            run_id=visitor.link.run_id if visitor.link else None,
            project_id=visitor.link.project_id if visitor.link else None,
        )
    return zlib.crc32(repr(revisions).encode())


def list_run_views(
    store: Store, visitor: Visitor, *, project: str | None = None, after: int | None = None, limit: int = 100
) -> RunPage:
    """Runs in full, in the order of `list_runs`, from the one after run `after` on. A fixed number of queries."""
    with store.read() as session:
        listed = _visible(session, visitor, project)
        places = {stored_id(one.run.id): place for place, one in enumerate(listed)}
        # A run deleted since the last page was asked for ends the list: the order that led to it is gone.
        start = 0 if after is None else places.get(after, len(listed)) + 1
        page = listed[start : start + limit]
        views = _views(session, page)
    return RunPage(tuple(views), views[-1].id if start + limit < len(listed) and views else None)


def find_run(store: Store, reference: str, visitor: Visitor) -> RunView:
    """By id, name, or output folder path. Raises NotFound, also for runs outside the visitor's scope."""
    with store.read() as session:
        run = run_by_reference(session, storable(reference))
        if run is None:
            raise no_such_run()
        visitor.require_run(run_id=stored_id(run.id), project_id=run.project_id)
        return _views(session, [run_list.listed_run(session, run)])[0]


def _visible(session: Session, visitor: Visitor, project: str | None) -> list[ListedRun]:
    return run_list.listed_runs(
        session,
        run_id=visitor.link.run_id if visitor.link else None,
        project_id=visitor.link.project_id if visitor.link else None,
        project=storable(project) if project is not None else None,
    )


def _views(session: Session, listed: Sequence[ListedRun]) -> list[RunView]:
    run_ids = [stored_id(one.run.id) for one in listed]
    mapped = {(row.project_id, row.name): row.path for row in base_models(session)}
    checkpoints = run_list.checkpoints_by_run(session, run_ids)
    asked = run_list.asked_by_project(session)
    answered = run_list.answered(session, _samplings(listed))
    ratings = run_list.rating_counts(session, run_ids)
    alarms = alarms_of(session, run_ids)
    chosen = chosen_by_run(session, run_ids)
    base_paths = {
        stored_id(one.run.id): mapped.get((one.run.project_id, one.run.base_model or "")) or _folder(one.run.base_model)
        for one in listed
    }
    trained = trainings_of(
        session, [one.run for one in listed], checkpoints=checkpoints, base_paths=base_paths, asked=asked
    )
    return [
        _view(
            one,
            base_path=base_paths[stored_id(one.run.id)],
            trained_with=trained[stored_id(one.run.id)],
            checkpoints=tuple(
                _checkpoint(row, one, asked.get(one.run.project_id, 0), answered)
                for row in checkpoints[stored_id(one.run.id)]
            ),
            ratings=ratings.get(stored_id(one.run.id), RatingCount()),
            alarms=alarms[stored_id(one.run.id)],
            chosen=chosen.get(stored_id(one.run.id)),
        )
        for one in listed
    ]


def _view(
    listed: ListedRun,
    *,
    base_path: str | None,
    trained_with: TrainedWith,
    checkpoints: tuple[CheckpointView, ...],
    ratings: RatingCount,
    alarms: RunAlarms,
    chosen: Chosen | None,
) -> RunView:
    run = listed.run
    return RunView(
        id=stored_id(run.id),
        name=run.name,
        project_id=run.project_id,
        project=listed.project,
        trainer=run.trainer,
        base_model=run.base_model,
        base_path=base_path,
        trained_with=trained_with,
        state=RunState(run.state),
        output_dir=run.output_dir,
        first_seen=run.first_seen,
        changed_at=run.changed_at,
        revision=run.revision,
        config=run.config,
        problems=tuple(run.problems),
        sampling_id=listed.sampling_id,
        checkpoints=checkpoints,
        ratings=ratings.ratings,
        raters=ratings.raters,
        alarms=alarms,
        chosen=chosen,
    )


def run_revision(store: Store, run_id: int) -> int:
    with store.read() as session:
        return find_revision(session, run_id)


def _samplings(listed: Sequence[ListedRun]) -> dict[int, int]:
    """The sampling each run's pages show, by run id; runs of which no sampling was ever used are left out."""
    return {stored_id(one.run.id): one.sampling_id for one in listed if one.sampling_id is not None}


def _summary(listed: ListedRun, facts: _Facts) -> RunSummary:
    run, run_id = listed.run, stored_id(listed.run.id)
    checkpoints, asked = facts.checkpoints[run_id], facts.asked.get(listed.run.project_id, 0)
    views = [_checkpoint(row, listed, asked, facts.answered) for row in checkpoints]
    saved = [view.step for view in views if view.step != BASE_STEP]
    loss, ratings = facts.losses.get(run_id), facts.ratings.get(run_id, RatingCount())
    alarms, chosen = facts.alarms.get(run_id), facts.chosen.get(run_id)
    steps = saved[-1:] + ([loss.last_step] if loss and loss.last_step is not None else [])
    return RunSummary(
        id=run_id,
        name=run.name,
        project_id=run.project_id,
        project=listed.project,
        trainer=run.trainer,
        base_model=run.base_model,
        state=RunState(run.state),
        output_dir=run.output_dir,
        first_seen=run.first_seen,
        changed_at=run.changed_at,
        revision=run.revision,
        checkpoints=len(saved),
        last_step=max(steps, default=None),
        last_loss=loss.last_value if loss else None,
        last_loss_kind=loss.last_kind if loss else "finite",
        answers_done=sum(view.answers_done for view in views),
        answers_total=sum(view.answers_total for view in views),
        unrated=0,
        ratings=ratings.ratings,
        raters=ratings.raters,
        sparkline=tuple(loss.sparkline) if loss else (),
        alarms=alarms.count if alarms else 0,
        worst_alarm=alarms.worst if alarms else None,
        chosen_step=chosen.step if chosen else None,
    )


def _checkpoint(row: Checkpoint, listed: ListedRun, asked: int, answered: Mapping[int, int]) -> CheckpointView:
    done = answered.get(stored_id(row.id), 0)
    return CheckpointView(
        id=stored_id(row.id),
        step=row.step,
        epoch=row.epoch,
        kind=CheckpointKind(row.kind),
        state=CheckpointState(row.state),
        reason=row.reason,
        adapter_check=row.adapter_check,
        path=row.path,
        answers_done=done,
        answers_total=asked * listed.samples if _will_answer(row, listed) else done,
    )


def _will_answer(row: Checkpoint, listed: ListedRun) -> bool:
    """What cannot answer any more is as complete as it will ever be."""
    if row.step == BASE_STEP:
        return listed.run.base_model is not None
    return row.state in _ANSWERING or (row.state == CheckpointState.GONE and row.kept_path is not None)


def _folder(base_model: str | None) -> str | None:
    """The name itself when it is a folder here: trainers record what they were started with."""
    try:
        return base_model if base_model and Path(base_model).is_dir() else None
    except OSError:
        return None
