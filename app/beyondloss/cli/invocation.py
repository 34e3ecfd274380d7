"""What every command shares: the options that work everywhere, the settings they make, the store, and printing.

`command` registers a function whose first parameter is the `Invocation`; the options of `Everywhere` may stand before
or after the command's name.
"""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from beyondloss.settings import Settings
    from beyondloss.store.engine import Store

Json = Mapping[str, object] | Sequence[object]

DATA_DIR = Annotated[Path | None, typer.Option("--data-dir", help="Folder of the database and keys.")]
DATABASE_URL = Annotated[str | None, typer.Option("--database-url", help="PostgreSQL address, for a team.")]
AS_JSON = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
DEBUG = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@dataclass(frozen=True, slots=True)
class Everywhere:
    """The options that every command takes."""

    data_dir: Path | None = None
    database_url: str | None = None
    as_json: bool = False
    debug: bool = False


_EVERYWHERE = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    for name, default, annotation in (
        ("data_dir", None, DATA_DIR),
        ("database_url", None, DATABASE_URL),
        ("as_json", False, AS_JSON),
        ("debug", False, DEBUG),
    )
]


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of one command."""

    options: Everywhere

    def settings(self, **given: object) -> "Settings":
        """The settings of this call: command line over environment over defaults. None means not given."""
        from pydantic import ValidationError

        from beyondloss.errors import InvalidInput
        from beyondloss.settings import Settings

        chosen = {"data_dir": self.options.data_dir, "database_url": self.options.database_url, **given}
        try:
            return Settings(**{name: value for name, value in chosen.items() if value is not None})  # type: ignore[arg-type]
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = str(first["loc"][0])
            raise InvalidInput(
                f"{name.replace('_', '-')} is {first['input']!r}: {first['msg'].lower()}.",
                hint=f"Give --{name.replace('_', '-')} or BEYONDLOSS_{name.upper()} another value.",
            ) from error

    def store(self, settings: "Settings") -> "Store":
        """The database, made or brought up to date first."""
        from beyondloss.store.engine import Store
        from beyondloss.store.migrate import upgrade

        store = Store(settings.resolved_database_url)
        upgrade(store)
        return store

    def tell(self, text: str, payload: Json | None = None) -> None:
        """Print for people, or as JSON with `--json`. Without a payload the text is for people only."""
        if not self.options.as_json:
            typer.echo(text)
        elif payload is not None:
            typer.echo(json.dumps(payload, ensure_ascii=False, indent=2, default=str))


def command(app: typer.Typer, name: str | None = None, *, hidden: bool = False) -> Callable[[Any], Any]:
    """Register a function `(Invocation, …)` as a command of `app`."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        @wraps(function)
        def run(context: typer.Context, **arguments: Any) -> None:  # noqa: ANN401 - whatever the command declares
            here = Everywhere(**{field.name: arguments.pop(field.name) for field in fields(Everywhere)})
            function(Invocation(_merged(context.obj, here)), **arguments)

        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
                *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters),
                *_EVERYWHERE,
            ]
        )
        run.__annotations__ = {}
        app.command(name, hidden=hidden)(run)
        return function

    return register


def _merged(before: object, here: Everywhere) -> Everywhere:
    """Options given after the command's name win over the same ones before it."""
    if not isinstance(before, Everywhere):
        return here
    return Everywhere(
        data_dir=here.data_dir or before.data_dir,
        database_url=here.database_url or before.database_url,
        as_json=here.as_json or before.as_json,
        debug=here.debug or before.debug,
    )
