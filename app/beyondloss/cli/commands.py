"""The tree of commands. Each module below registers its own."""

from typing import Annotated

import typer

from beyondloss import __version__
from beyondloss.cli import choosing, exports, probes, report, runs, serving, upkeep
from beyondloss.cli.invocation import AS_JSON, DATA_DIR, DATABASE_URL, DEBUG, Everywhere

HELP = "Read, compare and rate what every fine-tuning checkpoint says, with the loss curve beside it."


def build() -> typer.Typer:
    """The whole command line, plainly formatted: errors stay one sentence, and rich is not imported for nothing."""
    app = typer.Typer(
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.callback()(_everywhere)
    for module in (serving, runs, report, choosing, exports, probes, upkeep):
        module.register(app)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


def _everywhere(
    context: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
    data_dir: DATA_DIR = None,
    database_url: DATABASE_URL = None,
    as_json: AS_JSON = False,
    debug: DEBUG = False,
) -> None:
    context.obj = Everywhere(data_dir, database_url, as_json, debug)
