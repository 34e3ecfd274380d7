"""The report page, and the same report as a file: one HTML file, Markdown, JSON."""

import json
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from beyondloss.services.report import Report, build_report
from beyondloss.web.render import render
from beyondloss.web.report.data import as_json
from beyondloss.web.report.document import as_document
from beyondloss.web.report.markdown import as_markdown
from beyondloss.web.report.pages import ReportPage, build_page
from beyondloss.web.visitors import visitor_of

router = APIRouter(prefix="/runs/{reference}/report")

_LARGEST_STEP = 2**53 - 1


class FileFormat(StrEnum):
    HTML = "html"
    MARKDOWN = "md"
    JSON = "json"


_MEDIA = {FileFormat.HTML: "text/html", FileFormat.MARKDOWN: "text/markdown", FileFormat.JSON: "application/json"}


@router.get("")
def show_report(
    request: Request,
    reference: str,
    *,
    step: Annotated[int | None, Query(ge=0, le=_LARGEST_STEP)] = None,
    against: Annotated[str, Query(max_length=400)] = "base",
    form: Annotated[FileFormat | None, Query(alias="format")] = None,
) -> Response:
    """The page; with `format` a file to keep or send."""
    report = build_report(request.app.state.store, reference, visitor_of(request), step=step, against=against)
    page = build_page(report)
    if form is None:
        return render(request, "report/report.html", page)
    name = f"run-{report.run.id}-step-{report.verdicts.step}-report.{form.value}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(_written(request, report, page, form), media_type=_MEDIA[form], headers=headers)


def _written(request: Request, report: Report, page: ReportPage, form: FileFormat) -> str:
    if form is FileFormat.HTML:
        return as_document(page, request.app.state.templates)
    if form is FileFormat.MARKDOWN:
        return as_markdown(page)
    return json.dumps(as_json(report, page), ensure_ascii=False, allow_nan=False)
