"""Answers, byte by byte: from the server's real reply, or from none, to what the client gets."""

import gzip
import zlib
from collections.abc import Callable

from tests.network.tcp_proxy import End, Harm

Edit = Callable[[bytes], bytes]
DONE = b'{"status":"COMPLETE","results":[]}'
HTML = b"<!DOCTYPE html><html><body><h1>Please sign in to the network</h1></body></html>"


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    """Return a whole HTTP/1.1 answer."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def instead(answer: bytes, end: End | None = None) -> Harm:
    """The server never gets the request; the client gets `answer`."""
    return Harm(forward=0, reply=lambda _real: answer, end=end)


def after_all(edit: Edit, end: End | None = None) -> Harm:
    """The server does what is asked; the client gets its reply as `edit` makes it."""
    return Harm(reply=edit, end=end)


def status_only(status: str, *headers: str) -> Harm:
    """The server does what is asked; the client gets an answer with nothing but a status."""
    return after_all(lambda _real: http(status, b"", *headers))


def parts(real: bytes) -> tuple[list[bytes], bytes]:
    """Return the lines of the head and the body."""
    head, _, body = real.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), body


def with_headers(*more: bytes, without: bytes = b"\0") -> Edit:
    """Add headers to the real reply, leaving out those whose lower-case name begins with `without`."""

    def edit(real: bytes) -> bytes:
        lines, body = parts(real)
        kept = [line for line in lines if not line.lower().startswith(without)]
        return b"\r\n".join([*kept, *more]) + b"\r\n\r\n" + body

    return edit


def with_body(change: Edit, *more: bytes) -> Edit:
    """Change the real reply's body, and its Content-Length with it."""

    def edit(real: bytes) -> bytes:
        lines, body = parts(real)
        new = change(body)
        length = b"Content-Length: %d" % len(new)
        kept = [line for line in lines if not line.lower().startswith(b"content-length")]
        return b"\r\n".join([*kept, length, *more]) + b"\r\n\r\n" + new

    return edit


def with_status(status: bytes) -> Edit:
    """Put another status on the real reply."""

    def edit(real: bytes) -> bytes:
        lines, body = parts(real)
        return b"\r\n".join([b"HTTP/1.1 " + status, *lines[1:]]) + b"\r\n\r\n" + body

    return edit


def chunked(real: bytes) -> bytes:
    """Send the real reply in chunks."""
    lines, body = parts(real)
    kept = [line for line in lines if not line.lower().startswith(b"content-length")]
    half = len(body) // 2
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:half], body[half:]))
    return b"\r\n".join([*kept, b"Transfer-Encoding: chunked"]) + b"\r\n\r\n" + pieces + b"0\r\n\r\n"


def gzipped(body: bytes) -> bytes:
    """Compress with gzip."""
    return gzip.compress(body)


def deflated_bomb(body: bytes, megabytes: int = 16) -> bytes:
    """Return `body` and so many megabytes of blanks, as zlib compresses it."""
    return zlib.compress(body + b" " * (megabytes << 20), 9)
