"""Steering a run that trains: asked by its owner, heard and settled by the training process. Never a guest's."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from beyondloss.domain.steering import Order, OrderState, Settled
from beyondloss.services import steering
from beyondloss.web.api.shapes import Id, In, Out, OwnerAsking, Step, Text, TheRun, TheStore, problems

router = APIRouter(tags=["steering"])


class RequestOut(Out):
    id: int
    order: Order
    state: OrderState
    step: int | None = Field(description="Where it was carried out.")
    detail: str = Field(description="Why it was not.")
    asked_at: float = Field(description="POSIX seconds.")
    settled_at: float | None


class SteeringOut(Out):
    listening: bool = Field(description="Whether the run trains and its callback asks for orders.")
    requests: list[RequestOut] = Field(description="The latest, newest first.")


class OrderIn(In):
    order: Order


class SettledIn(In):
    id: Id
    done: bool
    step: Step | None = None
    detail: Annotated[Text, Field(max_length=500)] = ""


class HeardIn(In):
    first: Annotated[bool, Field(description="The process has just begun: what was asked before is not for it.")] = (
        False
    )
    settled: Annotated[list[SettledIn], Field(max_length=100)] = Field(default=[])


class OrdersOut(Out):
    requests: list[RequestOut]


@router.get("/runs/{run}/steering", responses=problems(403, 404))
def get_steering(store: TheStore, visitor: OwnerAsking, run: TheRun) -> SteeringOut:
    """Whether somebody listens, and what became of the latest requests."""
    return SteeringOut.model_validate(steering.steering_of(store, visitor, run.id, run.state))


@router.post("/runs/{run}/steering", responses=problems(403, 404, 409, 422))
def post_order(store: TheStore, visitor: OwnerAsking, run: TheRun, body: OrderIn) -> RequestOut:
    """Ask the training process to save (and have that answered), or to save and stop, at its next step."""
    return RequestOut.model_validate(steering.ask(store, visitor, run.id, body.order))


@router.post("/runs/{run}/steering/heard", responses=problems(403, 404, 422))
def post_heard(store: TheStore, _visitor: OwnerAsking, run: TheRun, body: HeardIn) -> OrdersOut:
    """What the callback asks every second: says what it has done, and gets what is still to do."""
    settled = [Settled(one.id, one.done, one.step, one.detail) for one in body.settled]
    requests = steering.hear(store, run.id, settled, first=body.first)
    return OrdersOut(requests=[RequestOut.model_validate(request) for request in requests])
