"""Runs: found by id, name or folder, made, and held while something under them is written."""

from sqlmodel import Session, select

from beyondloss.errors import NotFound
from beyondloss.store.tables import Run


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
