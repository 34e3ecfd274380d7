"""The number pages left open ask for: every write that a run's page would show bumps it in the same transaction."""

from sqlalchemy import update
from sqlmodel import Session, col

from beyondloss.store.tables import Run


def bump_run(session: Session, run_id: int) -> None:
    """Lock order: a transaction that writes under a run bumps the run first, so that two of them never deadlock."""
    session.exec(update(Run).where(col(Run.id) == run_id).values(revision=col(Run.revision) + 1))


def bump_project(session: Session, project_id: int) -> None:
    """Every run of a project: its probes or behaviours changed."""
    session.exec(update(Run).where(col(Run.project_id) == project_id).values(revision=col(Run.revision) + 1))
