"""`export ratings|preferences|answers` and `ratings import`: what people said, out of a run and back."""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from beyondloss.cli.invocation import Invocation, command
from beyondloss.cli.runs import RUN, find_run
from beyondloss.domain.access import OWNER
from beyondloss.domain.preferences import Unpaired, Wanted
from beyondloss.errors import InvalidInput, NotFound

OUTPUT = Annotated[Path | None, typer.Option("--output", "-o", help="File to write; without, it is printed.")]
TABLE = Annotated[str | None, typer.Option("--format", help="csv or jsonl. [by the file's suffix, else csv]")]
Word = TypeVar("Word", bound=StrEnum)
PREFERENCES = "trl-dpo, trl-kto, llamafactory, llamafactory-kto, ms-swift or ms-swift-kto."


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Ratings, preference data and answers of a run, as files.", no_args_is_help=True)
    command(group, "ratings")(ratings)
    command(group)(preferences)
    command(group, "answers")(answers)
    app.add_typer(group, name="export")
    rated = typer.Typer(help="What people said of comparisons.", no_args_is_help=True)
    command(rated, "import")(import_)
    app.add_typer(rated, name="ratings")


def ratings(invocation: Invocation, run: RUN, *, form: TABLE = None, output: OUTPUT = None) -> None:
    """Every rating in force, as `ratings import` reads it back."""
    from beyondloss.services import exports

    store = invocation.store(invocation.settings())
    chosen = exports.TableFormat(_table_format(invocation, form, output))
    write(exports.rating_lines(store, find_run(store, run).id, OWNER, form=chosen), output)


def answers(invocation: Invocation, run: RUN, *, form: TABLE = None, output: OUTPUT = None) -> None:
    """The current answers; JSON lines hold messages, token ids and full provenance too."""
    from beyondloss.services import exports

    store = invocation.store(invocation.settings())
    chosen = exports.TableFormat(_table_format(invocation, form, output))
    write(exports.answer_lines(store, find_run(store, run).id, OWNER, form=chosen), output)


def preferences(
    invocation: Invocation,
    run: RUN,
    *,
    form: Annotated[str, typer.Option("--format", help=PREFERENCES)] = "trl-dpo",
    ties: Annotated[str, typer.Option(help="Rated the same: drop; for KTO also good or bad.")] = "drop",
    both_bad: Annotated[str, typer.Option(help="Rated both bad: drop; for KTO also bad.")] = "drop",
    least_agreement: Annotated[float, typer.Option(help="Share of raters that a preference needs, 0 to 1.")] = 0.5,
    least_raters: Annotated[int, typer.Option(help="Raters that a comparison needs.")] = 1,
    step: Annotated[int | None, typer.Option(help="Only this checkpoint.")] = None,
    behaviour: Annotated[str | None, typer.Option(help="Only what was said of this behaviour.")] = None,
    output: OUTPUT = None,
) -> None:
    """Ratings as preference data to train on: JSON lines for TRL, LLaMA-Factory or ms-swift."""
    from beyondloss.services import exports

    chosen = _one_of(exports.PreferenceFormat, form, "--format")
    wanted = Wanted(
        ties=_one_of(Unpaired, ties, "--ties"),
        both_bad=_one_of(Unpaired, both_bad, "--both-bad"),
        least_agreement=least_agreement,
        least_raters=least_raters,
        step=step,
        behaviour=behaviour,
    )
    store = invocation.store(invocation.settings())
    write(exports.preference_lines(store, find_run(store, run).id, OWNER, form=chosen, wanted=wanted), output)


def import_(
    invocation: Invocation,
    run: RUN,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `export ratings` wrote, CSV or JSON lines.")],
) -> None:
    """Add the ratings of a file to the answers that have the same words; the same file twice is once."""
    from beyondloss.services.exports import import_ratings

    try:
        text = file.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {file}.", hint="Write one with `beyondloss export ratings`.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file} is not UTF-8 text.", hint="Save it as UTF-8.") from error
    store = invocation.store(invocation.settings())
    done = import_ratings(store, find_run(store, run).id, text)
    sentence = f"{done.added} added, {done.known} known already, {done.unmatched} without a matching comparison."
    invocation.tell(sentence, asdict(done))
    for problem in done.problems:
        typer.echo(problem, err=True)
    if done.unmatched:
        raise typer.Exit(1)


def _table_format(invocation: Invocation, form: str | None, output: Path | None) -> str:
    suffix = output.suffix.lstrip(".").lower() if output else ""
    chosen = form or suffix or ("jsonl" if invocation.options.as_json else "csv")
    if chosen not in ("csv", "jsonl"):
        raise InvalidInput(f"Tables are not written as {chosen}.", hint="Use --format csv or jsonl.")
    return chosen


def _one_of(words: type[Word], given: str, option: str) -> Word:
    try:
        return words(given)
    except ValueError as error:
        raise InvalidInput(f"{option} is {given!r}.", hint=f"Use one of {', '.join(words)}.") from error


def write(lines: Iterable[str], output: Path | None) -> None:
    """Line ends stay as they are made. A file takes the place of an older one only once it is whole."""
    if output is None:
        for line in lines:
            sys.stdout.buffer.write(line.encode())
        sys.stdout.flush()
        return
    unfinished = output.with_name(f".{output.name}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
        unfinished.replace(output)
    except OSError as error:
        raise InvalidInput(f"{output} cannot be written: {error.strerror}.", hint="Name another file.") from error
    finally:
        unfinished.unlink(missing_ok=True)
