"""Names of remote sources: nothing of a secret is in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import UsageError
from importer.sources.addresses import is_remote, masked, name_of, same_name, scheme_of

ADDRESSES = [
    ("https://h/x.csv", "https://h/x.csv", "https://h/x.csv"),
    ("https://u:p@h:8443/a/x.csv?sig=1#f", "https://h:8443/a/x.csv", "https://…@h:8443/a/x.csv?…"),
    ("https://u@h/?a", "https://h/", "https://…@h/?…"),
    ("s3://bucket/key.csv?versionId=1", "s3://bucket/key.csv", "s3://bucket/key.csv?…"),
    ("https://[h", "https://…", "https://…"),
]


@pytest.mark.parametrize(("address", "name", "shown"), ADDRESSES)
def test_names(address: str, name: str, shown: str) -> None:
    """User, password, query and fragment are left out of names; commands show that something was there."""
    assert is_remote(address)
    assert (name_of(address), masked(address)) == (name, shown)


@pytest.mark.parametrize("path", ["x.csv", "a/b?c@d.csv", "C:\\x.csv", "-", ""])
def test_paths_are_left_alone(path: str) -> None:
    """A path is its own name."""
    assert not is_remote(path)
    assert name_of(path) == masked(path) == path


def test_options_are_masked_too() -> None:
    """An address behind an option in one word."""
    assert masked("--base-url=https://u:p@h/?q") == "--base-url=https://…@h/?…"


secret = st.text("abcdef0123456789", min_size=8, max_size=12)


@given(st.sampled_from(["https", "s3", "az", "http"]), secret, secret, secret)
def test_no_secret_is_in_a_name(scheme: str, user: str, password: str, signature: str) -> None:
    """Whatever they are, they are in no name and in no shown command."""
    address = f"{scheme}://{user}:{password}@host.example/p/x.csv?sig={signature}#{signature}"
    for shown in (name_of(address), masked(address)):
        assert not any(one in shown for one in (user, password, signature))


def test_sources_of_one_name_are_found() -> None:
    """Addresses that differ in their query only, and a path that is named twice."""
    assert same_name(["a", "https://h/x?1", "https://h/x?2"]) == ("https://h/x?1", "https://h/x?2")
    assert same_name(["a", "b", "a"]) == ("a", "a")
    assert same_name(["a", "b"]) is None


def test_schemes() -> None:
    """Known ones are found in any case; others are met with the near miss."""
    assert [scheme_of(address) for address in ("HTTPS://h/x", "s3://b/k", "abfss://c@a/x")] == ["https", "s3", "abfss"]
    with pytest.raises(UsageError, match=r'ss3:// cannot be fetched \(did you mean "s3"\?\)'):
        scheme_of("ss3://bucket/x?hush")
