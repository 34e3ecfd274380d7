"""Steering: the owner asks a training process to save or to stop; the process asks for orders and says what it did."""

import time
from collections.abc import Sequence

from beyondloss.domain.access import Visitor
from beyondloss.domain.runs import RunState
from beyondloss.domain.steering import HEARD_SECONDS, Order, OrderState, Request, Settled, Steering
from beyondloss.domain.text import storable
from beyondloss.errors import Conflict
from beyondloss.store import steering, tables
from beyondloss.store.engine import Store
from beyondloss.store.revisions import bump_run
from beyondloss.store.rows import stored_id
from beyondloss.store.runs import lock_run

SHOWN_REQUESTS = 5
NOTED_EVERY_SECONDS = HEARD_SECONDS / 3
"""How often a process that keeps asking is written down."""


def steering_of(store: Store, visitor: Visitor, run_id: int, state: RunState) -> Steering | None:
    """None for everybody but the owner: steering is nobody else's to see."""
    if not visitor.is_owner:
        return None
    with store.read() as session:
        heard_at = steering.heard_at(session, run_id)
        requests = tuple(_request(row) for row in steering.latest_requests(session, run_id, limit=SHOWN_REQUESTS))
    return Steering(_listens(state.value, heard_at), requests)


def ask(store: Store, visitor: Visitor, run_id: int, order: Order) -> Request:
    """Ask for it at the next step; asked again while it is open, it is the same request.

    Raises NotAllowed for anybody but the owner, Conflict when no training process listens.
    """
    visitor.require_owner()
    with store.write() as session:
        run = lock_run(session, run_id)
        if not _listens(run.state, run.heard_at):
            raise Conflict(
                "No training process of this run is listening.",
                hint="Add BeyondLossCallback to the trainer; it listens while it trains.",
            )
        for row in steering.open_requests(session, run_id):
            if row.order == order.value:
                return _request(row)
        row = steering.add_request(session, run_id, order.value)
        bump_run(session, run_id)
        return _request(row)


def hear(store: Store, run_id: int, settled: Sequence[Settled], *, first: bool = False) -> tuple[Request, ...]:
    """What a training process says and asks every second; gives what it shall do. `first`: it has just begun."""
    storables = [Settled(one.id, one.done, one.step, storable(one.detail)) for one in settled]
    if not settled and not first:
        with store.read() as session:
            open_now = steering.open_requests(session, run_id)
            noted = steering.heard_at(session, run_id)
            if noted is not None and time.time() - noted < NOTED_EVERY_SECONDS:
                return tuple(_request(row) for row in open_now)
    with store.write() as session:
        run = lock_run(session, run_id)
        news = not _listens(run.state, run.heard_at)
        run.heard_at = time.time()
        news |= steering.settle(session, run_id, storables)
        news |= first and steering.miss_open(session, run_id)
        session.flush()
        if news:
            bump_run(session, run_id)
        return tuple(_request(row) for row in steering.open_requests(session, run_id))


def _listens(state: str, heard_at: float | None) -> bool:
    return state == RunState.TRAINING.value and heard_at is not None and time.time() - heard_at < HEARD_SECONDS


def _request(row: tables.Steering) -> Request:
    return Request(
        id=stored_id(row.id),
        order=Order(row.order),
        state=OrderState(row.state),
        step=row.step,
        detail=row.detail,
        asked_at=row.asked_at,
        settled_at=row.settled_at,
    )
