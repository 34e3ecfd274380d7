"""Rows of the runs list, kept while their run's revision stands: the list is asked for again whenever one run moves.

A run's revision rises with everything that its row shows, so a remembered row is never stale. What depends on who asks
(how many are left to rate) is kept apart from it.
"""

from dataclasses import dataclass
from threading import Lock
from weakref import WeakKeyDictionary

from beyondloss.services.runs.views import RunSummary
from beyondloss.store.engine import Store

MOST_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class RememberedRow:
    """`summary.unrated` is 0; `changed` is how many there would be for somebody who has rated none."""

    revision: int
    sampling_id: int | None
    summary: RunSummary
    changed: int


_lock = Lock()
_rows: "WeakKeyDictionary[Store, dict[int, RememberedRow]]" = WeakKeyDictionary()


def remembered_row(store: Store, run_id: int, *, revision: int, sampling_id: int | None) -> RememberedRow | None:
    """The row as of exactly this revision and sampling, or None."""
    with _lock:
        row = _rows.get(store, {}).get(run_id)
    return row if row is not None and (row.revision, row.sampling_id) == (revision, sampling_id) else None


def remember_row(store: Store, row: RememberedRow) -> None:
    with _lock:
        rows = _rows.setdefault(store, {})
        if len(rows) >= MOST_ROWS:
            rows.clear()
        rows[row.summary.id] = row
