"""The published table of faults is that of the tests."""

from pathlib import Path

from tests.network.faults import markdown

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "network-faults.md"


def test_the_page_holds_the_table() -> None:
    """docs/reference/network-faults.md ends in what `python -m tests.network.faults` prints."""
    assert PAGE.read_text(encoding="utf-8").endswith("".join(f"{line}\n" for line in markdown()))
