"""The scrubber's axis: a mark per checkpoint, and the losses on the same steps as a strip without a scale. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from beyondloss.domain.metrics import Series
from beyondloss.web.loss_strip import LossLine, loss_lines

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
class Axis:
    last: int
    marks: tuple[AxisMark, ...]
    losses: tuple[LossLine, ...]


def draw_axis(states: Sequence[tuple[int, str]], losses: Sequence[Series], *, current: int) -> Axis:
    """`states` are the checkpoints by rising step."""
    last = max(1, *(step for step, _state in states), *(one.steps[-1] for one in losses if one.steps))

    def point(step: int, height: float) -> str:
        return f"{WIDTH * step / last:.1f},{_EDGE + (HEIGHT - 2 * _EDGE) * (1 - height):.1f}"

    return Axis(
        last=last,
        marks=tuple(AxisMark(step, round(100 * step / last, 2), state, step == current) for step, state in states),
        losses=tuple(loss_lines(losses, point, flat=0.5)),
    )
