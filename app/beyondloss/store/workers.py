"""What workers say of themselves: one row each, renewed with every heartbeat."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete
from sqlmodel import Session, col, select

from beyondloss.store.insert import insert_into
from beyondloss.store.tables import WorkerState

FORGOTTEN_AFTER_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class WorkerReport:
    name: str
    engine: str
    device: str
    status: str


def report(session: Session, said: WorkerReport) -> None:
    """Also forgets workers that have been silent for an hour."""
    now = time.time()
    told = {"engine": said.engine, "device": said.device, "status": said.status, "heartbeat_at": now}
    statement = insert_into(session, WorkerState).values(name=said.name, started_at=now, **told)
    session.exec(statement.on_conflict_do_update(index_elements=["name"], set_=told))
    session.exec(delete(WorkerState).where(col(WorkerState.heartbeat_at) < now - FORGOTTEN_AFTER_SECONDS))


def forget(session: Session, name: str) -> None:
    session.exec(delete(WorkerState).where(col(WorkerState.name) == name))


def all_workers(session: Session) -> Sequence[WorkerState]:
    return session.exec(select(WorkerState).order_by(col(WorkerState.started_at), col(WorkerState.id))).all()
