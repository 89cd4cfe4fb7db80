"""A real HTTP server on 127.0.0.1 that serves one file, as well or as badly as a test wants."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Headers = dict[str, str]


@dataclass
class FileServer:
    """What it serves and how; a test may change all of it between two requests."""

    data: bytes = b""
    headers: Headers = field(default_factory=dict)  #: of each good answer, beside length and range
    tag: str | None = '"one"'
    ranges: bool = True  #: whether a part can be asked for
    length: bool = True  #: whether the length is told
    statuses: list[tuple[int, Headers]] = field(default_factory=list)  #: answers before the good ones
    cuts: list[int] = field(default_factory=list)  #: bytes after which one answer after the other breaks off
    seen: list[tuple[str, Headers]] = field(default_factory=list)  #: path and headers of each request
    port: int = 0

    def url(self, path: str = "/data.csv", *, user: str = "") -> str:
        """Return the address of the file."""
        return f"http://{user}127.0.0.1:{self.port}{path}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        self.seen.append((request.path, dict(request.headers)))
        if self.statuses:
            status, headers = self.statuses.pop(0)
            self._begin(request, status, {"Content-Length": "0", **headers})
            return
        wanted = request.headers.get("Range", "")
        first, last, status, headers = 0, len(self.data), 200, dict(self.headers)
        if wanted and self.ranges:
            begin, _, end = wanted.removeprefix("bytes=").partition("-")
            first, last, status = int(begin), min(int(end) + 1 if end else last, last), 206
            if first >= len(self.data):
                self._begin(request, 416, {"Content-Length": "0"})
                return
            headers["Content-Range"] = f"bytes {first}-{last - 1}/{len(self.data)}"
        if self.length:
            headers["Content-Length"] = str(last - first)
        if self.tag is not None:
            headers["ETag"] = self.tag
        self._begin(request, status, headers)
        part = self.data[first:last]
        request.wfile.write(part[: self.cuts.pop(0)] if self.cuts else part)

    @staticmethod
    def _begin(request: BaseHTTPRequestHandler, status: int, headers: Headers) -> None:
        request.send_response_only(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()


@contextmanager
def serving() -> Iterator[FileServer]:
    """Serve on a free port in threads of their own; gone at the end."""
    served = FileServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.answer(self)

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
