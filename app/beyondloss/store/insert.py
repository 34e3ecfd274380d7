"""INSERT … ON CONFLICT for both databases: the one statement SQLAlchemy spells differently for each."""

from typing import TYPE_CHECKING

from sqlalchemy.dialects import sqlite
from sqlmodel import Session, SQLModel

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def insert_into(session: Session, table: type[SQLModel]) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that has `on_conflict_do_nothing` and `on_conflict_do_update` on this session's database."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # a database most stores never see

    return postgresql.insert(table)
