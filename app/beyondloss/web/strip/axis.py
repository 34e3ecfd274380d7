"""The scrubber's axis: a mark per checkpoint, and the losses on the same steps as a strip without a scale. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from beyondloss.domain.metrics import Series
from beyondloss.web.filters import number
from beyondloss.web.i18n import gettext as _
from beyondloss.web.report.plot import unbroken

WIDTH, HEIGHT = 1000, 40
"""Of the loss strip's own coordinates; the page stretches it to the scrubber's width."""
_EDGE = 3


@dataclass(frozen=True, slots=True)
class AxisMark:
    """`x` is per cent of the width."""

    step: int
    x: float
    state: str
    current: bool


@dataclass(frozen=True, slots=True)
class AxisLoss:
    """`told` is the first and last finite value."""

    name: str
    dashed: bool
    lines: tuple[str, ...]
    told: str


@dataclass(frozen=True, slots=True)
class Axis:
    last: int
    marks: tuple[AxisMark, ...]
    losses: tuple[AxisLoss, ...]


def draw_axis(states: Sequence[tuple[int, str]], losses: Sequence[Series], *, current: int) -> Axis:
    """`states` are the checkpoints by rising step."""
    last = max(1, *(step for step, _state in states), *(one.steps[-1] for one in losses if one.steps))
    return Axis(
        last=last,
        marks=tuple(AxisMark(step, round(100 * step / last, 2), state, step == current) for step, state in states),
        losses=tuple(_lines(losses, last)),
    )


def _lines(losses: Sequence[Series], last: int) -> Iterator[AxisLoss]:
    """All losses share the strip's height."""
    known = [value for one in losses for value in one.values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)

    def point(step: int, value: float) -> str:
        share = (value - low) / (high - low) if high > low else 0.5
        return f"{WIDTH * step / last:.1f},{_EDGE + (HEIGHT - 2 * _EDGE) * (1 - share):.1f}"

    names = {"loss": _("training loss"), "eval_loss": _("eval loss")}
    for one in losses:
        finite = [value for value in one.values if value is not None]
        if finite:
            # A lone point is drawn as a line to itself: its round ends are a dot.
            lines = (" ".join(point(*at) for at in (part * 2 if len(part) == 1 else part)) for part in unbroken(one))
            told = f"{number(finite[0])} → {number(finite[-1])}"
            yield AxisLoss(names.get(one.name, one.name), one.name != "loss", tuple(lines), told)
