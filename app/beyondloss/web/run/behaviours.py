"""Behaviours along the run, as a table that the chart draws under the loss, on the same steps. Knows no store."""

from collections.abc import Sequence
from dataclasses import dataclass

from beyondloss.analysis.verdicts import VerdictWord
from beyondloss.services.losses import LossMoves
from beyondloss.services.verdicts import BehaviourVerdict, VerdictSet
from beyondloss.web.run.query import BASE, RunQuery
from beyondloss.web.sentence import SHAPES, interval, needed_text, signed, subject_name, verdict_label

MOST_STRIPS = 6
"""Behaviours drawn under the curve; the table has them all."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the ratings support: of the chosen checkpoint against the chosen reference, and of all against the base.

    `losses` is None where the reference belongs to another run.
    """

    here: VerdictSet
    by_step: tuple[VerdictSet, ...]
    losses: LossMoves | None


@dataclass(frozen=True, slots=True)
class BehaviourPoint:
    """One behaviour at one step against the base. `text` is the net win as people read it, empty while unknown."""

    step: int
    href: str
    selected: bool
    verdict: VerdictWord
    shape: str
    label: str
    value: float | None
    low: float | None
    high: float | None
    text: str
    interval: str


@dataclass(frozen=True, slots=True)
class BehaviourRow:
    """`needed` is empty with a verdict; the counts are of the chosen checkpoint against the chosen reference."""

    name: str
    wanted: str
    drawn: bool
    points: tuple[BehaviourPoint, ...]
    ratings: int
    raters: int
    needed: str


@dataclass(frozen=True, slots=True)
class BehaviourTable:
    steps: tuple[int, ...]
    rows: tuple[BehaviourRow, ...]
    strips: int
    """How many rows are drawn: what the chart leaves room for."""


def build_behaviours(judged: Judgement, query: RunQuery, path: str) -> BehaviourTable | None:
    """None without any step rated against the base."""
    if not judged.by_step:
        return None
    rows = tuple(_row(judged, place, query, path) for place in range(len(_subjects(judged.here))))
    return BehaviourTable(tuple(one.step for one in judged.by_step), rows, strips=sum(row.drawn for row in rows))


def _subjects(found: VerdictSet) -> Sequence[BehaviourVerdict]:
    """The behaviours, or all probes together where none is named; the same ones in the same order at every step."""
    return found.behaviours or (found.overall,)


def _row(judged: Judgement, place: int, query: RunQuery, path: str) -> BehaviourRow:
    now = _subjects(judged.here)[place]
    return BehaviourRow(
        name=subject_name(now),
        wanted=now.behaviour.wanted if now.behaviour else "",
        drawn=place < MOST_STRIPS,
        points=tuple(_point(_subjects(one)[place], one.step, query, path) for one in judged.by_step),
        ratings=now.ratings,
        raters=now.raters,
        needed=needed_text(now) if now.verdict is VerdictWord.NOT_ENOUGH else "",
    )


def _point(one: BehaviourVerdict, step: int, query: RunQuery, path: str) -> BehaviourPoint:
    return BehaviourPoint(
        step=step,
        href=query.href(path, step=step, against=BASE, full=frozenset(), rendered=frozenset()),
        selected=step == query.step,
        verdict=one.verdict,
        shape=SHAPES[one.verdict],
        label=verdict_label(one),
        value=one.net_win,
        low=one.low,
        high=one.high,
        text="" if one.net_win is None else signed(one.net_win),
        interval=interval(one),
    )
