"""The head of a file: what is no table is named as what it is, and what cannot be read says why."""

from pathlib import Path

import pytest

from importer.errors import SourceError
from importer.proposing.sampling import take_sample
from importer.sources.policy import ReadPolicy


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0", "is a picture, not a table"),
        ("a.csv", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "is a PDF, not a table"),
        ("a.csv", b"<html><body>Sign in</body></html>\n", "is a web page or XML, not a table"),
        ("a.json", b"{'hs_name': 'A'}\n", "no row that was looked at can be read; line 1: Expecting property name"),
        ("a.csv", b"hs_name,hs_notes\nA\n", "no row that was looked at can be read; line 2: the row has 1 cell"),
        ("a.csv", b"hs_name\n", "has no rows to look at"),
    ],
)
def test_what_cannot_be_looked_at_says_why(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    """Pictures, documents and web pages by their first bytes; broken rows by the first of them; a header alone."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=says) as caught:
        take_sample(str(path), ReadPolicy(), encoding_given=False)
    assert caught.value.hint
