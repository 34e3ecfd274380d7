"""Alarms of runs: kept in step with what the rules find, acknowledged, muted, counted, told."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from beyondloss.domain.alarms import AlarmKind, FoundAlarm, Severity
from beyondloss.domain.runs import RunState
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Alarm, AlarmWatch, Checkpoint, Rating, Run

MOST_ALARMS = 200
"""Of one kind in one run: beyond that nobody needs another."""


@dataclass(frozen=True, slots=True)
class OpenAlarms:
    """Alarms of a run that nobody has acknowledged, and the worst of their severities."""

    count: int
    worst: Severity


def watch_of(session: Session, run_id: int) -> AlarmWatch:
    """The run's row, made when missing. The caller holds the run."""
    watch = session.get(AlarmWatch, run_id)
    if watch is None:
        watch = AlarmWatch(run_id=run_id)
        session.add(watch)
    return watch


def alarms_of(session: Session, run_ids: Collection[int]) -> dict[int, list[Alarm]]:
    """By run id, each run's by step."""
    found: dict[int, list[Alarm]] = {run_id: [] for run_id in run_ids}
    query = select(Alarm).where(col(Alarm.run_id).in_(run_ids)).order_by(col(Alarm.step), col(Alarm.id))
    for alarm in session.exec(query):
        found[alarm.run_id].append(alarm)
    return found


def muted_runs(session: Session, run_ids: Collection[int]) -> set[int]:
    query = select(AlarmWatch.run_id).where(col(AlarmWatch.run_id).in_(run_ids), col(AlarmWatch.muted))
    return set(session.exec(query))


def open_alarms(session: Session, run_ids: Collection[int]) -> dict[int, OpenAlarms]:
    """By run id; runs that are muted or have none are left out. Mere information is not counted."""
    query = (
        select(Alarm.run_id, Alarm.severity, func.count())
        .join(AlarmWatch, col(AlarmWatch.run_id) == col(Alarm.run_id), isouter=True)
        .where(
            col(Alarm.run_id).in_(run_ids),
            col(Alarm.acknowledged_at).is_(None),
            Alarm.severity != Severity.INFO.value,
            ~func.coalesce(AlarmWatch.muted, False),
        )
        .group_by(col(Alarm.run_id), col(Alarm.severity))
    )
    found: dict[int, OpenAlarms] = {}
    for run_id, severity, count in session.exec(query):
        here = found.get(run_id, OpenAlarms(0, Severity.INFO))
        worst = max(here.worst, Severity(severity), key=lambda one: one.rank)
        found[run_id] = OpenAlarms(here.count + count, worst)
    return found


def note_metric(session: Session, run: Run, metric: str, found: Sequence[FoundAlarm], *, since: int | None) -> None:
    """Bring what the rules say of one metric's points up to date; an alarm is one for all metrics that show it.

    `since`: this metric's points were judged anew from that step on, so what is not found again goes.
    """
    if not found and since is None:
        return
    rows = [row for row in alarms_of(session, [stored_id(run.id)])[stored_id(run.id)] if row.kind in _BY_METRIC]
    kept = {(one.kind.value, one.step) for one in found}
    for row in rows:
        if since is not None and row.step >= since and (row.kind, row.step) not in kept:
            _forget_metric(session, row, metric)
    for one in found:
        _note(session, run, rows, one)


_BY_METRIC = frozenset({AlarmKind.NOT_FINITE.value, AlarmKind.SPIKE.value, AlarmKind.DIVERGENCE.value})


def _forget_metric(session: Session, row: Alarm, metric: str) -> None:
    """A divergence is the loss's alone; other rows go when no metric shows them any more."""
    if row.kind == AlarmKind.DIVERGENCE.value:
        if metric == "loss":
            session.delete(row)
        return
    if metric in row.facts:
        row.facts = {name: value for name, value in row.facts.items() if name != metric}
        row.severity = _severity(row.kind, row.facts, row.severity)
        if not row.facts:
            session.delete(row)


def _note(session: Session, run: Run, rows: list[Alarm], one: FoundAlarm) -> None:
    """Into the row of the same event, or a new one. What two metrics show at once is one event."""
    same = [row for row in rows if row.kind == one.kind.value]
    row = next((row for row in same if row.step == one.step), None)
    if row is None and one.kind is not AlarmKind.DIVERGENCE:
        row = next((r for r in same if r.step <= one.last_step and one.step <= r.last_step), None)
    if row is None:
        if len(same) < MOST_ALARMS:
            rows.append(_add(session, run, one))
        return
    row.step, row.last_step = min(row.step, one.step), max(row.last_step, one.last_step)
    row.facts = row.facts | one.facts
    row.severity = _severity(row.kind, row.facts, row.severity)


def _severity(kind: str, facts: dict[str, Any], severity: str) -> str:
    """A spike of loss and gradient norm together is no accident of one batch's numbers: it is told more loudly."""
    if kind != AlarmKind.SPIKE.value:
        return severity
    return Severity.CRITICAL.value if {"loss", "grad_norm"} <= facts.keys() else Severity.WARN.value


def note_shape(session: Session, run: Run, found: Sequence[FoundAlarm]) -> None:
    """Bring what the rules say of the whole curve up to date: of each kind and sign there is one, or none."""
    rows = [row for row in alarms_of(session, [stored_id(run.id)])[stored_id(run.id)] if row.kind not in _BY_METRIC]
    there = {(row.kind, row.sign): row for row in rows}
    for one in found:
        row = there.pop((one.kind.value, str(one.facts.get("sign", ""))), None)
        if row is None:
            _add(session, run, one)
        else:
            row.last_step, row.facts = one.last_step, one.facts
    for row in there.values():
        session.delete(row)


def _add(session: Session, run: Run, one: FoundAlarm) -> Alarm:
    alarm = Alarm(
        run_id=stored_id(run.id),
        kind=one.kind.value,
        sign=str(one.facts.get("sign", "")),
        step=one.step,
        last_step=one.last_step,
        severity=one.severity.value,
        facts=one.facts,
        raised_at=time.time(),
        told=run.state != RunState.TRAINING.value,
    )
    session.add(alarm)
    return alarm


def marked_steps(session: Session, run_id: int, *, most: int) -> list[int]:
    """Where alarms begin and end, those of the gravest first, each step once."""
    order = {severity.value: place for place, severity in enumerate((Severity.CRITICAL, Severity.WARN, Severity.INFO))}
    query = select(Alarm.severity, Alarm.step, Alarm.last_step).where(Alarm.run_id == run_id)
    rows = sorted(session.exec(query), key=lambda row: (order[row[0]], row[1]))
    return list(dict.fromkeys(step for _severity, *ends in rows for step in ends))[:most]


def acknowledge(session: Session, run_id: int, alarm_id: int | None) -> int:
    """One alarm of the run, or all. How many were not acknowledged before."""
    query = update(Alarm).where(col(Alarm.run_id) == run_id, col(Alarm.acknowledged_at).is_(None))
    if alarm_id is not None:
        query = query.where(col(Alarm.id) == alarm_id)
    return session.exec(query.values(acknowledged_at=time.time())).rowcount


def untold(session: Session, limit: int = 50) -> list[tuple[Alarm, Run]]:
    """Alarms that the webhook has yet to hear of, the oldest first; of muted runs none."""
    muted = select(AlarmWatch.run_id).where(col(AlarmWatch.muted))
    query = (
        select(Alarm, Run)
        .join(Run, col(Run.id) == col(Alarm.run_id))
        .where(~col(Alarm.told), Alarm.severity != Severity.INFO.value, col(Alarm.run_id).not_in(muted))
        .order_by(col(Alarm.id))
        .limit(limit)
    )
    return list(session.exec(query))


def mark_told(session: Session, alarm_ids: Collection[int]) -> None:
    session.exec(update(Alarm).where(col(Alarm.id).in_(alarm_ids)).values(told=True))


def has_ratings(session: Session, run_id: int) -> bool:
    query = select(Rating.id).where(Rating.run_id == run_id, col(Rating.verdict).is_not(None)).limit(1)
    return session.exec(query).first() is not None


def trains_adapters(session: Session, run_id: int) -> bool | None:
    """Whether the run saves adapters rather than whole models; None until it has saved anything."""
    query = select(Checkpoint.kind).where(Checkpoint.run_id == run_id, Checkpoint.step > 0).limit(1)
    kind = session.exec(query).first()
    return None if kind is None else kind == "adapter"
