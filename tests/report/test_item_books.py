"""The books of items: what was there is in one place each, in words and in the report."""

from dataclasses import replace

import pytest

from importer.errors import BooksError
from importer.model import State
from importer.report.item_books import ItemBooks
from importer.report.page import render
from tests.report.test_page import NOW, facts


def test_what_is_in_no_place_was_not_sent() -> None:
    """The sum holds at any moment, and more that ended than there was is an error."""
    books = ItemBooks(read=10, earlier=2, skipped=1)
    for state in (State.CREATED, State.CREATED, State.FAILED, State.UNRESOLVED, State.IN_DOUBT, State.NOT_SENT):
        books.end(state)
    told = books.as_dict()
    ended = ("made", "skipped", "failed", "unresolved", "in_doubt", "not_sent")
    assert sum(told[name] for name in ended) == told["read"] + told["earlier"] == 12
    left, right = books.line().split(" = ")
    assert left == "items: 10 read + 2 left by earlier runs"
    assert right == "2 made + 1 skipped + 1 failed + 1 unresolved + 1 in doubt + 6 not sent"
    books.check()
    with pytest.raises(BooksError):
        ItemBooks(read=1, made=2).check()


def test_a_summary_gives_them_back() -> None:
    """Also one that is older than items, or newer by a field."""
    books = ItemBooks(read=3, made=2, failed=1)
    assert ItemBooks.of(books.as_dict() | {"later": 1}) == books
    assert ItemBooks.of(None) == ItemBooks()


def test_the_report_has_a_line_for_items() -> None:
    """Beneath the books of the rows; none where there were no items."""
    there = facts()
    counts = {**there.counts, "items": ItemBooks(read=120, made=118, failed=2).as_dict()}
    assert "items: 120 read = 118 made + 2 failed" in render(replace(there, counts=counts), NOW)
    assert "<br>items:" not in render(there, NOW)
