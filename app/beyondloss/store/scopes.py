"""What belongs to what: the project of a run, and the name of a run or project."""

from sqlmodel import Session, select

from beyondloss.store.tables import Project, Run


def run_project_id(session: Session, run_id: int) -> int | None:
    """The project of a run; None when there is no such run."""
    return session.exec(select(Run.project_id).where(Run.id == run_id)).first()


def run_name(session: Session, run_id: int) -> str | None:
    return session.exec(select(Run.name).where(Run.id == run_id)).first()


def project_name(session: Session, project_id: int) -> str | None:
    return session.exec(select(Project.name).where(Project.id == project_id)).first()
