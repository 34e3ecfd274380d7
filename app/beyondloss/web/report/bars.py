"""Net wins with their intervals as small drawings. Pure: numbers in, SVG coordinates out."""

from dataclasses import dataclass

WIDTH, HEIGHT = 150, 16
_EDGE = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """From −1 at the left edge to +1 at the right one; `zero` is the middle."""

    low: float
    value: float
    high: float
    zero: float = WIDTH / 2
    width: int = WIDTH
    height: int = HEIGHT


def draw_bar(value: float | None, low: float | None, high: float | None) -> Bar | None:
    """None while there is nothing to draw."""
    if value is None or low is None or high is None:
        return None
    return Bar(low=_x(low), value=_x(value), high=_x(high))


def _x(value: float) -> float:
    inside = min(1.0, max(-1.0, value))
    return round(WIDTH / 2 + inside * (WIDTH / 2 - _EDGE), 1)
