"""`backup`, `restore`, `doctor`, `bench`: looking after the store and the machine."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from beyondloss.cli.invocation import Invocation, command

FILE = Annotated[Path, typer.Argument(metavar="FILE")]


def register(app: typer.Typer) -> None:
    command(app)(backup)
    command(app)(restore)
    command(app)(doctor)
    command(app)(bench)


def backup(invocation: Invocation, file: FILE) -> None:
    """Copy the whole store into one file, while everything keeps running."""
    from beyondloss.services import backup as service

    service.backup(invocation.store(invocation.settings()), file)
    invocation.tell(
        f"Kept in {file}, {file.stat().st_size:,} bytes.", {"file": str(file), "bytes": file.stat().st_size}
    )


def restore(invocation: Invocation, file: FILE) -> None:
    """Put a backup in the place of the store. The store it replaces is kept beside it."""
    from beyondloss.services import backup as service
    from beyondloss.store.engine import Store

    settings = invocation.settings()
    kept = service.restore(Store(settings.resolved_database_url), file)
    invocation.tell(f"Restored {file}. What was there before: {kept}.", {"file": str(file), "kept": str(kept)})


def doctor(invocation: Invocation) -> None:
    """Say what is installed, reachable and writable here, and what to do about what is not."""
    from beyondloss.cli.doctor import State, examine

    findings = examine(invocation.settings())
    lines = [f"{finding.state.mark} {finding.name}: {finding.detail}" for finding in findings]
    for index, finding in reversed(list(enumerate(findings))):
        if finding.hint:
            lines.insert(index + 1, f"    → {finding.hint}")
    invocation.tell("\n".join(lines), {"items": [asdict(finding) for finding in findings]})
    if any(finding.state is State.BROKEN for finding in findings):
        raise typer.Exit(1)


def bench(
    invocation: Invocation,
    what: Annotated[str, typer.Argument(help="decoding")] = "decoding",
) -> None:
    """Measure this machine: how fast answers are generated."""
    from beyondloss.cli.working import bench_decoding
    from beyondloss.errors import InvalidInput

    if what != "decoding":
        raise InvalidInput(f"There is no benchmark {what!r}.", hint="There is one: beyondloss bench decoding")
    bench_decoding(invocation)
