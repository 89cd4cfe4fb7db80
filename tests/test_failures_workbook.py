"""Workbooks: every cell is text, nothing is lost, and what does not fit is refused whole."""

import re
import stat
import sys
import zipfile
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import UsageError
from importer.workbook import CHARACTERS_MAX, write_workbook

CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def cells(path: Path) -> dict[str, str]:
    """Return cell → text of a workbook's only sheet, read as the format's specification says."""
    sheet = zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml").decode()
    found = re.findall(r'<c r="([A-Z]+\d+)"[^>]*t="inlineStr"><is><t[^>]*>(.*?)</t></is></c>', sheet, re.DOTALL)
    return {cell: _decoded(unescape(text)) for cell, text in found}


def _decoded(text: str) -> str:
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)


@pytest.mark.posix("files have no modes there")
def test_formulas_links_and_numbers_are_text(tmp_path: Path) -> None:
    """Nothing in a cell runs, links or loses a digit; every cell has the format of text."""
    held = ["=1+1", "{=SUM(A1)}", "https://example.org", "00123456789012345678", "+49", "@x", "1e5"]
    path = tmp_path / "fix.xlsx"
    assert write_workbook(path, [f"c{at}" for at in range(len(held))], [held]) == 1
    sheet = zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<v>" not in sheet
    assert "hyperlink" not in sheet
    assert [text for cell, text in cells(path).items() if cell.endswith("2")] == held
    assert 'numFmtId="49"' in zipfile.ZipFile(path).read("xl/styles.xml").decode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@given(st.lists(CELLS, min_size=1, max_size=5))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, held: list[str]) -> None:
    """What is read is what was written, whatever the characters; an empty cell is none."""
    path = tmp_path_factory.mktemp("books") / "fix.xlsx"
    write_workbook(path, ["name"] * len(held), [held])
    found = cells(path)
    assert [found.get(f"{chr(65 + at)}2", "") for at in range(len(held))] == held


@pytest.mark.parametrize(
    ("columns", "row", "what"),
    [
        (["a"], ["x" * (CHARACTERS_MAX + 1)], "a cell of 32,768 characters"),
        (["a"] * 16_385, [], "16,385 columns"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(
    tmp_path: Path, columns: list[str], row: list[str], what: str
) -> None:
    """Excel would cut it off: the way out is named, and no half of a file is left."""
    with pytest.raises(UsageError, match=what) as refused:
        write_workbook(tmp_path / "fix.xlsx", columns, [row])
    assert refused.value.hint == "Write .csv instead."
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    """Nothing is written over."""
    path = tmp_path / "fix.xlsx"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        write_workbook(path, ["a"], [])
    assert path.read_text() == "mine"


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library the message says what to install, and what needs nothing."""
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(UsageError, match="needs the extra excel") as refused:
        write_workbook(tmp_path / "fix.xlsx", ["a"], [])
    assert refused.value.hint == "pip install 'campaign-importer[excel]', or write .csv."
    assert list(tmp_path.iterdir()) == []
