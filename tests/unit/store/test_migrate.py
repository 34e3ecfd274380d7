"""The database comes to this program's version by itself, safely, on SQLite and PostgreSQL."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from beyondloss.errors import StoreUnavailable
from beyondloss.store.engine import Store
from beyondloss.store.migrate import (
    alembic_config,
    check_current,
    current_revision,
    head_revision,
    run_migrations,
    upgrade,
)
from tests.factories import a_project


@pytest.fixture
def empty(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path}/new/beyondloss.db")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def any_empty(request: pytest.FixtureRequest) -> Store:
    if request.param == "sqlite":
        return request.getfixturevalue("empty")
    return Store(request.getfixturevalue("postgres_url"))


def tables(store: Store) -> set[str]:
    with store.engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def test_the_head_read_from_file_names_is_alembics_head(store: Store) -> None:
    with store.upgrading() as connection:
        assert ScriptDirectory.from_config(alembic_config(connection)).get_heads() == [head_revision()]


def test_tables_and_migrations_agree(any_store: Store) -> None:
    with any_store.upgrading() as connection:
        command.check(alembic_config(connection))


def test_an_empty_database_is_brought_up_to_date(any_empty: Store) -> None:
    assert current_revision(any_empty) is None

    assert upgrade(any_empty) is None  # nothing was there to copy

    assert current_revision(any_empty) == head_revision()
    check_current(any_empty)
    a_project(any_empty)
    any_empty.dispose()


def test_every_revision_goes_up_down_and_up_again(any_empty: Store) -> None:
    with any_empty.upgrading() as connection:
        revisions = [s.revision for s in ScriptDirectory.from_config(alembic_config(connection)).walk_revisions()]
    for revision in reversed(revisions):
        for target, down in ((revision, False), ("-1", True), (revision, False)):
            with any_empty.upgrading() as connection:
                run_migrations(connection, target=target, down=down)
    before = tables(any_empty)
    with any_empty.upgrading() as connection:
        run_migrations(connection, target="base", down=True)
    assert tables(any_empty) == {"alembic_version"}
    upgrade(any_empty)
    assert tables(any_empty) == before
    any_empty.dispose()


def test_a_new_file_is_what_the_migrations_make(empty: Store, tmp_path: Path) -> None:
    migrated = Store(f"sqlite:///{tmp_path}/migrated.db")
    with migrated.upgrading() as connection:
        run_migrations(connection, target="head")
    upgrade(empty)
    assert schema(empty) == schema(migrated)


def schema(store: Store) -> dict[str, list[str]]:
    """The parts of every table's and index's definition; their order is the only thing free."""
    with store.engine.connect() as connection:
        ours = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version'"
        found = connection.execute(text(ours)).fetchall()
    return {
        name: sorted(" ".join(part.split()) for part in re.split(r",(?![^()]*\))", _inside(sql))) for name, sql in found
    }


def _inside(sql: str) -> str:
    """What stands between the outermost brackets. A column added later is not on a line of its own."""
    return sql[sql.index("(") + 1 : sql.rindex(")")]


def test_upgrading_what_is_current_imports_no_alembic(store: Store) -> None:
    code = (
        "import sys; from beyondloss.store.engine import Store; from beyondloss.store.migrate import upgrade;"
        f"upgrade(Store({store.url!r})); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_older_database_is_copied_aside_before_it_is_upgraded(store: Store) -> None:
    project = a_project(store)
    with store.write() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '0000'"))

    with pytest.raises(Exception, match="0000"):  # alembic knows no such revision: the upgrade itself fails
        upgrade(store)

    copy = store.file.with_name(f"beyondloss-before-{head_revision()}.db")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT name FROM project").fetchall() == [(project.name,)]


def test_a_database_of_a_newer_program_is_left_alone(any_store: Store) -> None:
    with any_store.write() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for attempt in (upgrade, check_current):
        with pytest.raises(StoreUnavailable, match="newer BeyondLoss"):
            attempt(any_store)
    assert current_revision(any_store) == "9999"


def test_somebody_elses_database_is_refused(empty: Store) -> None:
    with empty.write() as session:
        session.connection().execute(text("CREATE TABLE recipes (id INTEGER)"))
    with pytest.raises(StoreUnavailable, match="not BeyondLoss's"):
        upgrade(empty)
    assert tables(empty) == {"recipes"}


def test_a_worker_makes_no_database(empty: Store) -> None:
    with pytest.raises(StoreUnavailable, match="no database here") as told:
        check_current(empty)
    assert "beyondloss serve" in told.value.hint
    assert empty.file is not None
    assert not empty.file.exists()


def test_two_servers_starting_at_once_upgrade_once(any_empty: Store) -> None:
    url = any_empty.engine.url.render_as_string(hide_password=False)
    code = (
        "import sys; from beyondloss.store.engine import Store; from beyondloss.store.migrate import upgrade;"
        "upgrade(Store(sys.argv[1]))"
    )
    servers = [subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [(server.communicate()[1], server.returncode) for server in servers] == [("", 0), ("", 0)]
    check_current(any_empty)
    any_empty.dispose()
