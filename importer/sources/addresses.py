"""Addresses of remote sources, and what of them may be shown: never the user, the password or the query. Pure.

A presigned link is a password: whoever has it can fetch the file. So names in the ledger, the log and all messages are
made here.
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from importer.errors import UsageError
from importer.near_miss import did_you_mean

_MARK: Final = "://"

#: Scheme → the library that fetches it; None: the standard library does.
SCHEMES: Final[dict[str, str | None]] = {
    "https": None,
    "http": None,
    "s3": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "memory": "fsspec",
}
_SHOWN: Final = ("https", "s3", "gs", "az")


def is_remote(where: object) -> bool:
    """Tell whether a source is an address rather than a path."""
    return isinstance(where, str) and _MARK in where


def scheme_of(address: str) -> str:
    """Return the scheme of an address, in lower case; raise `UsageError` for one that cannot be fetched."""
    scheme = address.partition(_MARK)[0].lower()
    if scheme not in SCHEMES:
        raise UsageError(
            f"{name_of(address)}: {scheme}:// cannot be fetched{did_you_mean(scheme, _SHOWN)}",
            hint=f"Name a path, or an address that begins with {', '.join(f'{one}://' for one in _SHOWN)}.",
        )
    return scheme


def name_of(where: str) -> str:
    """Return the name of a source: a path as typed, an address without user, password, query and fragment."""
    return _cut(where, user="", query="") if is_remote(where) else where


def masked(word: str) -> str:
    """Return a word of a command as it may be shown: what `name_of` leaves out of an address is an ellipsis."""
    return _cut(word, user="…@", query="?…") if is_remote(word) else word


def same_name(sources: Iterable[str]) -> tuple[str, str] | None:
    """Return the first two sources that would have one name, if there are two."""
    seen: dict[str, str] = {}
    for source in sources:
        name = name_of(source)
        if name in seen:
            return seen[name], source
        seen[name] = source
    return None


def _cut(address: str, *, user: str, query: str) -> str:
    option, _, rest = address.partition("=") if address.startswith("--") else ("", "", address)
    scheme, _, behind = rest.partition(_MARK)
    try:
        parts = urlsplit(f"{scheme}{_MARK}{behind}")
        place = parts.netloc.rpartition("@")
        netloc = (user if place[1] else "") + place[2]
        cut = urlunsplit((parts.scheme, netloc, parts.path, "", ""))
        if parts.query or parts.fragment:
            cut += query
    except ValueError:  # brackets that are no address: nothing of it is safe to show
        cut = f"{scheme}{_MARK}…"
    return f"{option}={cut}" if option else cut
