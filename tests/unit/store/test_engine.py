"""The unit of work: what a transaction may do, and what is said when the database cannot."""

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import select

from beyondloss.errors import InvalidInput, StoreUnavailable
from beyondloss.store import troubles
from beyondloss.store.engine import Store
from beyondloss.store.tables import Project
from tests.factories import a_project


def names(store: Store) -> list[str]:
    with store.read() as session:
        return sorted(session.exec(select(Project.name)))


def test_a_read_cannot_write(any_store: Store) -> None:
    with pytest.raises((StoreUnavailable, DBAPIError)), any_store.read() as session:
        session.add(Project(name="x", salt="x", created_at=0))
        session.flush()
    assert names(any_store) == []


def test_a_connection_that_served_a_read_may_write_after_it(any_store: Store) -> None:
    for number in range(20):
        assert len(names(any_store)) == number
        a_project(any_store)


def test_readers_and_writers_in_many_threads_share_the_pool(store: Store) -> None:
    troubles_seen: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(5):
                a_project(store)
                names(store)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
            troubles_seen.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles_seen == []
    assert len(names(store)) == 80


def test_an_error_inside_a_unit_of_work_leaves_nothing(any_store: Store) -> None:
    with pytest.raises(ZeroDivisionError), any_store.write() as session:
        session.add(Project(name="x", salt="x", created_at=0))
        session.flush()
        raise ZeroDivisionError
    assert names(any_store) == []


def test_a_read_sees_one_moment(any_store: Store) -> None:
    a_project(any_store, name="first")
    with any_store.read() as session:
        before = session.exec(select(Project.name)).all()
        a_project(any_store, name="second")
        assert session.exec(select(Project.name)).all() == before
    assert names(any_store) == ["first", "second"]


def test_a_write_begins_by_taking_the_lock(store: Store) -> None:
    assert store.file is not None
    with (
        closing(sqlite3.connect(store.file, timeout=0, isolation_level=None)) as other,
        store.write(),
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("BEGIN IMMEDIATE")


def test_a_violated_constraint_is_no_trouble_of_the_database(any_store: Store) -> None:
    a_project(any_store, name="twice")
    with pytest.raises(IntegrityError):
        a_project(any_store, name="twice")


def test_a_database_held_by_somebody_else_is_said_to_be_busy(store: Store) -> None:
    assert store.file is not None
    with closing(sqlite3.connect(store.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 1")
            connection.rollback()
        with pytest.raises(StoreUnavailable, match="busy"):
            a_project(store)


def test_a_full_disk_is_said_and_what_was_stored_is_safe(store: Store) -> None:
    a_project(store, name="before")
    with pytest.raises(StoreUnavailable, match="disk is full") as told, store.write() as session:
        session.connection().exec_driver_sql("PRAGMA max_page_count = 1")
        for number in range(1000):
            session.add(Project(name=f"{number}" + "x" * 1000, salt="x", created_at=0))
        session.flush()
    assert told.value.status == 503
    store.dispose()
    assert names(store) == ["before"]


def test_a_deleted_file_is_noticed_and_no_empty_one_takes_its_place(store: Store) -> None:
    a_project(store)
    assert store.file is not None
    store.file.unlink()
    for attempt in (names, a_project):
        with pytest.raises(StoreUnavailable, match="gone"):
            attempt(store)
    assert not store.file.exists()


def test_a_replaced_file_is_opened_anew(store: Store, tmp_path: Path, migrated_file: Path) -> None:
    a_project(store, name="old")
    assert store.file is not None
    other = tmp_path / "other.db"
    other.write_bytes(migrated_file.read_bytes())
    for suffix in ("-wal", "-shm"):
        store.file.with_name(store.file.name + suffix).unlink()
    other.replace(store.file)

    assert names(store) == []


def test_a_file_that_is_no_database_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "beyondloss.db"
    file.write_bytes(b"hello world " * 1000)
    with pytest.raises(StoreUnavailable, match="not a database") as told:
        names(Store(f"sqlite:///{file}"))
    assert "restore" in told.value.hint


def test_a_database_without_tables_is_not_of_this_version(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="version"):
        names(Store(f"sqlite:///{tmp_path}/empty.db"))


@pytest.mark.postgres
def test_a_postgresql_database_without_tables_is_not_of_this_version(postgres_url: str) -> None:
    store = Store(postgres_url)
    with pytest.raises(StoreUnavailable, match="version"):
        names(store)
    store.dispose()


def test_a_server_that_does_not_answer_is_said_so() -> None:
    with pytest.raises(StoreUnavailable, match="does not answer"):
        names(Store("postgresql+psycopg://nobody@127.0.0.1:1/nothing?connect_timeout=2"))


def test_a_data_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be made"):
        Store(f"sqlite:///{tmp_path}/file/beyondloss.db")


@pytest.mark.parametrize("url", ["", "hello", "mysql://root:secret@localhost/x", "sqlite+nothing:///x", "//secret@"])
def test_an_address_that_cannot_be_used_is_refused_without_repeating_its_password(url: str) -> None:
    with pytest.raises(InvalidInput) as told:
        Store(url)
    assert "secret" not in told.value.message


def test_a_folder_that_one_may_not_write_is_said_so(store: Store) -> None:
    """Run as somebody who is not root: root may write anywhere."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    assert store.file is not None
    store.dispose()
    code = (
        "import os, sys\n"
        "from beyondloss.errors import StoreUnavailable; from beyondloss.store.engine import Store\n"
        "from beyondloss.store.tables import Project; from sqlmodel import select\n"
        "import sqlalchemy.dialects.sqlite.pysqlite\n"
        "os.setuid(65534)\n"
        "try:\n"
        "    with Store(sys.argv[1]).write() as session: session.add(Project(name='x', salt='x', created_at=0))\n"
        "except StoreUnavailable as error: print(error.message, error.hint)"
    )
    for folder in store.file.parents:
        if folder.name.startswith("pytest-of-"):
            break
        folder.chmod(0o755)
    folder.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code, store.url], capture_output=True, text=True, check=True)
    assert "cannot be written" in done.stdout
    assert "--data-dir" in done.stdout


def test_json_that_one_database_would_refuse_is_refused_by_both(any_store: Store) -> None:
    from tests.factories import a_run

    with pytest.raises(Exception, match="JSON compliant"):
        a_run(any_store, config={"loss": float("nan")})


@pytest.mark.postgres
def test_a_write_on_postgresql_is_not_read_only_after_a_read(postgres_store: Store) -> None:
    with postgres_store.read() as session:
        assert session.connection().execute(text("SHOW transaction_read_only")).scalar() == "on"
    with postgres_store.write() as session:
        assert session.connection().execute(text("SHOW transaction_read_only")).scalar() == "off"


def test_every_trouble_tells_what_to_do_next() -> None:
    assert all(message.endswith(".") and hint for _, message, hint in troubles._TROUBLES)
