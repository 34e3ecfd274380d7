"""Choosing a checkpoint: what ratings and losses say of each, and which one the owner chose."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from beyondloss.analysis.choosing import CostWord
from beyondloss.domain.access import Visitor
from beyondloss.services import choosing
from beyondloss.services.choosing import Purpose, Unservable
from beyondloss.services.runs import RunView
from beyondloss.store.engine import Store
from beyondloss.web.api.runs import ChosenOut
from beyondloss.web.api.shapes import (
    Asking,
    In,
    Number,
    Out,
    OwnerAsking,
    Step,
    Text,
    TheRun,
    TheStore,
    find_run,
    problems,
)

router = APIRouter(tags=["choosing"])


class ChoiceIn(In):
    step: Annotated[Step, Field(examples=[120])]
    note: Annotated[Text, Field(max_length=2000)] = ""


class EstimateOut(Out):
    value: float
    low: float = Field(description="95 % interval over probes.")
    high: float


class CostOut(Out):
    regret: EstimateOut = Field(description="Net win lost by going by this loss, on probes that did not choose.")
    e_value: Number
    word: CostWord


class LowestLossOut(Out):
    step: int
    value: Number
    cost: CostOut | None = Field(description="Null where raters favour the same checkpoint.")
    lower_at: int | None = Field(description="A checkpoint with too few ratings whose loss is lower still.")


class StandingOut(Out):
    step: int
    value: float = Field(description="Net win against base, on the probes that all of these share.")
    share: float = Field(description="In what share of random halves of the probes it came out best.")


class CommandOut(Out):
    purpose: Purpose
    text: str


class ServingOut(Out):
    step: int
    commands: list[CommandOut]
    unservable: Unservable | None


class ChoiceOut(Out):
    """What speaks for each checkpoint. Empty standings: too few ratings to compare any."""

    chosen: ChosenOut | None
    serving: ServingOut | None = Field(description="How the chosen one is merged and served; null for a guest.")
    probes: int
    best: int | None = Field(description="The checkpoint that raters favour; 0 is the base.")
    expected: EstimateOut | None = Field(description="What choosing by ratings is worth on probes that did not choose.")
    standings: list[StandingOut]
    left_out: list[int]
    evaluated: LowestLossOut | None
    train: LowestLossOut | None


@router.get("/runs/{run}/choice", responses=problems(404))
def get_choice(store: TheStore, visitor: Asking, run: TheRun) -> ChoiceOut:
    """What ratings and losses say of each checkpoint, and which one was chosen."""
    return _out(store, run, visitor)


@router.put("/runs/{run}/choice", responses=problems(403, 404, 422))
def put_choice(store: TheStore, visitor: OwnerAsking, run: TheRun, body: ChoiceIn) -> ChoiceOut:
    """Choose a checkpoint. Idempotent."""
    choosing.choose(store, visitor, run.id, step=body.step, note=body.note)
    return _out(store, find_run(store, str(run.id), visitor), visitor)


@router.delete("/runs/{run}/choice", status_code=204, responses=problems(403, 404))
def delete_choice(store: TheStore, visitor: OwnerAsking, run: TheRun) -> None:
    """Nothing is chosen any more. Idempotent."""
    choosing.unchoose(store, visitor, run.id)


def _out(store: Store, run: RunView, visitor: Visitor) -> ChoiceOut:
    found = choosing.weigh_checkpoints(store, run, visitor)
    serving = choosing.serving_of(run, visitor, step=run.chosen.step) if run.chosen else None
    return ChoiceOut(
        chosen=ChosenOut.model_validate(run.chosen) if run.chosen else None,
        serving=ServingOut.model_validate(serving) if serving else None,
        probes=found.probes,
        best=found.best,
        expected=EstimateOut.model_validate(found.expected) if found.expected else None,
        standings=[StandingOut.model_validate(one) for one in found.standings],
        left_out=list(found.left_out),
        evaluated=LowestLossOut.model_validate(found.evaluated) if found.evaluated else None,
        train=LowestLossOut.model_validate(found.train) if found.train else None,
    )
