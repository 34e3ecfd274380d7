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
from beyondloss.web.filters import number
from beyondloss.web.i18n import gettext as _
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
class PlotLine:
    """One loss: lines of points, apart where it was no number. `told` says where it began and ended."""

    name: str
    dashed: bool
    lines: tuple[str, ...]
    told: str


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
    losses: tuple[PlotLine, ...]
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
    return Plot(
        width=WIDTH,
        height=top + STRIP + FOOT,
        left=LEFT,
        right=WIDTH - RIGHT,
        panels=panels,
        losses=tuple(_lines(losses, scale, top)),
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


def _lines(losses: Sequence[Series], scale: _Scale, top: float) -> Iterator[PlotLine]:
    """All losses share the strip's height, so that they can be told apart and from nothing else."""
    known = [value for one in losses for value in one.values if value is not None]
    if not known:
        return
    low, high = min(known), max(known)

    def y(value: float) -> float:
        return round(top + 3 + (STRIP - 6) * (1 - (value - low) / (high - low if high > low else 1.0)), 1)

    names = {"loss": _("training loss"), "eval_loss": _("eval loss")}
    for one in losses:
        finite = [value for value in one.values if value is not None]
        if finite:
            told = f"{number(finite[0])} → {number(finite[-1])}"
            parts = tuple(
                # A lone point is drawn as a line to itself: its round ends are a dot.
                " ".join(f"{scale.x(step)},{y(value)}" for step, value in (part * 2 if len(part) == 1 else part))
                for part in unbroken(one)
            )
            yield PlotLine(names.get(one.name, one.name), one.name != "loss", parts, told)


def unbroken(series: Series) -> Iterator[list[tuple[int, float]]]:
    """Stretches of points, apart where the value was no number."""
    part: list[tuple[int, float]] = []
    for step, value in zip(series.steps, series.values, strict=True):
        if value is not None:
            part.append((step, value))
        elif part:
            yield part
            part = []
    if part:
        yield part


def _ticks(steps: Sequence[int], scale: _Scale) -> Iterator[PlotTick]:
    """Of the base and of rated checkpoints, as many as can be read; the last one always."""
    last = scale.x(steps[-1])
    shown = -float(TICK_ROOM)
    for step in [BASE_STEP, *steps]:
        x = scale.x(step)
        if x - shown >= TICK_ROOM and (step == steps[-1] or last - x >= TICK_ROOM):
            shown = x
            yield PlotTick(x, _("base") if step == BASE_STEP else str(step))
