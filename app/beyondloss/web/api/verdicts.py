"""Verdicts: what everybody's ratings support, per behaviour."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from beyondloss.analysis.verdicts import VerdictWord
from beyondloss.services import verdicts
from beyondloss.services.verdicts import BehaviourVerdict
from beyondloss.web.api.answers import SamplingQuery
from beyondloss.web.api.shapes import LARGEST_STEP, Asking, Items, Name, Number, Out, TheRun, TheStore, problems

router = APIRouter(tags=["ratings"])


class JudgedBehaviourOut(Out):
    id: int
    name: str
    wanted: str


class ProbeToRateOut(Out):
    id: int
    key: str


class VerdictOut(Out):
    """One behaviour, or all probes together (`behaviour` null)."""

    behaviour: JudgedBehaviourOut | None
    verdict: VerdictWord
    net_win: Number = Field(
        description="Share better minus share worse, over probes. Null while nothing is known, and for a share link's "
        "guest while fewer than six ratings would tell what one person said."
    )
    low: Number = Field(description="95 % interval over probes.")
    high: Number
    probes: int = Field(description="Probes behind the number: the rated ones, and equal answers in their proportion.")
    decisive: int = Field(description="Of these, the ones whose raters lean either way.")
    asked: int = Field(description="Probes that examine the behaviour.")
    ratings: int
    raters: int
    identical: bool = Field(description="Every answer equals its reference to the byte.")
    e_value: Number = Field(description="Evidence that there is a difference, valid however often somebody looks.")
    p_value: Number = Field(description="Sign-flip test, for one look at the end of a round.")
    holm: bool = Field(description="Whether that p-value stands after Holm's correction over the behaviours.")
    needed: int = Field(description="Ratings still needed, if answers go on as they do. 0 when a verdict is reached.")
    new_probes: int = Field(description="How many of those need probes that do not exist yet.")
    next_probes: list[ProbeToRateOut] = Field(description="The probes to rate first.")


class VerdictsOut(Items[VerdictOut]):
    """In the order in which the probes name their behaviours."""

    run_id: int
    step: int
    against: str
    against_step: int | None
    sampling: str
    overall: VerdictOut
    compared: int
    changed: int
    margin: float = Field(description="Net wins within ±this are the same: wider where raters' own noise is.")


@router.get("/runs/{run}/verdicts", responses=problems(400, 404, 422))
def list_verdicts(
    *,
    store: TheStore,
    visitor: Asking,
    run: TheRun,
    step: Annotated[int, Query(ge=0, le=LARGEST_STEP)],
    against: Annotated[Name, Query(description="base, previous, or a step.")] = "base",
    sampling: SamplingQuery = None,
) -> VerdictsOut:
    """What the ratings of this step against the reference support."""
    found = verdicts.verdicts_of(store, run.id, visitor, step=step, against=against, sampling=sampling)
    return VerdictsOut(
        items=[_out(one) for one in found.behaviours],
        run_id=found.run_id,
        step=found.step,
        against=found.against,
        against_step=found.against_step,
        sampling=found.sampling_key,
        overall=_out(found.overall),
        compared=found.compared,
        changed=found.changed,
        margin=found.margin,
    )


def _out(one: BehaviourVerdict) -> VerdictOut:
    return VerdictOut.model_validate(one)
