"""Where a shared limit is kept in Redis: an address whose credentials are never shown. Pure."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from importer.errors import UsageError

_PORT: Final = 6379
_SCHEMES: Final = {"redis": False, "rediss": True}
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DB: Final = re.compile(r"\d{1,5}")
FORM: Final = "redis://HOST[:PORT]/DATABASE/ACCOUNT"
_HINT: Final = f"Write {FORM}, or rediss:// for TLS; ACCOUNT is a name that all who import for the account use."


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """A limit in Redis. As text it has no credentials."""

    host: str
    port: int
    db: int  #: number of the database
    account: str  #: name under which the limit is kept there
    tls: bool
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Return the address for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rediss' if self.tls else 'redis'}://{host}:{self.port}/{self.db}/{self.account}"

    def full(self) -> str:
        """Return the address with its credentials, for the environment of a process; never to be shown."""
        if self.user is None and self.password is None:
            return str(self)
        who = quote(self.user or "", safe="") + (f":{quote(self.password, safe='')}" if self.password else "")
        return str(self).replace("://", f"://{who}@", 1)


def parse_address(text: str, what: str, *, account: str | None = None) -> RedisAddress:
    """Return the address that `text` means; `account` is whose limit it is, where the text does not say.

    Raises:
        UsageError: it is none. `what`, which names the setting, stands in the message; the text does not.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port or _PORT
        (host or "").encode("idna")  # as the resolver does, whose error for a name that cannot be one is no OSError
    except ValueError:
        raise UsageError(f"{what} is no address of Redis", hint=_HINT) from None
    db, _, named = parts.path.removeprefix("/").partition("/")
    if parts.scheme not in _SCHEMES or not host or parts.query or parts.fragment or not text.isprintable():
        raise UsageError(f"{what} is no address of Redis", hint=_HINT)
    if not _DB.fullmatch(db or "0"):
        raise UsageError(f"{what} must have the number of a database after the host", hint=_HINT)
    if not _KEY.fullmatch(named or account or ""):
        raise UsageError(f"{what} must say whose limit it is, after the database", hint=_HINT)
    return RedisAddress(
        host=host, port=port, db=int(db or 0), account=named or account or "", tls=_SCHEMES[parts.scheme],
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )  # fmt: skip


def without_credentials(text: str) -> str:
    """Return an address without what may be secret in it, whether it can be used or not."""
    scheme, _, rest = text.rpartition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if scheme in _SCHEMES else "not an address"
