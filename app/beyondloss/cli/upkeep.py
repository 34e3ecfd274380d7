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
    from beyondloss.store.engine import Store

    store = Store(invocation.settings().resolved_database_url)
    size_bytes = service.backup(store, file).stat().st_size
    invocation.tell(f"Kept in {file}, {size_bytes:,} bytes.", {"file": str(file), "bytes": size_bytes})


def restore(
    invocation: Invocation,
    file: FILE,
    *,
    force: Annotated[bool, typer.Option("--force", help="Even while another process seems to use the store.")] = False,
) -> None:
    """Put a backup in the place of the store. The store it replaces is kept beside it."""
    from beyondloss.services import backup as service
    from beyondloss.store.engine import Store

    kept = service.restore(Store(invocation.settings().resolved_database_url), file, force=force)
    invocation.tell(
        f"Restored {file}." + (f" What was there before is kept as {kept}." if kept else ""),
        {"file": str(file), "kept": str(kept) if kept else None},
    )


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
    what: Annotated[str, typer.Argument(metavar="decoding", help="What to measure.")],
    *,
    run: Annotated[Path, typer.Option("--run", metavar="DIR", help="The folder a trainer wrote adapters to.")],
    probes: Annotated[Path, typer.Option("--probes", metavar="FILE", help="A .yaml, .json, .jsonl or .csv file.")],
    base: Annotated[str | None, typer.Option("--base", metavar="MODEL", help="The base, if the run is wrong.")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Token limit of an answer.")] = 96,
    repeats: Annotated[int, typer.Option(min=1, help="Times each is measured; the median counts.")] = 1,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = None,
    dtype: Annotated[str | None, typer.Option(help="auto, float32, bfloat16, float16.")] = None,
) -> None:
    """Measure how fast this machine answers a run's checkpoints, beside two usual ways of doing it."""
    from beyondloss.errors import InvalidInput, MissingDependency

    if what != "decoding":
        raise InvalidInput(f"There is no benchmark {what!r}.", hint="There is one: beyondloss bench decoding")
    settings = invocation.settings(device=device, dtype=dtype)
    try:
        from beyondloss.cli.benching import Asked, bench_table, measure_decoding
        from beyondloss.generation.bench import BenchPlan
    except ModuleNotFoundError as error:
        raise MissingDependency(f"{error.name} is not installed.", hint="pip install 'beyondloss[worker]'") from error
    plan = BenchPlan(max_new_tokens, settings.device, settings.dtype, max_batch=settings.max_batch, repeats=repeats)
    measured = measure_decoding(Asked(run, probes, base), plan)
    invocation.tell(bench_table(measured), asdict(measured))
