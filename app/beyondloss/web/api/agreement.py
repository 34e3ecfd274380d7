"""Agreement: how far several raters of a run see its answers alike, and how each of them rates."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from beyondloss.services import agreement, checks
from beyondloss.services.agreement import Agreement, BehaviourAgreement, Disagreement, RaterRow, Share, Undefined
from beyondloss.services.checks import CheckSettings
from beyondloss.web.api.shapes import (
    LARGEST_STEP,
    Asking,
    In,
    Items,
    Name,
    Number,
    Out,
    OwnerAsking,
    TheRun,
    TheStore,
    problems,
)
from beyondloss.web.api.verdicts import JudgedBehaviourOut
from beyondloss.web.raters.words import noise_json

router = APIRouter(tags=["ratings"])


class AgreementOut(Out):
    """One behaviour, or all probes together (`behaviour` null)."""

    behaviour: JudgedBehaviourOut | None
    comparisons: int = Field(description="Comparisons that several people rated.")
    raw: Number = Field(description="Share of the pairs of ratings of one comparison that are equal.")
    alpha: Number = Field(description="Krippendorff's alpha, ordinal. 1 is full agreement, 0 chance.")
    undefined: Undefined | None = Field(description="Why there is no alpha.")


class ShareOut(Out):
    share: Number
    low: Number = Field(description="95 % interval.")
    high: Number
    count: int
    total: int


class RaterOut(Out):
    id: int
    name: str
    comparisons: int
    blind: int = Field(description="Of these, the ones rated without knowing whose answers they are.")
    left: ShareOut = Field(description="How often the answer on the left was preferred, where one was.")
    same_again: ShareOut = Field(description="Comparisons asked again with the sides swapped that were rated the same.")
    seconds: Number = Field(description="Median time per comparison in rating mode.")


class SaidOut(Out):
    rater: str
    behaviour: str | None = Field(description="Null for all behaviours without a word of their own.")
    verdict: int
    both_bad: bool
    comment: str


class DisagreementOut(Out):
    probe: str
    prompt: str
    step: int
    against_step: int
    against_run: str = Field(description="Another run's name, where the reference is one of its answers.")
    answer_id: int
    reference_id: int
    spread: float = Field(description="The farthest that two raters are apart, from 0 to 2.")
    said: list[SaidOut]


class BaseNoiseOut(Out):
    """What raters prefer among the base's own answers: below that, no difference is one."""

    probes: int
    net_win: Number = Field(description="Null with fewer than six probes.")
    low: Number
    high: Number
    margin: float = Field(description="Net wins within ±this are the same.")


class AgreementsOut(Items[AgreementOut]):
    """In the order in which the probes name their behaviours. `next` is always null."""

    run_id: int
    overall: AgreementOut
    raters: list[RaterOut] = Field(description="Whoever rated most first. A guest sees only their own row.")
    disagreements: list[DisagreementOut] = Field(description="The widest first, of comparisons the caller has rated.")
    hidden: int = Field(description="Comparisons that several others rated and the caller has not.")
    base_noise: BaseNoiseOut
    quality_checks: bool = Field(description="Whether rating mode asks them.")


class QualityChecksIn(In):
    on: bool


class QualityChecksOut(Out):
    on: bool
    base_pairs: int = Field(description="Pairs of the base's own answers that differ: 0 without temperature.")


@router.get("/runs/{run}/agreement", responses=problems(400, 404, 422))
def list_agreement(
    *,
    store: TheStore,
    visitor: Asking,
    run: TheRun,
    step: Annotated[int | None, Query(ge=0, le=LARGEST_STEP, description="Only this checkpoint's.")] = None,
    against: Annotated[Name, Query(description="With `step`: base, previous, or a step.")] = "base",
    everything: Annotated[bool, Query(alias="all", description="The owner: also what he has not rated.")] = False,
) -> AgreementsOut:
    """How far raters agree, per behaviour, where they do not, and how each of them rates."""
    found = agreement.agreement_of(store, run.id, visitor, step=step, against=against, everything=everything)
    return _out(found, checks.check_settings(store, visitor, run.id))


@router.put("/runs/{run}/quality-checks", responses=problems(403, 404, 422))
def put_quality_checks(store: TheStore, visitor: OwnerAsking, run: TheRun, body: QualityChecksIn) -> QualityChecksOut:
    """Whether rating mode asks quality checks: repeats with the sides swapped, and base against base."""
    checks.switch_checks(store, visitor, run.id, on=body.on)
    return QualityChecksOut.model_validate(checks.check_settings(store, visitor, run.id))


def _out(found: Agreement, settings: CheckSettings) -> AgreementsOut:
    return AgreementsOut(
        items=[_agreement(one) for one in found.behaviours],
        run_id=found.run_id,
        overall=_agreement(found.overall),
        raters=[_rater(row) for row in found.raters],
        disagreements=[_disagreement(one) for one in found.disagreements],
        hidden=found.hidden,
        base_noise=BaseNoiseOut.model_validate(noise_json(found.noise)),
        quality_checks=settings.on,
    )


def _agreement(one: BehaviourAgreement) -> AgreementOut:
    return AgreementOut.model_validate(one)


def _rater(row: RaterRow) -> RaterOut:
    return RaterOut(
        id=row.id,
        name=row.name,
        comparisons=row.comparisons,
        blind=row.blind,
        left=_share(row.left),
        same_again=_share(row.steady),
        seconds=row.seconds,
    )


def _share(share: Share) -> ShareOut:
    known = share.value is not None
    return ShareOut(
        share=share.value,
        low=share.interval.low if known else None,
        high=share.interval.high if known else None,
        count=share.count,
        total=share.total,
    )


def _disagreement(one: Disagreement) -> DisagreementOut:
    return DisagreementOut(
        probe=one.answer.probe.key,
        prompt=one.answer.probe.prompt,
        step=one.answer.step,
        against_step=one.reference.step,
        against_run=one.reference_run,
        answer_id=one.answer.id,
        reference_id=one.reference.id,
        spread=one.spread,
        said=[
            SaidOut(
                rater=said.rater,
                behaviour=said.behaviour.name if said.behaviour else None,
                verdict=said.verdict,
                both_bad=said.both_bad,
                comment=said.comment,
            )
            for said in one.said
        ],
    )
