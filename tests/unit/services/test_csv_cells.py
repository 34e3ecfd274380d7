"""CSV cells: no spreadsheet runs them, and every text comes back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beyondloss.services.exports.csv_cells import csv_line, csv_records


@pytest.mark.parametrize("hostile", ["=HYPERLINK(1)", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1"])
def test_what_a_spreadsheet_would_run_gets_an_apostrophe_first(hostile: str) -> None:
    assert csv_line([hostile]).lstrip('"').startswith("'")


def test_numbers_stay_numbers() -> None:
    assert csv_line([-1, 0.5, None, True]) == "-1,0.5,,True\r\n"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), min_size=2, max_size=4))
def test_every_text_comes_back_as_it_was(cells: list[str]) -> None:
    names = [f"column {index}" for index in range(len(cells))]
    assert csv_records(csv_line(names) + csv_line(cells)) == [dict(zip(names, cells, strict=True))]
