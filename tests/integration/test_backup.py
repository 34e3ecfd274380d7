"""Backups are whole, made in use, and put back without losing what they replace."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from beyondloss.domain.metrics import MetricPoint
from beyondloss.errors import BeyondLossError, Conflict, InvalidInput, NotFound, StoreUnavailable, Unreadable
from beyondloss.services.backup import backup, restore
from beyondloss.services.metrics import append_points, read_series
from beyondloss.store.engine import Store
from beyondloss.store.migrate import current_revision, head_revision
from beyondloss.store.tables import Project
from tests.factories import a_project, a_run


def names(store: Store) -> list[str]:
    with store.read() as session:
        return sorted(session.exec(select(Project.name)))


@pytest.fixture
def saved(store: Store, tmp_path: Path) -> Path:
    a_project(store, name="before")
    return backup(store, tmp_path / "copies" / "backup.db")


def test_what_was_backed_up_comes_back_and_what_was_there_is_kept(store: Store, saved: Path) -> None:
    a_project(store, name="after")

    kept = restore(store, saved)

    assert names(store) == ["before"]
    assert kept is not None
    assert names(Store(f"sqlite:///{kept}")) == ["after", "before"]
    assert sorted(path.name for path in kept.parent.iterdir() if not path.name.endswith(("-wal", "-shm"))) == sorted(
        ["beyondloss.db", kept.name]
    )


def test_a_store_that_is_gone_or_damaged_can_be_restored(store: Store, saved: Path) -> None:
    assert store.file is not None
    store.dispose()
    store.file.write_bytes(b"not a database " * 1000)
    kept = restore(store, saved)
    assert names(Store(store.url)) == ["before"]
    assert kept is not None
    assert kept.read_bytes().startswith(b"not a database")

    store.file.unlink()
    assert restore(Store(store.url), saved) is None
    assert names(Store(store.url)) == ["before"]


def test_a_backup_made_while_points_arrive_is_of_one_moment(store: Store, tmp_path: Path) -> None:
    run = a_run(store)
    stop = threading.Event()

    def train() -> None:
        step = 0
        while not stop.is_set():
            step += 1
            append_points(store, run.id, [MetricPoint(name, step, 1.0) for name in ("loss", "grad_norm")])

    training = threading.Thread(target=train)
    training.start()
    try:
        files = [backup(store, tmp_path / f"{number}.db") for number in range(5)]
    finally:
        stop.set()
        training.join()
    for file in files:
        series = read_series(Store(f"sqlite:///{file}"), run.id, ["loss", "grad_norm"])
        assert series["loss"].total == series["grad_norm"].total


def test_an_earlier_backup_is_replaced_and_nothing_else_ever_is(store: Store, saved: Path, tmp_path: Path) -> None:
    a_project(store, name="later")
    assert names(Store(f"sqlite:///{backup(store, saved)}")) == ["before", "later"]
    letter = tmp_path / "letter.txt"
    letter.write_text("dear all")
    for file in (letter, store.file, tmp_path):
        with pytest.raises(BeyondLossError):
            backup(store, file)
    assert letter.read_text() == "dear all"


@pytest.mark.parametrize("force", [False, True])
def test_a_store_in_use_is_replaced_only_by_force(store: Store, saved: Path, force: bool) -> None:
    a_project(store, name="after")
    code = (
        "import sys; from beyondloss.store.engine import Store; from sqlalchemy import text; s = Store(sys.argv[1])\n"
        "def names():\n"
        "    with s.write() as x: return [r[0] for r in x.connection().execute(text('select name from project'))]\n"
        "print(len(names()), flush=True); sys.stdin.readline(); print(len(names()), flush=True)"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", code, store.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    assert server.stdout.readline() == "2\n"
    if force:
        restore(store, saved, force=True)
    else:
        with pytest.raises(Conflict, match="in use"):
            restore(store, saved)
    said, _ = server.communicate("go on\n")
    assert said == ("1\n" if force else "2\n")
    assert names(store) == (["before"] if force else ["after", "before"])


def test_what_is_no_whole_backup_is_refused_and_nothing_changes(store: Store, saved: Path, tmp_path: Path) -> None:
    a_project(store, name="after")
    damaged = tmp_path / "damaged.db"
    content = bytearray(saved.read_bytes())
    content[8192:40960] = bytes(32768)
    damaged.write_bytes(content)
    text_file = tmp_path / "text.db"
    text_file.write_text("hello")
    newer = backup(store, tmp_path / "newer.db")
    with Store(f"sqlite:///{newer}").write() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '9999'"))

    for file, expected in (
        (damaged, Unreadable),
        (text_file, Unreadable),
        (tmp_path / "missing.db", NotFound),
        (newer, StoreUnavailable),
        (store.file, InvalidInput),
    ):
        with pytest.raises(expected):
            restore(store, file)
    assert names(store) == ["after", "before"]


def test_a_database_server_has_tools_of_its_own(tmp_path: Path) -> None:
    server = Store("postgresql+psycopg://nobody@localhost/nothing")
    with pytest.raises(InvalidInput) as told:
        backup(server, tmp_path / "x.db")
    assert "pg_dump" in told.value.hint


def test_a_restored_store_is_at_the_backups_revision(store: Store, saved: Path) -> None:
    restore(store, saved)
    assert current_revision(store) == head_revision()
