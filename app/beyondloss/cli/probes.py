"""`probes add`, `probes list`, `probes export`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from beyondloss.cli.invocation import Invocation, command
from beyondloss.errors import InvalidInput

PROJECT = Annotated[str, typer.Option("--project", help="The project they belong to.")]
OUTPUT = Annotated[Path | None, typer.Option("--output", "-o", help="File to write; its suffix says the format.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The fixed questions that every checkpoint answers.", no_args_is_help=True)
    command(group)(add)
    command(group, "list")(list_)
    command(group)(export)
    app.add_typer(group, name="probes")


def add(
    invocation: Invocation,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .yaml, .json, .jsonl or .csv file.")],
    project: PROJECT = "default",
    set_name: Annotated[str, typer.Option("--set", help="The probe set to add to.")] = "main",
) -> None:
    """Add the probes of a file; one whose id exists already is revised."""
    from beyondloss.ingest.probe_files import read_probe_file
    from beyondloss.services.projects import add_probes

    parsed = read_probe_file(file)
    store = invocation.store(invocation.settings())
    done = add_probes(store, project, parsed, set_name=set_name)
    invocation.tell(
        f"{done.added} added, {done.revised} revised, {done.unchanged} unchanged; {done.behaviours} behaviours.",
        asdict(done),
    )


def list_(invocation: Invocation, project: PROJECT = "default") -> None:
    """List the probes of a project, by set."""
    from beyondloss.domain.access import OWNER
    from beyondloss.services.projects import find_project

    view = find_project(invocation.store(invocation.settings()), project, OWNER)
    lines = []
    for probe_set in view.sets:
        lines.append(
            f"{probe_set.name} ({'active' if probe_set.active else 'not asked'}, {len(probe_set.probes)} probes)"
        )
        lines += [f"  {probe.key:24} {probe.family:11} {_short(probe.prompt)}" for probe in probe_set.probes]
    invocation.tell("\n".join(lines) or "No probes yet.", {"items": [asdict(probe_set) for probe_set in view.sets]})


def export(
    invocation: Invocation,
    project: PROJECT = "default",
    set_name: Annotated[str | None, typer.Option("--set", help="Only this probe set.")] = None,
    output: OUTPUT = None,
) -> None:
    """Print the probes as a file that `probes add` reads back (YAML, or by the suffix of `-o`; JSON with `--json`)."""
    from beyondloss.domain.access import OWNER
    from beyondloss.ingest.probe_files import FORMATS, dump_probe_file
    from beyondloss.services.projects import export_probes, find_project

    suffix = output.suffix.lstrip(".").lower() if output else ""
    format_name = {"yml": "yaml", "": "json" if invocation.options.as_json else "yaml"}.get(suffix, suffix)
    if format_name not in FORMATS:
        raise InvalidInput(f"Probes are not written as .{suffix}.", hint=f"Use one of {', '.join(FORMATS)}.")
    store = invocation.store(invocation.settings())
    view = find_project(store, project, OWNER)
    text = dump_probe_file(export_probes(store, view.id, set_name=set_name), format_name)
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, "utf-8")


def _short(prompt: str) -> str:
    line = " ".join(prompt.split())
    return line if len(line) <= 70 else f"{line[:69]}…"
