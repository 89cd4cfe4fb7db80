"""Where a token may be sent."""

import pytest

from importer.errors import UsageError
from importer.hubspot.endpoint import TransportPolicy, base_url


@pytest.mark.parametrize(
    "url", ["https://api.hubapi.com", "http://127.0.0.1:8080", "http://[::1]:1", "http://localhost"]
)
def test_a_safe_base_url_is_taken(url: str) -> None:
    """Encrypted, or not further than this machine."""
    assert str(base_url(TransportPolicy(base_url=url))).rstrip("/") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.hubapi.com",
        "ftp://127.0.0.1",
        "https://user:secret@api.hubapi.com",
        "https://api.hubapi.com?a=1",
        "api.hubapi.com",
        "https://[broken",
    ],
)
def test_an_unsafe_base_url_is_refused(url: str) -> None:
    """The token never goes anywhere unencrypted but to this machine."""
    with pytest.raises(UsageError):
        base_url(TransportPolicy(base_url=url))


def test_loopback_without_tls_can_be_forbidden() -> None:
    """The exception for the simulator has a switch."""
    with pytest.raises(UsageError):
        base_url(TransportPolicy(base_url="http://localhost:1", allow_insecure_loopback=False))
