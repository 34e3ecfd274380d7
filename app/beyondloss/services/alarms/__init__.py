"""A run's alarms: found, acknowledged, muted, told. What raises them is `judging`, which needs numpy."""

from collections.abc import Sequence

from beyondloss.domain.access import Visitor
from beyondloss.errors import NotFound
from beyondloss.services.alarms.views import AlarmView, RunAlarms, UntoldAlarm, alarms_of, view_of
from beyondloss.store import alarms
from beyondloss.store.engine import Store
from beyondloss.store.revisions import bump_run
from beyondloss.store.rows import stored_id
from beyondloss.store.runs import lock_run

__all__ = [
    "AlarmView",
    "RunAlarms",
    "UntoldAlarm",
    "acknowledge",
    "alarms_of",
    "find_alarms",
    "mark_told",
    "mute",
    "untold_alarms",
]


def find_alarms(store: Store, run_id: int) -> RunAlarms:
    with store.read() as session:
        return alarms_of(session, [run_id])[run_id]


def acknowledge(store: Store, visitor: Visitor, run_id: int, alarm_id: int | None = None) -> None:
    """Somebody has seen it: it stays on the curve and is no longer counted. Without an id: all of the run's."""
    visitor.require_owner()
    with store.write() as session:
        lock_run(session, run_id)
        if alarm_id is not None and all(a.id != alarm_id for a in alarms.alarms_of(session, [run_id])[run_id]):
            raise NotFound("There is no such alarm.", hint="Reload the page: it may have been withdrawn.")
        if alarms.acknowledge(session, run_id, alarm_id):
            bump_run(session, run_id)


def mute(store: Store, visitor: Visitor, run_id: int, *, muted: bool) -> None:
    """Of a muted run no alarm is counted or told; the curve still shows them."""
    visitor.require_owner()
    with store.write() as session:
        lock_run(session, run_id)
        row = alarms.watch_of(session, run_id)
        if row.muted != muted:
            row.muted = muted
            bump_run(session, run_id)


def untold_alarms(store: Store) -> list[UntoldAlarm]:
    """What a webhook has yet to hear of, the oldest first."""
    with store.read() as session:
        return [UntoldAlarm(stored_id(run.id), run.name, view_of(alarm)) for alarm, run in alarms.untold(session)]


def mark_told(store: Store, alarm_ids: Sequence[int]) -> None:
    with store.write() as session:
        alarms.mark_told(session, alarm_ids)
