"""Giant sources in small: the importer's memory does not grow with a line, an element or an archive."""

import sys

import pytest

from tests.hostile.giants import GIANTS, Giant, complaints, feed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc"),
]
MEGABYTES = 170
TABLE_MEGABYTES = 20  #: rows are slower than bytes


@pytest.mark.parametrize("giant", GIANTS, ids=[giant.name for giant in GIANTS])
def test_a_giant_needs_no_more_memory_than_a_dwarf(giant: Giant) -> None:
    """The child's peak stays below the bound, and it ends as it must."""
    assert complaints(giant, feed(giant, TABLE_MEGABYTES if giant.name == "table" else MEGABYTES)) == []


def test_a_child_that_keeps_what_it_reads_is_found() -> None:
    """The bound is one: a program that holds its input in memory, and says that all is well, breaks it."""
    line = next(giant for giant in GIANTS if giant.name == "one line")
    greedy = "import sys; held = sys.stdin.buffer.read(); print('row_too_long'); sys.exit(1)"
    (found,) = complaints(line, feed(line, MEGABYTES, greedy))
    assert "more than 150" in found
