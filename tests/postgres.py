"""A throwaway PostgreSQL server for tests: its own folder, a Unix socket, nothing durable, gone at the end."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg

_UNPRIVILEGED = ("postgres", "nobody")
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "max_connections=60")


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    return Path(on_path).parent if on_path else None


def missing_postgres() -> str:
    """Why the tests of PostgreSQL cannot run here, or nothing."""
    return "" if _binaries() else "PostgreSQL is not installed (Debian: apt-get install postgresql)"


@dataclass(frozen=True)
class PostgresServer:
    folder: Path

    _numbers = count(1)

    @classmethod
    @contextmanager
    def started(cls) -> Iterator["PostgresServer"]:
        binaries = _binaries()
        assert binaries is not None
        # Not under pytest's folders: those belong to root when it runs the tests, and a socket's path must be short.
        folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        server = cls(folder)
        try:
            prefix = _as_somebody_else(folder)
            data = folder / "data"
            _run([*prefix, binaries / "initdb", "-D", data, "-U", "beyondloss", "-A", "trust", "-E", "UTF8", "-N"])
            options = " ".join(f"-c {setting}" for setting in (*_FAST, f"unix_socket_directories={folder}"))
            log = folder / "log"
            _run([*prefix, binaries / "pg_ctl", "-D", data, "-l", log, "-w", "-t", "60", "-o", options, "start"])
            try:
                yield server
            finally:
                _run([*prefix, binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"])
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://beyondloss@/{database}?host={self.folder}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """An empty database, by its address; dropped at the end."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        with psycopg.connect(
            host=str(self.folder), user="beyondloss", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)


def _as_somebody_else(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: hand the folder to an unprivileged user and run as them."""
    if os.geteuid() != 0:
        return []
    names = {user.pw_name for user in pwd.getpwall()}
    user = next(name for name in _UNPRIVILEGED if name in names)
    shutil.chown(folder, user)
    return ["runuser", "-u", user, "--"]


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stdout}\n{done.stderr}")
