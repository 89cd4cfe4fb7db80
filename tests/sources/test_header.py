"""Which row of a sheet is its header."""

from datetime import date
from typing import Any

import pytest

from importer.sources.header import header_row, spread_down

NAMES = ["Name", "Start", "End"]
DATA = ["Spring", date(2026, 3, 1), date(2026, 3, 31)]


@pytest.mark.parametrize(
    ("rows", "at"),
    [
        ([NAMES, DATA], 0),
        ([NAMES, ["Spring", "a", "b"], ["Summer", "c", "d"]], 0),
        ([["Campaigns 2026"], [], NAMES, DATA], 2),
        ([["Owner", "Anna"], ["As of", date(2026, 1, 1)], NAMES, DATA], 2),
        ([["When", "When", "When", "What", "What", "What"], ["a", "b", "c", "d", "e", "f"], [1]], 1),
        ([["Name", "Start", "Name"], ["Spring", "x", "y"]], 0),
        ([["Title"], NAMES], 1),
        ([[], [" ", None]], None),
        ([[1, 2], [3, 4]], 0),
        ([], None),
    ],
)
def test_the_header(rows: list[list[Any]], at: int | None) -> None:
    """Titles, notes and headings of groups are not taken for it, and neither is a row of data."""
    assert header_row(rows) == at


def test_what_is_merged_downwards_is_repeated() -> None:
    """Only blank cells below are filled; ranges beyond the rows that were read do no harm."""
    rows: list[list[Any]] = [["a", "b"], ["", "c"], [None, ""]]
    spread_down(rows, [((0, 0), (9, 0)), ((0, 1), (1, 1)), ((5, 5), (9, 9)), ((0, 7), (1, 7))])
    assert rows == [["a", "b"], ["a", "c"], ["a", ""]]
