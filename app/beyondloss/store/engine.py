"""Opening the database and the unit of work. Nothing here knows a table."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError
from sqlmodel import Session

from beyondloss.errors import InvalidInput, StoreUnavailable

BUSY_TIMEOUT_MS = 15_000


class Store:
    """One database. `read()` and `write()` are the only ways in."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that cannot write."""
        with _told(), Session(self.engine) as session:
            connection = session.connection()
            if self.is_sqlite:
                connection.exec_driver_sql("PRAGMA query_only = ON")
            else:
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            try:
                yield session
            finally:
                session.rollback()
                if self.is_sqlite:
                    session.connection().exec_driver_sql("PRAGMA query_only = OFF")

    @contextmanager
    def write(self) -> Iterator[Session]:
        """The unit of work: commits at the end, rolls back on any error. Hold no generation, file or network work in it.

        On SQLite it begins IMMEDIATE: the write lock is taken first, so what is read inside cannot go stale before
        it is written, and two writers never deadlock on an upgrade.
        """
        with _told(), Session(self.engine, expire_on_commit=False) as session:
            if self.is_sqlite:
                session.connection(execution_options={"beyondloss_write": True})
            yield session
            session.commit()

    def dispose(self) -> None:
        self.engine.dispose()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            if parsed.database and parsed.database != ":memory:":
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False})
            event.listen(engine, "connect", _sqlite_connect)
            event.listen(engine, "begin", _sqlite_begin)
            return engine
        return create_engine(parsed, pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise InvalidInput(
            f"The database address {url!r} cannot be used: {error}.",
            hint="Use sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME (pip install 'beyondloss[postgres]').",
        ) from error
    except OSError as error:
        raise StoreUnavailable(
            f"The data folder cannot be made: {error}.", hint="Choose another with --data-dir."
        ) from error


def _sqlite_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves, see _sqlite_begin
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "temp_store = MEMORY",
        "cache_size = -65536",
        "mmap_size = 268435456",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: object) -> None:
    options = connection.get_execution_options()  # type: ignore[attr-defined]
    statement = "BEGIN IMMEDIATE" if options.get("beyondloss_write") else "BEGIN"
    connection.exec_driver_sql(statement)  # type: ignore[attr-defined]


@contextmanager
def _told() -> Iterator[None]:
    """Say in a sentence what a database driver says in its own words."""
    try:
        yield
    except OperationalError as error:
        raise StoreUnavailable(*_sentence(str(error.orig))) from error
    except DatabaseError as error:
        if "malformed" in str(error.orig) or "not a database" in str(error.orig):
            raise StoreUnavailable(*_sentence(str(error.orig))) from error
        raise


def _sentence(reason: str) -> tuple[str]:
    if "locked" in reason:
        return (f"The database is busy: another process held it for over {BUSY_TIMEOUT_MS // 1000} seconds.",)
    if "full" in reason:
        return ("The disk is full: nothing more can be stored. Free some space; nothing was lost.",)
    if "no such table" in reason or "does not exist" in reason:
        return ("The database is older than this program. Run `beyondloss serve` once: it brings it up to date.",)
    return (f"The database cannot be used: {reason}.",)
