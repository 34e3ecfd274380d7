"""A run's alarms as pages show them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from beyondloss.domain.alarms import AlarmFacts, AlarmKind, Severity
from beyondloss.store import alarms
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Alarm


@dataclass(frozen=True, slots=True)
class AlarmView:
    """`facts` is what the sentence about it needs (see `domain.alarms`)."""

    id: int
    kind: AlarmKind
    sign: str
    step: int
    last_step: int
    severity: Severity
    facts: AlarmFacts
    raised_at: float
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class RunAlarms:
    """A run's alarms by step. Muted ones are listed, but neither counted nor told."""

    alarms: tuple[AlarmView, ...]
    muted: bool

    @property
    def open(self) -> tuple[AlarmView, ...]:
        return () if self.muted else tuple(one for one in self.alarms if not one.acknowledged)


@dataclass(frozen=True, slots=True)
class UntoldAlarm:
    run_id: int
    run: str
    alarm: AlarmView


def alarms_of(session: Session, run_ids: Sequence[int]) -> dict[int, RunAlarms]:
    muted = alarms.muted_runs(session, run_ids)
    found = alarms.alarms_of(session, run_ids)
    return {run_id: RunAlarms(tuple(map(view_of, found[run_id])), run_id in muted) for run_id in run_ids}


def view_of(alarm: Alarm) -> AlarmView:
    return AlarmView(
        id=stored_id(alarm.id),
        kind=AlarmKind(alarm.kind),
        sign=alarm.sign,
        step=alarm.step,
        last_step=alarm.last_step,
        severity=Severity(alarm.severity),
        facts=alarm.facts,
        raised_at=alarm.raised_at,
        acknowledged=alarm.acknowledged_at is not None,
    )
