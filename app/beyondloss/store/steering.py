"""Orders to training processes: rows that the page writes and the process settles."""

import time
from collections.abc import Sequence

from sqlmodel import Session, col, select

from beyondloss.domain.steering import OrderState, Settled
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Run, Steering


def latest_requests(session: Session, run_id: int, *, limit: int) -> Sequence[Steering]:
    """Newest first."""
    query = select(Steering).where(Steering.run_id == run_id).order_by(col(Steering.id).desc())
    return session.exec(query.limit(limit)).all()


def open_requests(session: Session, run_id: int) -> Sequence[Steering]:
    """In the order they were asked."""
    query = select(Steering).where(Steering.run_id == run_id, Steering.state == OrderState.ASKED.value)
    return session.exec(query.order_by(col(Steering.id))).all()


def heard_at(session: Session, run_id: int) -> float | None:
    return session.exec(select(Run.heard_at).where(Run.id == run_id)).first()


def add_request(session: Session, run_id: int, order: str) -> Steering:
    request = Steering(run_id=run_id, order=order, asked_at=time.time())
    session.add(request)
    session.flush()
    return request


def settle(session: Session, run_id: int, settled: Sequence[Settled]) -> bool:
    """Note what became of open requests; gives whether that was news. What is settled stays as it was settled."""
    told = {one.id: one for one in settled}
    known = [request for request in open_requests(session, run_id) if stored_id(request.id) in told]
    for request in known:
        said = told[stored_id(request.id)]
        request.state = OrderState.DONE.value if said.done else OrderState.FAILED.value
        request.step, request.detail, request.settled_at = said.step, said.detail, time.time()
        session.add(request)
    return bool(known)


def miss_open(session: Session, run_id: int) -> bool:
    """Nobody is left to carry them out."""
    requests = open_requests(session, run_id)
    for request in requests:
        request.state, request.settled_at = OrderState.MISSED.value, time.time()
        session.add(request)
    return bool(requests)
