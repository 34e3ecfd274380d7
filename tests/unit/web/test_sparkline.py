"""The small drawing of a run's loss."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from beyondloss.web.runs.sparkline import HEIGHT, WIDTH, draw_sparkline


def test_a_gap_is_marked_and_never_bridged() -> None:
    drawn = draw_sparkline([3.0, 2.0, None, 2.0, 1.0])
    assert len(drawn.lines) == 2
    assert [dot.x for dot in drawn.breaks] == [WIDTH / 2]
    assert (drawn.first, drawn.last) == (3.0, 1.0)


def test_a_run_that_ends_in_nan_has_no_dot_at_its_end() -> None:
    assert draw_sparkline([2.0, 1.0, None]).end is None
    assert draw_sparkline([2.0, 1.0]).end is not None


def test_a_fall_over_decades_is_seen_to_its_end() -> None:
    drawn = draw_sparkline([10.0, 1.0, 0.1, 0.01])
    heights = [float(point.split(",")[1]) for point in drawn.lines[0].split()]
    drops = [round(b - a, 1) for a, b in pairwise(heights)]
    assert drops == [8.0, 8.0, 8.0]


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=60))
def test_everything_stays_inside_the_drawing(values: list[float | None]) -> None:
    drawn = draw_sparkline(values)
    points = [tuple(map(float, p.split(","))) for line in drawn.lines for p in line.split()]
    points += [(dot.x, dot.y) for dot in (*drawn.breaks, *([drawn.end] if drawn.end else []))]
    for x, y in points:
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT
        assert math.isfinite(x + y)
