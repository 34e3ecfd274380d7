"""CSV that no spreadsheet runs. A text that a spreadsheet would take for a formula gets an apostrophe in front.

So does one that begins with an apostrophe: taking the first one off again always gives the text as it was.
"""

import csv
import io
from collections.abc import Iterable, Sequence

_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")


def csv_line(cells: Iterable[object]) -> str:
    """One record, ended by CRLF. None is an empty cell; numbers stay numbers."""
    out = io.StringIO()
    csv.writer(out).writerow([_guarded(cell) if isinstance(cell, str) else cell for cell in cells])
    return out.getvalue()


def csv_records(text: str) -> list[dict[str, str]]:
    """What `csv_line` wrote, by the names of its first line."""
    rows = iter(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    names = next(rows, [])
    return [_record(names, row) for row in rows if row]


def _record(names: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    return {name: cell.removeprefix("'") for name, cell in zip(names, row, strict=False)}


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(_RISKY) else text
