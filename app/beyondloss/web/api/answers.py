"""Answers, comparisons of two checkpoints' answers, and asking for more of them."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from beyondloss.domain.answers import Finish
from beyondloss.domain.sampling import Sampling
from beyondloss.services import answers, comparisons, queue
from beyondloss.services.answers import AnswerView
from beyondloss.services.comparisons import Comparison
from beyondloss.web.api.jobs import JobOut
from beyondloss.web.api.probes import ProbeOut
from beyondloss.web.api.ratings import RatingOut
from beyondloss.web.api.shapes import (
    LARGEST_STEP,
    After,
    Asking,
    In,
    Items,
    Limit,
    Name,
    Number,
    Out,
    OwnerAsking,
    Step,
    TheRun,
    TheStore,
    problems,
)

router = APIRouter(tags=["answers"])
StepQuery = Annotated[int | None, Query(ge=0, le=LARGEST_STEP, description="0 is the base.")]
SamplingQuery = Annotated[Name | None, Query(description="Id or key; the run's own without.")]


class SignalOut(Out):
    kind: str
    detail: str


class ProvenanceOut(Out):
    """How the answer came to be."""

    engine: str
    base_model: str
    base_fingerprint: str
    weights_fingerprint: str
    template_hash: str
    prompt_token_ids: list[int]
    dtype: str
    device: str
    decoding: str
    versions: dict[str, str]
    adapter_check: str
    notes: list[str]
    stats: dict[str, Number]


class AnswerOut(Out):
    """What one checkpoint said to one probe. `token_ids` are the new tokens, the end token left out."""

    id: int
    checkpoint_id: int
    run_id: int
    step: int
    probe: ProbeOut
    sampling_id: int
    sample_index: int
    text: str
    token_ids: list[int]
    finish: Finish
    signals: list[SignalOut]
    provenance: ProvenanceOut
    created_at: float


class OpOut(Out):
    """A stretch of the word diff: `old` of the reference, `new` of the answer."""

    kind: str
    old: str
    new: str


class ComparisonOut(Out):
    """One probe at this step against the reference. `answer` or `reference` is null while it is missing."""

    probe: ProbeOut
    sample_index: int
    answer: AnswerOut | None
    reference: AnswerOut | None
    changed: bool | None
    first_divergence: int | None = Field(description="Index of the first token that differs.")
    numerical_tie: bool = Field(description="They part where two tokens were as good as equal: not behaviour.")
    ops: list[OpOut]
    my_rating: RatingOut | None = Field(
        description="The visitor's rating in force, for all behaviours if there is one."
    )
    my_ratings: list[RatingOut]


class ComparisonsOut(Items[ComparisonOut]):
    """In the order of the probe sets."""

    run_id: int
    step: int
    against: str
    against_step: int | None
    sampling: str
    changed: int
    unchanged: int
    unrated: int
    missing: int


class AnswerRequestIn(In):
    """Without steps: every checkpoint that is there. The base is always asked too. A sampling becomes the run's own."""

    steps: Annotated[list[Step] | None, Field(max_length=10_000, examples=[[0, 120]])] = None
    max_new_tokens: Annotated[int | None, Field(ge=1, le=8192)] = None
    temperature: Annotated[float | None, Field(ge=0, le=10, allow_inf_nan=False)] = None
    top_p: Annotated[float | None, Field(gt=0, le=1, allow_inf_nan=False)] = None
    samples: Annotated[int | None, Field(ge=1, le=64)] = None


@router.get("/runs/{run}/answers", responses=problems(404, 422))
def list_answers(
    *,
    store: TheStore,
    run: TheRun,
    after: After,
    step: StepQuery = None,
    probe: Annotated[Name | None, Query(description="Id or key.")] = None,
    sampling: SamplingQuery = None,
    limit: Limit = 200,
) -> Items[AnswerOut]:
    """Current answers, by id."""
    found = answers.list_answers(store, run.id, step=step, probe=probe, sampling=sampling, after=after, limit=limit + 1)
    items = [answer_out(answer) for answer in found[:limit]]
    return Items(items=items, next=str(items[-1].id) if len(found) > limit else None)


@router.get("/runs/{run}/compare", responses=problems(400, 404, 422))
def compare(
    *,
    store: TheStore,
    visitor: Asking,
    run: TheRun,
    step: Annotated[int, Query(ge=0, le=LARGEST_STEP)],
    against: Annotated[Name, Query(description="base, previous, a step, or RUN@STEP of another run.")] = "base",
    sampling: SamplingQuery = None,
) -> ComparisonsOut:
    """Every probe at this step, beside what the reference said."""
    found = comparisons.compare(store, run.id, visitor, step=step, against=against, sampling=sampling)
    return ComparisonsOut(
        items=[_comparison_out(comparison) for comparison in found.comparisons],
        run_id=found.run_id,
        step=found.step,
        against=found.against,
        against_step=found.against_step,
        sampling=found.sampling_key,
        changed=found.changed,
        unchanged=found.unchanged,
        unrated=found.unrated,
        missing=found.missing,
    )


@router.post("/runs/{run}/answer", status_code=202, responses=problems(400, 403, 404, 422))
def ask_for_answers(store: TheStore, visitor: OwnerAsking, run: TheRun, body: AnswerRequestIn) -> Items[JobOut]:
    """Queue what is missing. Idempotent: jobs that wait already are given again."""
    ids = answers.request_answers(store, run.id, steps=body.steps, sampling=_sampling(body), looked_at=True)
    return Items(items=[JobOut.model_validate(queue.find_job(store, job_id)) for job_id in ids])


def answer_out(view: AnswerView) -> AnswerOut:
    return AnswerOut.model_validate(view)


def _comparison_out(view: Comparison) -> ComparisonOut:
    mine = [RatingOut.model_validate(rating) for rating in view.my_ratings]
    whole = next((rating for rating in mine if rating.behaviour_id is None), mine[0] if mine else None)
    return ComparisonOut.model_validate(
        {name: getattr(view, name) for name in ComparisonOut.model_fields if name not in {"my_rating", "my_ratings"}}
        | {"my_rating": whole, "my_ratings": mine}
    )


def _sampling(body: AnswerRequestIn) -> Sampling | None:
    """None when the request leaves everything as it is."""
    given = body.model_dump(exclude={"steps"}, exclude_none=True)
    return Sampling(**given) if given else None
