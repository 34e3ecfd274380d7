"""What people said, to take away: preference data for trainers, ratings and answers as tables. The owner's only."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from beyondloss.domain.preferences import Unpaired, Wanted
from beyondloss.services import exports
from beyondloss.services.exports import PreferenceFormat, TableFormat
from beyondloss.web.api.shapes import LARGEST_STEP, Asking, Name, TheStore, find_run, problems

router = APIRouter(tags=["exports"])

Run = Annotated[str, Query(max_length=4096, description="Id or name.")]
JSON_LINES = "application/jsonl"
_MEDIA = {TableFormat.CSV: "text/csv", TableFormat.JSONL: JSON_LINES}


@router.get("/export/preferences", response_class=StreamingResponse, responses=problems(400, 403, 404, 422))
def export_preferences(
    *,
    store: TheStore,
    visitor: Asking,
    run: Run,
    form: Annotated[PreferenceFormat, Query(alias="format")] = PreferenceFormat.TRL_DPO,
    ties: Annotated[Unpaired, Query(description="Comparisons rated the same: KTO can keep both answers.")] = (
        Unpaired.DROP
    ),
    both_bad: Annotated[Unpaired, Query(description="Comparisons rated both bad: KTO can keep both answers.")] = (
        Unpaired.DROP
    ),
    least_agreement: Annotated[float, Query(ge=0, le=1, description="Share of raters behind a preference.")] = 0.5,
    least_raters: Annotated[int, Query(ge=1, le=1000)] = 1,
    step: Annotated[int | None, Query(ge=0, le=LARGEST_STEP, description="Only this checkpoint.")] = None,
    behaviour: Annotated[Name | None, Query(description="Only what was said of this behaviour.")] = None,
) -> StreamingResponse:
    """The ratings of a run as preference data, a JSON line each, with where it comes from."""
    run_id = find_run(store, run, visitor).id
    wanted = Wanted(ties, both_bad, least_agreement, least_raters=least_raters, step=step, behaviour=behaviour)
    lines = exports.preference_lines(store, run_id, visitor, form=form, wanted=wanted)
    return _download(lines, f"run-{run_id}-{form.value}.jsonl", JSON_LINES)


@router.get("/export/ratings", response_class=StreamingResponse, responses=problems(403, 404, 422))
def export_ratings(
    store: TheStore,
    visitor: Asking,
    run: Run,
    *,
    form: Annotated[TableFormat, Query(alias="format")] = TableFormat.CSV,
) -> StreamingResponse:
    """Every rating in force, in the form that `beyondloss ratings import` reads."""
    run_id = find_run(store, run, visitor).id
    lines = exports.rating_lines(store, run_id, visitor, form=form)
    return _download(lines, f"run-{run_id}-ratings.{form.value}", _MEDIA[form])


@router.get("/export/answers", response_class=StreamingResponse, responses=problems(403, 404, 422))
def export_answers(
    store: TheStore,
    visitor: Asking,
    run: Run,
    *,
    form: Annotated[TableFormat, Query(alias="format")] = TableFormat.CSV,
) -> StreamingResponse:
    """The current answers of a run; JSON lines hold messages, token ids and full provenance too."""
    run_id = find_run(store, run, visitor).id
    lines = exports.answer_lines(store, run_id, visitor, form=form)
    return _download(lines, f"run-{run_id}-answers.{form.value}", _MEDIA[form])


def _download(lines: Iterator[str], name: str, media_type: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines, media_type=f"{media_type}; charset=utf-8", headers=headers)
