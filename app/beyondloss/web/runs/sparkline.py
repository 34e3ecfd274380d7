"""A run's training loss as a small drawing. Pure: values in, SVG coordinates out."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH = 132
HEIGHT = 30
_EDGE = 3.0
_LOG_RATIO = 20.0
"""A curve that spans more than this is drawn on a log scale, or all of its end would be one flat line."""


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Sparkline:
    """`lines` are SVG point lists, broken where the loss was not finite; `breaks` is where that was."""

    lines: tuple[str, ...]
    breaks: tuple[Dot, ...]
    end: Dot | None
    first: float | None
    last: float | None
    width: int = WIDTH
    height: int = HEIGHT


def draw_sparkline(values: Sequence[float | None]) -> Sparkline:
    """None is a value that is not finite: a gap with a mark, never a straight line across."""
    finite = [v for v in values if v is not None]
    if not finite:
        return Sparkline((), tuple(Dot(x, HEIGHT / 2) for x in _xs(values)), None, None, None)
    height = _heights(finite)
    stretches: list[list[str]] = [[]]
    breaks: list[Dot] = []
    end: Dot | None = None
    for x, value in zip(_xs(values), values, strict=True):
        if value is None:
            breaks.append(Dot(x, _EDGE))
            stretches.append([])
        else:
            end = Dot(x, height(value))
            stretches[-1].append(f"{end.x:g},{end.y:g}")
    lines = tuple(" ".join(points) for points in stretches if len(points) > 1)
    # A diverged run ends with its last mark, not with a dot somewhere before.
    return Sparkline(lines, tuple(breaks), None if values[-1] is None else end, finite[0], finite[-1])


def _xs(values: Sequence[float | None]) -> list[float]:
    step = (WIDTH - 2 * _EDGE) / max(1, len(values) - 1)
    return [round(_EDGE + step * i, 1) for i in range(len(values))]


def _heights(finite: Sequence[float]) -> Callable[[float], float]:
    """From a loss to a y coordinate; small is low."""
    low, high = min(finite), max(finite)
    place = math.log if low > 0 and high / low > _LOG_RATIO else float
    bottom, span = place(low), place(high) - place(low)

    def height(value: float) -> float:
        ratio = (place(value) - bottom) / span if span > 0 and math.isfinite(span) else 0.5
        return round(HEIGHT - _EDGE - ratio * (HEIGHT - 2 * _EDGE), 1)

    return height
