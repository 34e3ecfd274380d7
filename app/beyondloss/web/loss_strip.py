"""Losses as lines in a strip without a scale, wherever behaviour is drawn above them. Pure: numbers in, text out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from beyondloss.domain.metrics import Series
from beyondloss.web.filters import number
from beyondloss.web.i18n import gettext as _


@dataclass(frozen=True, slots=True)
class LossLine:
    """One loss: lines of points, apart where it was no number. `told` says where it began and ended."""

    name: str
    dashed: bool
    lines: tuple[str, ...]
    told: str


def loss_lines(losses: Sequence[Series], point: Callable[[int, float], str], *, flat: float) -> Iterator[LossLine]:
    """All losses share the strip's height, so that they can be told apart and from nothing else.

    `point` places a step and a height from 0, the lowest of all values, to 1, the highest; where all are the same they
    stand at height `flat`.
    """
    known = [value for one in losses for value in one.values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    names = {"loss": _("training loss"), "eval_loss": _("eval loss")}
    for one in losses:
        finite = [value for value in one.values if value is not None]
        if finite:
            lines = (
                # A lone point is drawn as a line to itself: its round ends are a dot.
                " ".join(
                    point(step, (value - low) / (high - low) if high > low else flat)
                    for step, value in (part * 2 if len(part) == 1 else part)
                )
                for part in _unbroken(one)
            )
            told = f"{number(finite[0])} → {number(finite[-1])}"
            yield LossLine(names.get(one.name, one.name), one.name != "loss", tuple(lines), told)


def _unbroken(series: Series) -> Iterator[list[tuple[int, float]]]:
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
