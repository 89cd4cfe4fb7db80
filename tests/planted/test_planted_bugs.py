"""Every planted breakage still has its place, and one of them is planted and caught."""

import ast
from pathlib import Path

import pytest

from tests.planted.bug import Bug
from tests.planted.bugs import BUGS
from tests.planted.plant import apply, caught_by
from tests.planted.trees import ROOT


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_breakage_can_be_made(bug: Bug, tmp_path: Path) -> None:
    """Its place is in the code exactly once, what it makes of it is Python, and the tests it names are there."""
    target = tmp_path / "importer" / bug.file
    target.parent.mkdir(parents=True)
    target.write_text((ROOT / "importer" / bug.file).read_text())
    apply(bug, tmp_path)
    ast.parse(target.read_text())
    assert all((ROOT / path.split("::")[0]).exists() for path in bug.tests.split())


def test_a_breakage_without_its_place_is_an_error(tmp_path: Path) -> None:
    """A breakage that no longer fits the code is not counted as caught."""
    (tmp_path / "importer").mkdir()
    (tmp_path / "importer" / "model.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match="0 times"):
        apply(Bug("gone", "", "model.py", "y = 1", "y = 2", ""), tmp_path)


@pytest.mark.slow
def test_a_breakage_is_caught() -> None:
    """A copy of the tree is broken, its tests run against the copy, and one of them fails."""
    bug = next(bug for bug in BUGS if bug.name == "grace_without_end")
    by = caught_by(bug)
    assert by is not None
    assert "test_the_grace_ends" in by
