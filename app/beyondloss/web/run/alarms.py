"""Alarms on the run page: what it lists, and what is done about them."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from beyondloss.domain.alarms import AlarmKind, Severity
from beyondloss.services import alarms, runs
from beyondloss.services.alarms import AlarmView, RunAlarms
from beyondloss.web.alarm_words import alarm_check, alarm_name, alarm_sentence
from beyondloss.web.render import render, wants_part
from beyondloss.web.visitors import visitor_of

router = APIRouter(prefix="/runs/{reference}/alarms")
State = Annotated[str, Form(max_length=8000)]


@dataclass(frozen=True, slots=True)
class AlarmLine:
    """One alarm in words."""

    id: int
    kind: AlarmKind
    severity: Severity
    name: str
    sentence: str
    check: str
    step: int
    last_step: int
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class AlarmList:
    """`open` ones first to last by step; `seen` are folded."""

    open: tuple[AlarmLine, ...]
    seen: tuple[AlarmLine, ...]
    muted: bool


def build_alarms(found: RunAlarms) -> AlarmList:
    lines = [_line(alarm) for alarm in found.alarms]
    return AlarmList(
        open=tuple(line for line in lines if not line.acknowledged),
        seen=tuple(line for line in lines if line.acknowledged),
        muted=found.muted,
    )


def alarms_mark(found: RunAlarms) -> tuple[object, ...]:
    """Changes when the list does, not when an alarm that goes on reaches another step."""
    return (found.muted, *((one.id, one.severity.value, one.acknowledged) for one in found.alarms))


def _line(alarm: AlarmView) -> AlarmLine:
    return AlarmLine(
        id=alarm.id,
        kind=alarm.kind,
        severity=alarm.severity,
        name=alarm_name(alarm.kind),
        sentence=alarm_sentence(alarm),
        check=alarm_check(alarm.kind),
        step=alarm.step,
        last_step=alarm.last_step,
        acknowledged=alarm.acknowledged,
    )


@router.post("/acknowledge")
def acknowledge(
    request: Request, reference: str, alarm: Annotated[int | None, Form()] = None, state: State = ""
) -> Response:
    """Somebody has seen one alarm, or all."""
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    alarms.acknowledge(store, visitor, run.id, alarm)
    return _shown(request, run.id, state)


@router.post("/mute")
def mute(request: Request, reference: str, muted: Annotated[bool, Form()], state: State = "") -> Response:
    """Stop counting and telling this run's alarms, or begin again."""
    store, visitor = request.app.state.store, visitor_of(request)
    run = runs.find_run(store, reference, visitor)
    alarms.mute(store, visitor, run.id, muted=muted)
    return _shown(request, run.id, state)


def _shown(request: Request, run_id: int, state: str) -> Response:
    from beyondloss.web.run.loading import find_page
    from beyondloss.web.run.query import read_query

    query = read_query(dict(parse_qsl(state)))
    if not wants_part(request):
        return RedirectResponse(query.href(f"/runs/{run_id}"), 303)
    page = find_page(request.app.state.store, visitor_of(request), str(run_id), query)
    return render(request, "run/_body.html", page)
