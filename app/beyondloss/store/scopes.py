"""What belongs to what: the project of a run, and the name of a run or project."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Project, Run


@dataclass(frozen=True, slots=True)
class NamedRun:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class ProjectRuns:
    """A project with its runs, by name only."""

    id: int
    name: str
    runs: tuple[NamedRun, ...]


def run_project_id(session: Session, run_id: int) -> int | None:
    """The project of a run; None when there is no such run."""
    return session.exec(select(Run.project_id).where(Run.id == run_id)).first()


def run_name(session: Session, run_id: int) -> str | None:
    return session.exec(select(Run.name).where(Run.id == run_id)).first()


def project_name(session: Session, project_id: int) -> str | None:
    return session.exec(select(Project.name).where(Project.id == project_id)).first()


def projects_with_runs(session: Session) -> list[ProjectRuns]:
    """All projects by name, each with its runs that are not archived, newest first."""
    projects = session.exec(select(Project.id, Project.name).order_by(func.lower(Project.name), col(Project.id))).all()
    query = select(Run.project_id, Run.id, Run.name).where(~col(Run.archived)).order_by(col(Run.id).desc())
    runs: dict[int, list[NamedRun]] = defaultdict(list)
    for project_id, run_id, name in session.exec(query).all():
        runs[project_id].append(NamedRun(stored_id(run_id), name))
    return [
        ProjectRuns(stored_id(project_id), name, tuple(runs[stored_id(project_id)])) for project_id, name in projects
    ]
