"""Whole copies of a SQLite store: made while it is in use, checked before they are trusted, swapped in one rename."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from beyondloss.errors import Conflict, NotFound, StoreUnavailable, Unreadable
from beyondloss.store.migrate import head_revision

_COMPANIONS = ("-wal", "-shm")
"""A SQLite database in WAL mode is up to three files; they must move together."""


def copy_database(source: Path, target: Path) -> None:
    """A copy as of one moment, in one file. `target` is replaced only once the copy is whole, checked and on disk."""
    part = target.with_name(f".{target.name}.part")
    with _told(source, target):
        part.unlink(missing_ok=True)
        try:
            with (
                closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as old,
                closing(sqlite3.connect(part)) as new,
            ):
                old.backup(new)
                new.execute("PRAGMA journal_mode = DELETE")
            check_database(part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def check_database(file: Path) -> None:
    """Raises Unreadable unless this is a whole BeyondLoss database, StoreUnavailable if it is of a newer program."""
    if not file.is_file():
        raise NotFound(f"There is no file {file}.", hint="Check its name.")
    revision = revision_of(file)
    if revision is None:
        raise Unreadable(f"{file} is not a BeyondLoss database.", hint="Choose one that `beyondloss backup` made.")
    if revision > head_revision():
        raise StoreUnavailable(
            f"{file} is of a newer BeyondLoss (revision {revision}; this one knows {head_revision()}).",
            hint="Upgrade first: pip install --upgrade beyondloss.",
        )
    if damage := _damage(file):
        raise Unreadable(f"{file} is damaged: {damage}.", hint="Choose another backup. Nothing was changed.")


def revision_of(file: Path) -> str | None:
    """The schema revision in a SQLite file, or None if it is not one of ours."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError:
        return None
    return None if found is None else str(found[0])


def _damage(file: Path) -> str:
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            found = str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else found


def swap_in(copy: Path, file: Path, *, force: bool) -> Path | None:
    """Put a checked copy in the place of the database. Gives where the replaced one is kept, None if there was none.

    Raises Conflict while another process has the database open, unless `force`: that process then goes on with the
    new one from its next transaction on.
    """
    if not file.exists():
        copy.replace(file)
        return None
    if not _sole_user(file) and not force:
        raise Conflict(
            f"{file} is in use by a running BeyondLoss.", hint="Stop `beyondloss serve` and its worker first."
        )
    kept = file.with_name(f"{file.stem}-replaced-{time.strftime('%Y%m%d-%H%M%S')}{file.suffix}")
    if kept.exists():
        raise Conflict(f"{kept} exists already.", hint="Try again in a second.")
    with _told(copy, file):
        _move(file, kept)
        try:
            copy.replace(file)
        except OSError:
            _move(kept, file)
            raise
    return kept


def _move(file: Path, target: Path) -> None:
    """The database before its companions: while it is away nobody can open it, so none sees half of it."""
    file.rename(target)
    for suffix in _COMPANIONS:
        companion = file.with_name(file.name + suffix)
        if companion.exists():
            companion.rename(target.with_name(target.name + suffix))


def _sole_user(file: Path) -> bool:
    """Leaving WAL mode needs every other connection closed; it also brings all that was written into the one file."""
    try:
        with closing(sqlite3.connect(file, timeout=0.5, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:
        return True  # damaged, or no database at all: nobody works with it, and it is kept as it is
    return True


@contextmanager
def _told(source: Path, target: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise StoreUnavailable(
            f"{source} could not be copied to {target}: {error}.",
            hint="Check the disk's free space and who may write there. Nothing was changed.",
        ) from error
