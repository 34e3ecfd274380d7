"""Opening the database and the unit of work. Nothing here knows a table."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from beyondloss.errors import InvalidInput, StoreUnavailable
from beyondloss.store.troubles import BUSY_TIMEOUT_SECONDS, told

_MODE = "beyondloss_mode"
_POOL: dict[str, Any] = {"pool_size": 8, "max_overflow": 40, "pool_timeout": 30}
"""A web server's thread pool holds 40 threads; whoever waits for a connection longer than the timeout is told so."""
_to_json = partial(json.dumps, allow_nan=False)
"""PostgreSQL refuses bare NaN in JSON. SQLite must too, or what works in one database fails in the other."""
_PRAGMAS = (
    f"busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}",
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "temp_store = MEMORY",
    "cache_size = -16384",
    "mmap_size = 268435456",
)


class Store:
    """One database. `read()` and `write()` are the only ways in."""

    def __init__(self, url: str) -> None:
        self.url = url
        parsed = _parsed(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.file = Path(parsed.database) if self.is_sqlite and parsed.database not in {None, "", ":memory:"} else None
        """The SQLite file, or None for a server or a database in memory."""
        self.engine = _engine(parsed, self.file)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that cannot write and sees one moment of the database, however many queries it makes."""
        with told(self.file), self.engine.connect().execution_options(**{_MODE: "read"}) as connection:
            with Session(connection) as session:
                yield session
            connection.rollback()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """The unit of work: commits at the end, rolls back on any error. Hold no generation, file or network in it.

        On SQLite it begins IMMEDIATE: the write lock is taken first, so what is read inside cannot go stale before
        it is written, and two writers never deadlock on an upgrade.
        """
        with (
            told(self.file),
            self.engine.connect().execution_options(**{_MODE: "write"}) as connection,
            Session(connection, expire_on_commit=False) as session,
        ):
            session.connection()  # begins now, not with the first statement
            yield session
            session.commit()

    @contextmanager
    def upgrading(self) -> Iterator[Connection]:
        """One transaction for migrations. SQLite rebuilds tables to alter them, so foreign keys rest meanwhile."""
        with told(self.file), self.engine.connect().execution_options(**{_MODE: "write"}) as connection:
            driver = connection.connection.driver_connection
            if isinstance(driver, sqlite3.Connection):
                driver.execute("PRAGMA foreign_keys = OFF")
            try:
                with connection.begin():
                    yield connection
                    if self.is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                        raise StoreUnavailable(
                            "The upgrade was undone: rows would have been left without what they belong to.",
                            hint="Please report this; the database is as it was.",
                        )
            finally:
                if isinstance(driver, sqlite3.Connection):
                    driver.execute("PRAGMA foreign_keys = ON")

    def dispose(self) -> None:
        """Close every connection; a copy of the file made now is whole."""
        self.engine.dispose()


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        # The address may hold a password that a parse error would print.
        raise _unusable("it cannot be read") from error


def _unusable(reason: str) -> InvalidInput:
    return InvalidInput(
        f"The database address cannot be used: {reason}.",
        hint="Use sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME (pip install 'beyondloss[postgres]').",
    )


def _engine(url: URL, file: Path | None) -> Engine:
    try:
        if url.get_backend_name() != "sqlite":
            engine = create_engine(url, pool_pre_ping=True, json_serializer=_to_json, **_POOL)
            event.listen(engine, "begin", _begin_server)
            return engine
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        arguments = {"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
        pool = _POOL if file is not None else {}  # a database in memory has one connection
        engine = create_engine(url, connect_args=arguments, json_serializer=_to_json, **pool)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise _unusable(str(error)) from error
    except OSError as error:
        raise StoreUnavailable(
            f"The data folder cannot be made: {error}.", hint="Choose another with --data-dir."
        ) from error
    event.listen(engine, "begin", _begin_sqlite)
    _SqliteFile(file).listen(engine)
    return engine


class _SqliteFile:
    """Sets each new connection up, and notices when its file was deleted or replaced under it.

    Without the latter SQLite goes on writing into the deleted file, and all of it is lost when the process ends.
    """

    def __init__(self, file: Path | None) -> None:
        self.file = file
        self.was_there = False

    def listen(self, engine: Engine) -> None:
        event.listen(engine, "do_connect", self.before_connect)
        event.listen(engine, "connect", self.on_connect)
        event.listen(engine, "checkout", self.on_checkout)

    def before_connect(self, *_arguments: object) -> None:
        if self.was_there and self.file is not None and not self.file.exists():
            # Connecting would make an empty database in its place.
            raise StoreUnavailable(
                f"The database file {self.file} is gone.", hint="Put it back, or restart to begin with an empty one."
            )

    def on_connect(self, connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions are begun by _begin_sqlite
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        record.info["file"] = self.identity()
        self.was_there = True

    def on_checkout(self, _connection: sqlite3.Connection, record: ConnectionPoolEntry, _proxy: object) -> None:
        if record.info["file"] != self.identity():
            raise DisconnectionError("the database file was replaced")

    def identity(self) -> tuple[int, int] | None:
        if self.file is None:
            return None
        try:
            status = os.stat(self.file)  # noqa: PTH116 - on every transaction, and Path.stat costs twice as much
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino


def _begin_sqlite(connection: Connection) -> None:
    """Pooled connections serve readers and writers in turn, so each transaction says what it may do."""
    mode = connection.get_execution_options().get(_MODE)
    connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if mode == 'read' else 'OFF'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if mode == "write" else "BEGIN")


def _begin_server(connection: Connection) -> None:
    if connection.get_execution_options().get(_MODE) == "read":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
