"""What all factories share: put a row in, give it back with its id, and count names up so that they never clash."""

from itertools import count
from typing import TypeVar

from sqlmodel import SQLModel

from beyondloss.store.engine import Store

Row = TypeVar("Row", bound=SQLModel)

NOW = 1_750_000_000.0
"""A moment for rows that need one."""

_numbers = count(1)


def numbered(word: str) -> str:
    return f"{word}-{next(_numbers)}"


def stored(store: Store, row: Row) -> Row:
    with store.write() as session:
        session.add(row)
    return row
