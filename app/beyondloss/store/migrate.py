"""Bringing the database to this program's version. `serve` upgrades; a worker only checks.

Alembic is imported only when there is something to change: it costs a third of a second, most starts have nothing,
and a new SQLite file is made from the tables as they are now (a test holds them equal to what the migrations make).
"""

import re
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from beyondloss.assets import assets_path
from beyondloss.errors import StoreUnavailable
from beyondloss.store import tables
from beyondloss.store.engine import Store

_REVISION_FILE = re.compile(r"(\d{4})_\w+\.py")
_UPGRADE_LOCK = 8_420_001
"""Key of the PostgreSQL advisory lock that makes two starting servers upgrade one after the other."""


@cache
def head_revision() -> str:
    """The newest revision, read from the file names in migrations/versions, which are numbered in order."""
    versions = (assets_path("migrations") / "versions").iterdir()
    return max(match[1] for file in versions if (match := _REVISION_FILE.fullmatch(file.name)))


def current_revision(store: Store) -> str | None:
    """The revision the database is at; None for one that is empty or not there yet.

    Raises StoreUnavailable if the database holds somebody else's tables.
    """
    if store.file is not None and not store.file.exists():
        return None
    with store.read() as session:
        return _revision(session.connection())


def upgrade(store: Store) -> Path | None:
    """Bring the database to `head_revision()`, making it if need be. Gives the copy made of a SQLite file first.

    Raises StoreUnavailable for a database of a newer program, which is left as it is.
    """
    current = current_revision(store)
    if current == head_revision():
        return None
    _refuse_newer(current)
    copy = _copy_aside(store.file, head_revision()) if store.file and current else None
    _change(store)
    return copy


def check_current(store: Store) -> None:
    """For processes that must not upgrade. Raises StoreUnavailable unless the database is at `head_revision()`."""
    current = current_revision(store)
    if current == head_revision():
        return
    _refuse_newer(current)
    raise StoreUnavailable(
        "There is no database here yet." if current is None else "The database is older than this program.",
        hint="Run `beyondloss serve` once: it makes the database and brings it up to date.",
    )


def run_migrations(connection: Connection, *, target: str, down: bool = False) -> None:
    """Run Alembic on an open transaction up, or down, to `target` (a revision, `head` or `base`)."""
    from alembic import command

    config = alembic_config(connection)
    (command.downgrade if down else command.upgrade)(config, target)


def alembic_config(connection: Connection) -> Any:  # noqa: ANN401 - alembic's Config, imported late
    """What Alembic needs to know, without an ini file: the scripts' folder and the connection to work on."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(assets_path("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _change(store: Store) -> None:
    """One transaction, alone: whoever comes second finds the work done and leaves it."""
    with store.upgrading() as connection:
        if not store.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        if store.is_sqlite and not inspect(connection).get_table_names():
            _make_tables(connection)
        elif _revision(connection) != head_revision():
            run_migrations(connection, target="head")


def _make_tables(connection: Connection) -> None:
    tables.Project.metadata.create_all(connection)
    connection.execute(
        text(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY)"
        )
    )
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": head_revision()})


def _revision(connection: Connection) -> str | None:
    there = set(inspect(connection).get_table_names())
    if "alembic_version" in there:
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return None if revision is None else str(revision)
    if there:
        raise StoreUnavailable(
            "This database holds tables that are not BeyondLoss's.", hint="Name another file or database."
        )
    return None


def _refuse_newer(current: str | None) -> None:
    if current is not None and current > head_revision():
        raise StoreUnavailable(
            f"The database is of a newer BeyondLoss (revision {current}; this one knows {head_revision()}).",
            hint="Upgrade: pip install --upgrade beyondloss. Nothing was changed.",
        )


def _copy_aside(file: Path, head: str) -> Path:
    """A consistent copy beside the file, kept until the next upgrade to the same revision overwrites it."""
    copy = file.with_name(f"{file.stem}-before-{head}{file.suffix}")
    try:
        copy.unlink(missing_ok=True)
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    except (OSError, sqlite3.Error) as error:
        raise StoreUnavailable(
            f"The database was not upgraded, because no copy could be made of it first: {error}.",
            hint="Free some space beside it, or copy it yourself and move it away.",
        ) from error
    return copy
