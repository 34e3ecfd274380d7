"""Fixtures that every test may ask for. A database is made by upgrading once, then copied: milliseconds a test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from beyondloss.store.engine import Store
from beyondloss.store.migrate import head_revision, run_migrations, upgrade
from tests.postgres import PostgresServer, missing_postgres


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at head with nothing in it. Copy it; never open it."""
    file = tmp_path_factory.mktemp("migrated") / "beyondloss.db"
    store = Store(f"sqlite:///{file}")
    with store.upgrading() as connection:
        run_migrations(connection, target="head")
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.dispose()
    return file


@pytest.fixture
def store(tmp_path: Path, migrated_file: Path) -> Iterator[Store]:
    """An empty migrated SQLite store of this test's own, in `tmp_path / "data"`."""
    file = tmp_path / "data" / "beyondloss.db"
    file.parent.mkdir()
    shutil.copyfile(migrated_file, file)
    opened = Store(f"sqlite:///{file}")
    yield opened
    opened.dispose()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A throwaway PostgreSQL server. Skips where PostgreSQL is not installed."""
    if reason := missing_postgres():
        pytest.skip(reason)
    with PostgresServer.started() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of an empty PostgreSQL database of this test's own: no tables yet. Takes half a second."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> Iterator[Store]:
    """One migrated database for all tests, which empty it: PostgreSQL takes long to make another."""
    with postgres_server.database() as url:
        opened = Store(url)
        upgrade(opened)
        yield opened
        opened.dispose()


@pytest.fixture
def postgres_store(migrated_postgres: Store) -> Iterator[Store]:
    """An empty migrated PostgreSQL store. Ids go on rising from one test to the next."""
    yield migrated_postgres
    with migrated_postgres.write() as session:
        for table in reversed(SQLModel.metadata.sorted_tables):
            session.connection().execute(table.delete())
        session.connection().execute(text("UPDATE alembic_version SET version_num = :head"), {"head": head_revision()})


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def any_store(request: pytest.FixtureRequest) -> Store:
    """The same test on both databases: ask for this instead of `store` where SQL is what is tested."""
    return request.getfixturevalue("store" if request.param == "sqlite" else "postgres_store")
