"""Which row of a sheet is its header, when titles and notes may stand above it. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

HEADER_ROWS: Final = 50  #: rows from the top in which the header is looked for

Merged = tuple[tuple[int, int], tuple[int, int]]  #: first and last cell of a merged range, as (row, column) from 0


def header_row(rows: Sequence[Sequence[Any]]) -> int | None:
    """Return the index of the first row with the most texts which a row with data follows.

    Titles and notes have fewer texts than the header below them; rows of data have fewer, or as many and come later.
    Headings of groups, which repeat over their columns, count once. Without data below, the row with the most texts is
    the header of an empty table. None: all rows are blank.
    """
    counts = [_texts(row) for row in rows]
    filled = [index for index, row in enumerate(rows) if any(_holds(cell) for cell in row)]
    named = [index for index in filled if counts[index]]
    if not named:
        return filled[0] if filled else None
    best = max(named, key=lambda index: (counts[index], -index))
    with_data = [index for index in named if index < filled[-1]]
    followed = max(with_data, key=lambda index: (counts[index], -index), default=best)
    return followed if counts[followed] == counts[best] else best


def spread_down(rows: Sequence[list[Any]], merged: Iterable[Merged]) -> None:
    """Repeat the value of cells which are merged downwards, in place: a heading may be two rows high."""
    for (top, left), (bottom, _) in merged:
        if top < len(rows) and left < len(rows[top]):
            for row in rows[top + 1 : bottom + 1]:
                if left < len(row) and not _holds(row[left]):
                    row[left] = rows[top][left]


def _texts(row: Sequence[Any]) -> int:
    """Return how many texts a row holds: distinct ones, unless so few repeat that it must be a mistake in a header."""
    texts = [cell.strip() for cell in row if isinstance(cell, str) and cell.strip()]
    distinct = len(set(texts))
    return len(texts) if (len(texts) - distinct) * 3 <= len(texts) else distinct


def _holds(cell: Any) -> bool:
    return bool(cell.strip()) if isinstance(cell, str) else cell is not None
