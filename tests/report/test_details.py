"""details.json: comes back as it was; and files that are whole or not there."""

import stat
from pathlib import Path

import pytest

from importer.report.details import Details, read_details, write_details
from importer.report.facts import Setting, Step
from importer.report.private import write_private

DETAILS = Details(
    tool="0.1.0",
    account="HubSpot account 1 (sandbox)",
    settings=(
        Setting(name="--rate", value="50", origin="IMPORTER_RATE"),
        Setting(name="--yes", value="no", origin=None),
    ),
    next_steps=(Step(why="to go on", command="importer run a.csv"),),
)


@pytest.mark.posix("files have no modes there")
def test_details_come_back(tmp_path: Path) -> None:
    """What is read is what was written, and nobody else may read it."""
    path = tmp_path / "details.json"
    write_details(path, DETAILS)
    assert read_details(path) == DETAILS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("held", [b"", b"[]", b'{"tool": 1}', b'{"torn', b'{"tool":"","account":"","settings":[1]}'])
def test_damaged_details_are_none(tmp_path: Path, held: bytes) -> None:
    """A report does without them rather than fail."""
    path = tmp_path / "details.json"
    assert read_details(path) is None
    path.write_bytes(held)
    assert read_details(path) is None


def test_a_file_that_cannot_be_replaced_leaves_no_half(tmp_path: Path) -> None:
    """An error leaves what was there, and nothing besides."""
    target = tmp_path / "report.html"
    target.mkdir()
    with pytest.raises(OSError, match=r"report\.html"):
        write_private(target, b"page")
    assert list(tmp_path.iterdir()) == [target]
