"""Patterns: the files they stand for, and what is said when there are none."""

from pathlib import Path

import pytest

from importer.errors import UsageError
from importer.sources.patterns import expanded


@pytest.fixture(autouse=True)
def exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with files in it and go there."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "exports/b.csv",
        "exports/a.csv",
        "exports/c.tsv",
        "exports/deep/d.csv",
        "exports/.hidden.csv",
        "x[1].csv",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a\n1\n")
    (tmp_path / "exports/z.csv.ledger").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("sources", "files"),
    [
        (["exports/*.csv"], ["exports/a.csv", "exports/b.csv"]),
        (["exports/?.*"], ["exports/a.csv", "exports/b.csv", "exports/c.tsv"]),
        (["exports/[bc].*"], ["exports/b.csv", "exports/c.tsv"]),
        (["exports/**/*.csv"], ["exports/a.csv", "exports/b.csv", "exports/deep/d.csv"]),
        (["exports/b.csv", "exports/*.csv"], ["exports/b.csv", "exports/a.csv"]),
        (["exports/*"], ["exports/a.csv", "exports/b.csv", "exports/c.tsv"]),
        (["x[1].csv"], ["x[1].csv"]),
        (["-", "nowhere.csv", "https://h/x?a=*"], ["-", "nowhere.csv", "https://h/x?a=*"]),
        ([], []),
    ],
)
def test_patterns_stand_for_files(sources: list[str], files: list[str]) -> None:
    """Sorted, each once, no folders; what has the very name of a file, a plain name or an address is no pattern."""
    assert expanded(sources) == files


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("exprots/*.csv", 'there is no folder exprots (did you mean "exports"?)'),
        ("exports/depe/*.csv", 'there is no folder exports/depe (did you mean "deep"?)'),
        ("exports/*.cvs", 'did you mean "exports/'),
        ("exports/campaigns-2026*.xlsx", "exports holds a.csv, b.csv, c.tsv"),
        ("exports/z.csv.ledger/*", "there are none in exports/z.csv.ledger"),
        ("*.json", "stands for no file"),
    ],
)
def test_a_pattern_without_a_file_is_a_wrong_argument(pattern: str, says: str) -> None:
    """With the folder or file that may have been meant, or what is there."""
    with pytest.raises(UsageError) as caught:
        expanded([pattern])
    assert caught.value.message.startswith(f"{pattern} stands for no file")
    assert says in caught.value.message
