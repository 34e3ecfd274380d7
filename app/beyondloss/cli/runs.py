"""`import`, `answer`, `share`: what is done to runs."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beyondloss.cli.invocation import Invocation, command
from beyondloss.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from beyondloss.services.runs import Imported, RunView
    from beyondloss.settings import Settings
    from beyondloss.store.engine import Store

RUN = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, name, or folder.")]
_SECONDS = {"h": 3600.0, "d": 86_400.0, "w": 604_800.0}


def register(app: typer.Typer) -> None:
    command(app, "import")(import_)
    command(app)(answer)
    command(app)(share)


def import_(
    invocation: Invocation,
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders to look for runs in.")],
    project: Annotated[str, typer.Option(help="The project that new runs join.")] = "default",
    base: Annotated[
        str | None, typer.Option(help="The base model's folder or hub id, when adapters name another.")
    ] = None,
) -> None:
    """Take in every run under the given folders, once. `serve DIR` does the same and keeps following."""
    settings = invocation.settings()
    missing = next((folder for folder in folders if not folder.exists()), None)
    if missing is not None:
        raise NotFound(f"There is no folder {missing}.", hint="Name the folder that the trainer writes to.")

    from beyondloss.services.importing import import_folders

    report = import_folders(
        invocation.store(settings),
        folders,
        project=project,
        kept_dir=settings.kept_dir,
        base=base,
        kept_bytes=settings.kept_bytes,
    )
    if not report.imported and not report.unreadable:
        raise NotFound(
            f"No run was found under {', '.join(map(str, folders))}.",
            hint="A run is a folder with checkpoint-<step> folders in it, with weights, as trainers write them.",
        )
    lines = [_import_line(imported) for imported in report.imported]
    invocation.tell(
        "\n".join(lines),
        {"imported": [asdict(imported) for imported in report.imported], "unreadable": list(report.unreadable)},
    )
    for sentence in report.unreadable:
        typer.echo(sentence, err=True)
    if report.unreadable:
        raise typer.Exit(1)


def answer(
    invocation: Invocation,
    run: RUN,
    *,
    step: Annotated[list[int] | None, typer.Option(help="Only this step; may be given more than once.")] = None,
    set_name: Annotated[str | None, typer.Option("--set", help="Only this probe set.")] = None,
    max_new_tokens: Annotated[int | None, typer.Option(help="Token limit of an answer. [256]")] = None,
    dtype: Annotated[str | None, typer.Option(help="float32, bfloat16, float16 or auto.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="0 answers greedily; without, as the run was asked before.")
    ] = None,
    samples: Annotated[int | None, typer.Option(help="Answers per probe, with a temperature.")] = None,
) -> None:
    """Make the answers of a run here and now."""
    settings = invocation.settings(dtype=dtype, device=device)
    store = invocation.store(settings)
    view = find_run(store, run)

    from beyondloss.cli.answering import Asked, answer_now, doubts_of
    from beyondloss.domain.sampling import Sampling

    sampling = None
    if (max_new_tokens, temperature, samples) != (None, None, None):
        given = {"max_new_tokens": max_new_tokens, "temperature": temperature, "samples": samples}
        sampling = Sampling(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    for doubt in doubts_of(view):
        typer.echo(doubt, err=True)
    asked = Asked(view, steps=step or None, sampling=sampling, set_name=set_name)
    answered = answer_now(settings, store, asked, show=not invocation.options.as_json)
    invocation.tell(answered.sentence, asdict(answered))
    for reason in answered.failures:
        typer.echo(reason, err=True)
    if answered.failures:
        raise typer.Exit(1)


def share(
    invocation: Invocation,
    run: RUN,
    *,
    can_rate: Annotated[bool, typer.Option("--can-rate", help="Visitors may rate, not only look.")] = False,
    expires: Annotated[str, typer.Option(help="How long it works: 12h, 7d, 4w, or never.")] = "7d",
) -> None:
    """Make a link to one run for somebody without an account, and print it once."""
    expires_in_seconds = _duration_seconds(expires)
    settings = invocation.settings()
    store = invocation.store(settings)
    view = find_run(store, run)

    from beyondloss.domain.ratings import LinkRole
    from beyondloss.services.sharing import make_link

    link = make_link(
        store,
        run_id=view.id,
        project_id=None,
        role=LinkRole.RATE if can_rate else LinkRole.VIEW,
        expires_in_seconds=expires_in_seconds,
    )
    url = f"{_public_url(settings)}/s/{link.token}"
    invocation.tell(url, {"id": link.id, "url": url, "role": link.role, "expires_at": link.expires_at})
    if settings.public_url is None and not invocation.options.as_json:
        typer.echo(
            "This address works on this machine only. For others: beyondloss serve --host 0.0.0.0, "
            "and BEYONDLOSS_PUBLIC_URL with the address they use.",
            err=True,
        )


def find_run(store: "Store", reference: str) -> "RunView":
    from beyondloss.domain.access import OWNER
    from beyondloss.services import runs

    return runs.find_run(store, reference, OWNER)


def _import_line(imported: "Imported") -> str:
    new = "new" if imported.created else f"{imported.new_checkpoints} new"
    return f"{imported.name}: {imported.checkpoints} checkpoints ({new}), {imported.points} loss and metric points"


def _duration_seconds(text: str) -> float | None:
    if text == "never":
        return None
    match = re.fullmatch(r"(\d{1,6})([hdw])", text)
    if match is None or int(match[1]) == 0:
        raise InvalidInput(f"{text!r} is no length of time.", hint="Write 12h, 7d, 4w, or never.")
    return int(match[1]) * _SECONDS[match[2]]


def _public_url(settings: "Settings") -> str:
    return (settings.public_url or f"http://{settings.host}:{settings.port}").rstrip("/")
