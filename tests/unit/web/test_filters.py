"""How numbers and times read."""

import pytest

from beyondloss.web.filters import ago, duration, number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.6712, "2.67"), (0.00411, "0.00411"), (3.1e-7, "3.1e−07"), (0.0, "0"), (-1.5, "−1.50"), (1234.5, "1,234"),
        (None, "–"), (float("nan"), "NaN"), (float("-inf"), "−∞"), (2e-4, "2.0e−04"), (999999.0, "999,999"),
    ],
)  # fmt: skip
def test_a_number_has_three_digits_that_matter(value: float | None, text: str) -> None:
    assert number(value) == text


def test_a_number_that_is_not_finite_reads_as_its_kind() -> None:
    assert [number(None, kind=kind) for kind in ("nan", "posinf", "neginf")] == ["NaN", "∞", "−∞"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "just now"), (60, "1 minute ago"), (7200, "2 hours ago"), (86400, "1 day ago"), (-50, "just now")],
)
def test_a_time_reads_as_how_long_ago(seconds: float, text: str) -> None:
    assert ago(1000.0 - seconds, now=1000.0) == text


@pytest.mark.parametrize(("seconds", "text"), [(None, "–"), (0.4, "0 s"), (61, "1 min"), (5400, "1.5 h")])
def test_a_duration_is_short(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
