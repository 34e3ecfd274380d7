"""What a database driver says in its own words, said to a person: what is wrong and what to do about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from beyondloss.errors import StoreUnavailable

BUSY_TIMEOUT_SECONDS = 15

_TROUBLES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("database is locked", "database table is locked", "lock timeout", "deadlock detected"),
        f"The database is busy: another process held it for over {BUSY_TIMEOUT_SECONDS} seconds.",
        "Try again; if it stays so, see which other BeyondLoss is running.",
    ),
    (
        ("is full", "No space left"),
        "The disk is full: nothing more can be stored.",
        "Free some space; what was stored before is safe.",
    ),
    (
        ("readonly database", "unable to open database file", "read-only transaction", "permission denied"),
        "The database{at} cannot be written.",
        "Check who may write the file and its folder, or choose another folder with --data-dir.",
    ),
    (
        ("malformed", "not a database", "disk I/O error"),
        "The database{at} is damaged or not a database.",
        "Bring back a copy with `beyondloss restore FILE`.",
    ),
    (
        ("no such table", "no such column", "has no column", "does not exist"),
        "The database{at} is not of this program's version.",
        "Run `beyondloss serve` once: it brings the database up to date.",
    ),
    (
        ("connection failed", "connection refused", "could not", "closed the connection", "server closed"),
        "The database server does not answer.",
        "Check that it runs and that BEYONDLOSS_DATABASE_URL is right.",
    ),
)


@contextmanager
def told(file: Path | None) -> Iterator[None]:
    """Raise StoreUnavailable for what is wrong with the database; leave what is wrong with a statement alone."""
    try:
        yield
    except PoolTimeout as error:
        raise StoreUnavailable(
            "The database is busy: too many requests are waiting for it.", hint="Try again in a moment."
        ) from error
    except IntegrityError:
        raise
    except DBAPIError as error:
        said = _trouble(str(error.orig), file)
        if said is None:
            raise
        raise said from error


def _trouble(reason: str, file: Path | None) -> StoreUnavailable | None:
    at = f" at {file}" if file else ""
    for signs, message, hint in _TROUBLES:
        if any(sign in reason for sign in signs):
            return StoreUnavailable(message.format(at=at), hint=hint)
    return None
