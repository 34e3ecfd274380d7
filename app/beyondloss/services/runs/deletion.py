"""Taking a run out of the store, saying first what goes with it. The trainer's folder is never touched."""

from beyondloss.services.runs.views import DeletionCount
from beyondloss.store import runs
from beyondloss.store.engine import Store


def count_deletion(store: Store, run_id: int) -> DeletionCount:
    with store.read() as session:
        runs.find_revision(session, run_id)
        return DeletionCount(*runs.count_under(session, run_id))


def delete_run(store: Store, run_id: int) -> DeletionCount:
    """Remove a run and everything under it from the store. The trainer's folder is never touched."""
    with store.write() as session:
        run = runs.lock_run(session, run_id)
        count = DeletionCount(*runs.count_under(session, run_id))
        runs.remove_run(session, run)
    return count
