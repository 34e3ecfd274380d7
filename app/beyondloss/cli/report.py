"""`report`: what raters found in one checkpoint, as Markdown, one HTML file, or JSON."""

import json
from pathlib import Path
from typing import Annotated

import typer

from beyondloss.cli.exports import write
from beyondloss.cli.invocation import Invocation, command
from beyondloss.cli.runs import RUN
from beyondloss.errors import InvalidInput

FORMATS = ("md", "html", "json")
OUTPUT = Annotated[Path | None, typer.Option("--output", "-o", help="File to write; without, it is printed.")]


def register(app: typer.Typer) -> None:
    command(app)(report)


def report(
    invocation: Invocation,
    run: RUN,
    *,
    step: Annotated[int | None, typer.Option(help="The checkpoint. [the last one that was rated]")] = None,
    against: Annotated[str, typer.Option(help="base, previous, a step, or RUN@STEP.")] = "base",
    form: Annotated[
        str | None, typer.Option("--format", help="md, html or json. [by the file's suffix, or md]")
    ] = None,
    output: OUTPUT = None,
) -> None:
    """Say what raters found in a checkpoint, with examples, the losses beside it, and how far to trust it."""
    from beyondloss.domain.access import OWNER
    from beyondloss.services.report import build_report
    from beyondloss.web.report.data import as_json
    from beyondloss.web.report.document import as_document
    from beyondloss.web.report.markdown import as_markdown
    from beyondloss.web.report.pages import build_page

    chosen = _format(invocation, form, output)
    found = build_report(invocation.store(invocation.settings()), run, OWNER, step=step, against=against)
    page = build_page(found)
    if chosen == "json":
        text = json.dumps(as_json(found, page), ensure_ascii=False, allow_nan=False, indent=2) + "\n"
    else:
        text = as_document(page) if chosen == "html" else as_markdown(page)
    write([text], output)


def _format(invocation: Invocation, form: str | None, output: Path | None) -> str:
    suffix = output.suffix.lstrip(".").lower() if output else ""
    chosen = form or {"htm": "html", "markdown": "md"}.get(suffix, suffix)
    chosen = chosen or ("json" if invocation.options.as_json else "md")
    if chosen not in FORMATS:
        raise InvalidInput(f"A report is not written as {chosen}.", hint=f"Use one of {', '.join(FORMATS)}.")
    return chosen
