"""A file behind https:// → a stream of its bytes, which goes on where a connection broke.

One request fetches all of it; nothing is kept. What the server said first (length, entity tag, date) is held against
what comes: less than that is a break and is asked for again from there, another tag is another file.
"""

import base64
import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from importer.errors import SourceError, UsageError
from importer.version import VERSION

TRIES_MAX: Final = 5  #: in a row without a byte
_TIMEOUT_S: Final = 30.0  #: of the connection, and between two pieces
_PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0)
_PAUSE_MAX_S: Final = 30.0  #: of what a server may ask for
_PATH_SAFE: Final = "/%:@!$&'()*+,;=~-._"
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_AGAIN: Final = "Run the same command again: what was imported is not sent twice."

Pause = Callable[[float], None]


class _Mark(NamedTuple):
    """What tells one version of a file from another."""

    size: int | None
    tag: str | None
    date: str | None

    @property
    def tells(self) -> bool:
        """Whether two versions would differ in it."""
        return self.tag is not None or self.date is not None


class _BrokenError(Exception):
    """A try failed in a way that may pass."""

    def __init__(self, why: str, *, pause_s: float | None = None) -> None:
        super().__init__(why)
        self.pause_s = pause_s


class HttpStream:
    """The bytes of one file. Blocks, for at most half a minute at a time; no cancellation reaches it."""

    def __init__(self, address: str, name: str, *, pause: Pause = time.sleep) -> None:
        """Ask for the file.

        Raises `SourceError` when it is not there, refused or out of reach, `UsageError` for what is no address. `name`
        is what messages call it; the address itself is never shown.
        """
        self._name = name
        self._pause = pause
        self._address, self._authorization = _request_parts(address, name)
        self._taken = 0
        self._tries = 0
        self._response, self._mark = self._connected(None)

    @property
    def size(self) -> int | None:
        """Bytes of the file; None when the server does not say."""
        return self._mark.size

    @property
    def modified(self) -> float | None:
        """When it was changed, in seconds since the epoch; None when the server does not say."""
        try:
            return parsedate_to_datetime(self._mark.date or "").timestamp()
        except ValueError:
            return None

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size` of them, empty at the end. Raises `SourceError` when it breaks."""
        while True:
            why = "the server ended the connection"
            try:
                data: bytes = self._response.read1(size)
            except (OSError, http.client.HTTPException) as error:
                data, why = b"", _reason(error)
                ended = False
            else:
                ended = not data and self._mark.size in {None, self._taken}
            if data or ended:
                self._taken += len(data)
                self._tries = 0 if data else self._tries
                return data
            self._response.close()
            if not self._mark.tells:
                raise self._cut_short(f"{why}, and cannot be continued: the server gives neither tag nor date")
            self._wait(_BrokenError(why))
            self._response, _ = self._connected(self._mark)

    def changed(self) -> bool:
        """Tell whether the server now has another file; False where it does not tell any more."""
        if not self._mark.tells:
            return False
        try:
            response = self._asked(0, last=0)
        except (_BrokenError, SourceError):
            return False  # a link may have expired meanwhile: what was read was read whole
        with response:
            return _mark(response) != self._mark

    def close(self) -> None:
        """End the connection."""
        self._response.close()

    def _connected(self, known: _Mark | None) -> tuple[Any, _Mark]:
        """Return an answer that goes on at `taken`, and its mark; with `known`, only one that has the same."""
        while True:
            try:
                response = self._asked(self._taken)
            except _BrokenError as error:
                self._wait(error)
                continue
            mark = _mark(response)
            if known is None:
                self._refuse_page(response)
                return response, mark
            if mark != known:
                response.close()
                raise self._cut_short("it changed on the server meanwhile")
            if response.status == 200 and not self._passed_over(response):
                continue
            return response, mark

    def _passed_over(self, response: Any) -> bool:
        """Read up to where we were from a server that begins anew; tell whether it came so far."""
        left = self._taken
        try:
            while left and (data := response.read(min(left, 1 << 17))):
                left -= len(data)
        except (OSError, http.client.HTTPException):
            pass
        if left:
            response.close()
            self._wait(_BrokenError("the server ended the connection"))
        return not left

    def _asked(self, first: int, *, last: int | None = None) -> Any:
        headers = {"User-Agent": f"campaign-importer/{VERSION}", "Accept-Encoding": "identity", "Accept": "*/*"}
        if first or last is not None:
            headers["Range"] = f"bytes={first}-{'' if last is None else last}"
        request = urllib.request.Request(self._address, headers=headers)  # noqa: S310 - only http(s) comes here
        if self._authorization is not None:
            # Not forwarded by a redirect, which may lead to another host.
            request.add_unredirected_header("Authorization", self._authorization)
        try:
            return _OPENER.open(request, timeout=_TIMEOUT_S)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error) from None
        except (http.client.InvalidURL, UnicodeError):
            raise UsageError(f"{self._name} is no valid address", hint="Copy the link again.") from None
        except (OSError, http.client.HTTPException) as error:
            cause = error.reason if isinstance(error, urllib.error.URLError) else error
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise SourceError(
                    f"{self._name}: the server's certificate is not trusted ({cause.verify_message})",
                    hint="Name your authority's certificates with the variable SSL_CERT_FILE.",
                ) from None
            raise _BrokenError(f"cannot be reached: {_reason(cause)}") from None

    def _refused(self, error: urllib.error.HTTPError) -> Exception:
        status = error.code
        if status in _PASSING:
            asked = error.headers.get("Retry-After", "")
            return _BrokenError(f"answered {status}", pause_s=float(asked) if asked.isdecimal() else None)
        if status == 416:
            return self._cut_short("it changed on the server meanwhile")
        if status in {401, 403}:
            return SourceError(
                f"{self._name} is refused ({status})",
                hint="Links with a signature expire: make a new one. Else give user and password in the address.",
            )
        if status in {404, 410}:
            return SourceError(f"{self._name} is not there ({status})", hint="Check the address.")
        said = "leads to a place that is not fetched" if 300 <= status < 400 else "is refused"
        return SourceError(f"{self._name} {said} ({status})", hint="Check the address.")

    def _refuse_page(self, response: Any) -> None:
        if response.headers.get_content_type() in {"text/html", "application/xhtml+xml"}:
            response.close()
            raise SourceError(
                f"{self._name} is a web page, not a file",
                hint="It may want you to sign in. Use the link that downloads the file itself.",
            )

    def _wait(self, error: _BrokenError) -> None:
        self._tries += 1
        if self._tries >= TRIES_MAX:
            raise self._cut_short(str(error)) from None
        wanted = _PAUSES_S[self._tries - 1] if error.pause_s is None else error.pause_s
        self._pause(min(wanted, _PAUSE_MAX_S))

    def _cut_short(self, why: str) -> SourceError:
        if not self._taken:
            return SourceError(f"{self._name}: {why}", hint="Check the address and the network, then try again.")
        of = "" if self._mark.size is None else f" of {self._mark.size:,}"
        return SourceError(f"{self._name} broke off at byte {self._taken:,}{of}: {why}", hint=_AGAIN)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http(s), and none that gives up encryption."""

    def redirect_request(self, req: Any, *answer: Any) -> Any:
        """Return the request that follows, or None, which leaves the redirect as the answer."""
        newurl = answer[-1]
        target = urlsplit(urljoin(req.full_url, newurl)).scheme
        if target != "https" and not (target == "http" and req.type == "http"):
            return None
        return super().redirect_request(req, *answer)


_OPENER: Final = urllib.request.build_opener(_Redirects)


def _request_parts(address: str, name: str) -> tuple[str, str | None]:
    """Return the address to ask for, and the header that user and password in it make."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        parts = None
    if parts is None or not parts.hostname:
        raise UsageError(f"{name} is no valid address", hint="Copy the link again.")
    user, at, host = parts.netloc.rpartition("@")
    header = None
    if at:
        header = "Basic " + base64.b64encode(unquote(user).encode()).decode()
    path = quote(parts.path or "/", safe=_PATH_SAFE)
    query = quote(parts.query, safe=_PATH_SAFE + "?")
    return urlunsplit((parts.scheme.lower(), host, path, query, "")), header


def _mark(response: Any) -> _Mark:
    """Return size, tag and date of the whole file that an answer, or a part of one, belongs to."""
    headers = response.headers
    length = headers.get("Content-Length", "")
    if response.status == 206:
        length = headers.get("Content-Range", "").rpartition("/")[2]
    return _Mark(int(length) if length.isdecimal() else None, headers.get("ETag"), headers.get("Last-Modified"))


def _reason(error: object) -> str:
    """Return why, in words that cannot hold an address."""
    if isinstance(error, TimeoutError):
        return f"nothing came for {_TIMEOUT_S:.0f} seconds"
    if isinstance(error, http.client.HTTPException):
        return "the answer is not HTTP, or ends in its middle"
    return getattr(error, "strerror", None) or type(error).__name__
