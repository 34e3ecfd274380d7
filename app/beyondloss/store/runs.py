"""Runs: found by id, name or folder, made, deleted, and held while something under them is written."""

import time
from collections.abc import Sequence

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from beyondloss.domain.jobs import JobState
from beyondloss.domain.runs import RunState
from beyondloss.errors import NotFound
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Answer, Checkpoint, Job, MetricSeries, Rating, Run

_LARGEST_ID = 2**31 - 1


def lock_run(session: Session, run_id: int) -> Run:
    """Hold the run's row until the transaction ends: whoever writes under a run does this first. Raises NotFound."""
    query = select(Run).where(Run.id == run_id).with_for_update().execution_options(populate_existing=True)
    run = session.exec(query).first()
    if run is None:
        raise no_such_run()
    return run


def no_such_run() -> NotFound:
    return NotFound("There is no such run.", hint="See the list of runs for its name or number.")


def find_revision(session: Session, run_id: int) -> int:
    revision = session.exec(select(Run.revision).where(Run.id == run_id)).first()
    if revision is None:
        raise no_such_run()
    return revision


def run_by_reference(session: Session, reference: str) -> Run | None:
    """By id, then name (pages name runs by id, which no name may shadow), then folder: the latest run in it."""
    if reference.isascii() and reference.isdecimal() and len(reference) < 20 and int(reference) <= _LARGEST_ID:
        run = session.get(Run, int(reference))
        if run is not None:
            return run
    return run_by_name(session, reference) or next(iter(runs_in_folder(session, reference)), None)


def run_by_name(session: Session, name: str) -> Run | None:
    return session.exec(select(Run).where(Run.name == name)).first()


def runs_in_folder(session: Session, output_dir: str) -> Sequence[Run]:
    """Every run whose output folder this is, the latest first: a rerun in the same folder is a run of its own."""
    if not output_dir:
        return []
    return session.exec(select(Run).where(Run.output_dir == output_dir).order_by(col(Run.generation).desc())).all()


def training_in_folder(session: Session, output_dir: str) -> Run | None:
    """The latest run in this folder, if it has not ended."""
    latest = next(iter(runs_in_folder(session, output_dir)), None)
    return latest if latest is not None and latest.state == RunState.TRAINING.value else None


def add_run(
    session: Session, *, project_id: int, name: str, output_dir: str, trainer: str, base_model: str | None, state: str
) -> Run:
    """A new run under a name that is free: `name`, or `name-2`, `name-3` …"""
    last = session.exec(select(func.max(Run.generation)).where(Run.output_dir == output_dir)).one()
    now = time.time()
    run = Run(
        project_id=project_id,
        name=_free_name(session, name),
        output_dir=output_dir,
        generation=(last or 0) + 1,
        trainer=trainer,
        base_model=base_model,
        state=state,
        first_seen=now,
        changed_at=now,
    )
    session.add(run)
    session.flush()
    return run


def _free_name(session: Session, name: str) -> str:
    prefix = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    taken = set(session.exec(select(Run.name).where(col(Run.name).like(f"{prefix}%", escape="\\"))))
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def runs_of_base(session: Session, project_id: int, base_model: str) -> Sequence[Run]:
    """Every run of a project that names this base model, held, by id."""
    query = select(Run).where(Run.project_id == project_id, Run.base_model == base_model).order_by(col(Run.id))
    return session.exec(query.with_for_update().execution_options(populate_existing=True)).all()


def count_under(session: Session, run_id: int) -> tuple[int, int, int, int]:
    """(checkpoints without the base, answers, ratings, points) that would go with the run."""
    answers = select(Answer.id).join(Checkpoint, col(Checkpoint.id) == Answer.checkpoint_id)
    own = answers.where(Checkpoint.run_id == run_id)
    ratings = select(func.count()).where(
        (col(Rating.run_id) == run_id) | col(Rating.reference_id).in_(own), col(Rating.superseded_by).is_(None)
    )
    return (
        session.exec(select(func.count()).where(Checkpoint.run_id == run_id, Checkpoint.step > 0)).one(),
        session.exec(select(func.count()).select_from(own.subquery())).one(),
        session.exec(ratings.where(col(Rating.verdict).is_not(None))).one(),
        session.exec(select(func.sum(MetricSeries.total)).where(MetricSeries.run_id == run_id)).one() or 0,
    )


def remove_run(session: Session, run: Run) -> None:
    """With everything under it: every foreign key to a run cascades."""
    session.exec(delete(Run).where(col(Run.id) == stored_id(run.id)))


def failed_checkpoints(session: Session, run_id: int) -> list[int]:
    """Ids of checkpoints whose job ended in failure."""
    return list(session.exec(select(Job.checkpoint_id).where(Job.run_id == run_id, Job.state == JobState.FAILED.value)))
