"""Alarms of a run: what the rules found in its curves, and what people did about it."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from beyondloss.domain.alarms import AlarmKind, Severity
from beyondloss.services import alarms
from beyondloss.web.alarm_words import alarm_check, alarm_sentence
from beyondloss.web.api.shapes import In, Items, Out, OwnerAsking, TheRun, TheStore, problems

router = APIRouter(tags=["metrics"])


class AlarmOut(Out):
    """Something wrong in a curve, from `step` to `last_step`."""

    id: int
    kind: AlarmKind
    step: int
    last_step: int
    severity: Severity
    message: str
    check_first: str = Field(description="What to look at first, in a sentence.")
    facts: dict[str, float | str]
    raised_at: float = Field(description="POSIX seconds.")
    acknowledged: bool


class AlarmsOut(Items[AlarmOut]):
    muted: bool = Field(description="Whether this run's alarms are neither counted nor told.")


class AcknowledgeIn(In):
    alarm_id: Annotated[int | None, Field(ge=1, le=2**31 - 1, description="All of the run without.")] = None


class MuteIn(In):
    muted: bool


@router.get("/runs/{run}/alarms", responses=problems(404))
def get_alarms(store: TheStore, run: TheRun) -> AlarmsOut:
    """Every alarm of a run, by step."""
    return _found(alarms.find_alarms(store, run.id))


@router.post("/runs/{run}/alarms/acknowledge", responses=problems(403, 404, 422))
def acknowledge(store: TheStore, visitor: OwnerAsking, run: TheRun, body: AcknowledgeIn) -> AlarmsOut:
    """Say that one alarm, or all, have been seen."""
    alarms.acknowledge(store, visitor, run.id, body.alarm_id)
    return _found(alarms.find_alarms(store, run.id))


@router.post("/runs/{run}/alarms/mute", responses=problems(403, 404, 422))
def mute(store: TheStore, visitor: OwnerAsking, run: TheRun, body: MuteIn) -> AlarmsOut:
    """Stop counting and telling a run's alarms, or begin again."""
    alarms.mute(store, visitor, run.id, muted=body.muted)
    return _found(alarms.find_alarms(store, run.id))


def _found(found: alarms.RunAlarms) -> AlarmsOut:
    items = [
        AlarmOut(
            id=one.id,
            kind=one.kind,
            step=one.step,
            last_step=one.last_step,
            severity=one.severity,
            message=alarm_sentence(one),
            check_first=alarm_check(one.kind),
            facts=one.facts,
            raised_at=one.raised_at,
            acknowledged=one.acknowledged,
        )
        for one in found.alarms
    ]
    return AlarmsOut(items=items, next=None, muted=found.muted)
