"""Behaviour along a run, and under it, on the same steps, the losses: as a drawing. Pure: numbers in, coordinates out.

Net wins have one scale, −1 to +1. Loss is a strip below without one: on a second axis the two could be made to look
alike, or unlike, by stretching either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from beyondloss.analysis.verdicts import VerdictWord
from beyondloss.domain.metrics import Series
from beyondloss.domain.runs import BASE_STEP
from beyondloss.services.verdicts import BehaviourVerdict, VerdictSet
from beyondloss.web.i18n import gettext as _
from beyondloss.web.loss_strip import LossLine, loss_lines
from beyondloss.web.sentence import subject_name

WIDTH = 720
LEFT, RIGHT = 34, 14
TITLE, PANEL, GAP = 17, 54, 5
STRIP = 34
FOOT = 22
MOST_PANELS = 5
TICK_ROOM = 44
_TALL = PANEL / 2 - 5


@dataclass(frozen=True, slots=True)
class PlotPoint:
    """`low` and `high` are the ends of the interval; the base has none, it is what is compared with."""

    x: float
    y: float
    low: float | None
    high: float | None
    verdict: VerdictWord | None
    current: bool


@dataclass(frozen=True, slots=True)
class PlotPanel:
    """One behaviour. `zero`, `top` and `bottom` are where net wins of 0, +1 and −1 are drawn."""

    title: str
    title_y: float
    zero: float
    top: float
    bottom: float
    points: tuple[PlotPoint, ...]


@dataclass(frozen=True, slots=True)
class PlotTick:
    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    width: int
    height: float
    left: float
    right: float
    panels: tuple[PlotPanel, ...]
    losses: tuple[LossLine, ...]
    strip_title_y: float
    strip_top: float
    strip_bottom: float
    ticks: tuple[PlotTick, ...]
    told: str


@dataclass(frozen=True, slots=True)
class _Scale:
    last: int

    def x(self, step: int) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * min(step, self.last) / self.last, 1)


def draw_plot(by_step: Sequence[VerdictSet], losses: Sequence[Series], *, current: int) -> Plot | None:
    """None without a rated checkpoint."""
    if not by_step:
        return None
    scale = _Scale(max(1, by_step[-1].step, *(one.steps[-1] for one in losses if one.steps)))
    subjects = [[one.overall, *one.behaviours][:MOST_PANELS] for one in by_step]
    panels = tuple(
        _panel(place, [(one.step, subjects[at][place]) for at, one in enumerate(by_step)], scale, current)
        for place in range(len(subjects[0]))
    )
    top = len(panels) * (TITLE + PANEL + GAP) + TITLE

    def point(step: int, height: float) -> str:
        return f"{scale.x(step)},{round(top + 3 + (STRIP - 6) * (1 - height), 1)}"

    return Plot(
        width=WIDTH,
        height=top + STRIP + FOOT,
        left=LEFT,
        right=WIDTH - RIGHT,
        panels=panels,
        losses=tuple(loss_lines(losses, point, flat=0.0)),
        strip_title_y=top - 5,
        strip_top=top,
        strip_bottom=top + STRIP,
        ticks=tuple(_ticks([one.step for one in by_step], scale)),
        told=_(
            "Net win against base at each rated checkpoint with its interval, and the losses below on the same steps."
        ),
    )


def _panel(place: int, found: Sequence[tuple[int, BehaviourVerdict]], scale: _Scale, current: int) -> PlotPanel:
    top = place * (TITLE + PANEL + GAP) + TITLE
    zero = top + PANEL / 2

    def y(value: float) -> float:
        return round(zero - value * _TALL, 1)

    points = [PlotPoint(scale.x(BASE_STEP), zero, None, None, None, current == BASE_STEP)]
    for step, one in found:
        if one.net_win is not None and one.low is not None and one.high is not None:
            ends = (y(one.low), y(one.high))
            points.append(PlotPoint(scale.x(step), y(one.net_win), *ends, one.verdict, step == current))
    return PlotPanel(subject_name(found[0][1]), top - 4, zero, y(1.0), y(-1.0), tuple(points))


def _ticks(steps: Sequence[int], scale: _Scale) -> Iterator[PlotTick]:
    """Of the base and of rated checkpoints, as many as can be read; the last one always."""
    last = scale.x(steps[-1])
    shown = -float(TICK_ROOM)
    for step in [BASE_STEP, *steps]:
        x = scale.x(step)
        if x - shown >= TICK_ROOM and (step == steps[-1] or last - x >= TICK_ROOM):
            shown = x
            yield PlotTick(x, _("base") if step == BASE_STEP else str(step))
