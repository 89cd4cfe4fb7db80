"""Text of strangers: nothing in it steers, nothing in it is a secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.legible import UNSAFE, clean, one_line, shareable


@given(st.text())
def test_what_is_cleaned_steers_nothing(text: str) -> None:
    """No control, bidirectional or zero-width character is left, and clean text stays as it is."""
    assert UNSAFE.search(clean(text)) is None
    if UNSAFE.search(text) is None:
        assert clean(text) == text


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_a_line_is_one_line_and_no_longer_than_asked(text: str, most: int) -> None:
    """Whatever comes, one printable line of at most so many characters goes."""
    line = one_line(text, most)
    assert len(line) <= most
    assert not {"\n", "\t", "\u202e"} & set(line)
    assert UNSAFE.search(line) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:secret@example.org/a.csv", "https://example.org/a.csv"),
        ("s3://bucket/key.csv?X-Amz-Signature=secret", "s3://bucket/key.csv"),
        ("get https://example.org/a?sig=secret#secret then b.csv", "get https://example.org/a then b.csv"),
        ("https://t:sec@ret@example.org:8443/a", "https://example.org:8443/a"),
        ("a.csv", "a.csv"),
        ("50% off? yes @ noon", "50% off? yes @ noon"),
    ],
)
def test_urls_lose_what_may_be_a_secret(text: str, shown: str) -> None:
    """User, password, query and fragment go; everything else stays."""
    assert shareable(text) == shown
