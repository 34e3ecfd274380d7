"""Backup and restore of a SQLite store. A PostgreSQL server has tools of its own for that."""

from pathlib import Path

from beyondloss.errors import Conflict, InvalidInput, StoreUnavailable
from beyondloss.store import copies
from beyondloss.store.engine import Store


def backup(store: Store, file: Path) -> Path:
    """Copy the store as of now into one file, while everything keeps running. Gives the file.

    An earlier backup under that name is replaced once the new one is whole. Raises Conflict rather than write over
    anything else, InvalidInput for PostgreSQL.
    """
    source = _sqlite_file(store, "pg_dump")
    if not source.exists():
        raise StoreUnavailable("There is no database here yet.", hint="Nothing to back up; check --data-dir.")
    if file.exists() and (file.samefile(source) or copies.revision_of(file) is None):
        raise Conflict(f"{file} exists and is no backup.", hint="Choose another name.")
    file.parent.mkdir(parents=True, exist_ok=True)
    copies.copy_database(source, file)
    return file


def restore(store: Store, file: Path, *, force: bool = False) -> Path | None:
    """Put a backup in the place of the store, which may be missing or damaged; close `store` and open it anew after.

    Gives where the replaced database is kept (beside it), None if there was none. The backup is copied and checked
    first, and stays. Raises Conflict while another process uses the store (unless `force`), NotFound and Unreadable
    for a file that is no whole backup, StoreUnavailable for one of a newer program. An older one is brought up to date
    by the next `beyondloss serve`.
    """
    target = _sqlite_file(store, "pg_restore")
    copies.check_database(file)
    if target.exists() and file.samefile(target):
        raise InvalidInput("That is the store itself.", hint="Name a file that `beyondloss backup` made.")
    store.dispose()
    incoming = target.with_name(f".{target.name}.incoming")
    copies.copy_database(file, incoming)
    try:
        return copies.swap_in(incoming, target, force=force)
    finally:
        incoming.unlink(missing_ok=True)


def _sqlite_file(store: Store, tool: str) -> Path:
    if store.file is None:
        raise InvalidInput("This store is a database server.", hint=f"Use {tool}.")
    return store.file
