"""Projects, their behaviours and their base-model mappings."""

import secrets
import time
from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from beyondloss.store.insert import insert_into
from beyondloss.store.tables import BaseModelMapping, Behaviour, Probe, ProbeBehaviour, Project, Run


def all_projects(session: Session, *, project_id: int | None = None) -> Sequence[Project]:
    """By name; one of them only, when asked for."""
    query = select(Project).order_by(func.lower(col(Project.name)), col(Project.id))
    if project_id is not None:
        query = query.where(Project.id == project_id)
    return session.exec(query).all()


def get_project(session: Session, project_id: int) -> Project | None:
    return session.get(Project, project_id)


def hold_project(session: Session, project_id: int) -> Project:
    """Whoever makes runs in a project makes them one after the other; what only refers to it need not wait."""
    query = select(Project).where(Project.id == project_id).with_for_update(key_share=True)
    return session.exec(query).one()


def project_by_reference(session: Session, reference: str) -> Project | None:
    """By name, or by id where no project bears the number as its name."""
    found = session.exec(select(Project).where(Project.name == reference)).first()
    if found is None and reference.isascii() and reference.isdecimal() and len(reference) < 10:
        found = session.get(Project, int(reference))
    return found


def ensure_project(session: Session, name: str) -> Project:
    """Two processes may ask at once: the unique name decides, both get the same row."""
    statement = insert_into(session, Project).values(name=name, salt=secrets.token_hex(16), created_at=time.time())
    session.exec(statement.on_conflict_do_nothing(index_elements=["name"]))
    return session.exec(select(Project).where(Project.name == name)).one()


def count_runs(session: Session) -> dict[int, int]:
    """Runs per project id."""
    rows = session.exec(select(Run.project_id, func.count()).group_by(col(Run.project_id))).all()
    return dict(rows)


def base_models(session: Session) -> Sequence[BaseModelMapping]:
    return session.exec(select(BaseModelMapping).order_by(col(BaseModelMapping.name))).all()


def base_model_path(session: Session, project_id: int, name: str) -> str | None:
    """Where the project says this base model lies, or None when nobody said."""
    query = select(BaseModelMapping.path).where(
        BaseModelMapping.project_id == project_id, BaseModelMapping.name == name
    )
    return session.exec(query).first()


def named_base_models(session: Session, project_id: int) -> list[str]:
    """What the project's runs say they were trained from."""
    query = select(Run.base_model).where(Run.project_id == project_id, col(Run.base_model).is_not(None)).distinct()
    return sorted(name for name in session.exec(query) if name)


def set_base_model_path(session: Session, project_id: int, *, name: str, path: str) -> str | None:
    """Gives the path that was mapped before."""
    before = base_model_path(session, project_id, name)
    statement = insert_into(session, BaseModelMapping).values(project_id=project_id, name=name, path=path)
    statement = statement.on_conflict_do_update(index_elements=["project_id", "name"], set_={"path": path})
    session.exec(statement)
    return before


def behaviours(session: Session, *, project_id: int | None = None, archived: bool = False) -> Sequence[Behaviour]:
    """In the order people gave them; archived ones only when asked for."""
    query = select(Behaviour).order_by(col(Behaviour.project_id), col(Behaviour.position), col(Behaviour.id))
    if project_id is not None:
        query = query.where(Behaviour.project_id == project_id)
    if not archived:
        query = query.where(~col(Behaviour.archived))
    return session.exec(query).all()


def count_behaviour_probes(session: Session) -> dict[int, int]:
    """Current probes that examine each behaviour, by behaviour id."""
    query = (
        select(ProbeBehaviour.behaviour_id, func.count())
        .join(Probe, col(Probe.id) == ProbeBehaviour.probe_id)
        .where(col(Probe.replaced_by).is_(None), ~col(Probe.archived))
        .group_by(col(ProbeBehaviour.behaviour_id))
    )
    return dict(session.exec(query).all())


def get_behaviour(session: Session, behaviour_id: int) -> Behaviour | None:
    return session.get(Behaviour, behaviour_id)


def behaviour_by_name(session: Session, project_id: int, name: str) -> Behaviour | None:
    return session.exec(select(Behaviour).where(Behaviour.project_id == project_id, Behaviour.name == name)).first()


def add_behaviour(session: Session, project_id: int, *, name: str, wanted: str) -> Behaviour:
    """At the end of the project's list."""
    last = session.exec(select(func.max(Behaviour.position)).where(Behaviour.project_id == project_id)).one()
    behaviour = Behaviour(project_id=project_id, name=name, wanted=wanted, position=0 if last is None else last + 1)
    session.add(behaviour)
    session.flush()
    return behaviour
