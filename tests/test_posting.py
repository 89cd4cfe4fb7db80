"""One POST over real sockets: what is sent, what comes back, and where nothing may be sent to."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from importer.errors import UsageError
from importer.posting import PostError, check_address, post


class Handler(BaseHTTPRequestHandler):
    """Answers by the path."""

    got: list[tuple[str, bytes, str | None]]

    def do_POST(self) -> None:
        """Keep the request and answer."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).got.append((self.path, body, self.headers.get("X-Test")))
        if self.path == "/silent":
            self.close_connection = True
            return
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("Location", "/elsewhere")
        long = b"x" * 200_000 if self.path == "/long" else b"taken"
        self.send_header("Content-Length", str(len(long)))
        self.end_headers()
        self.wfile.write(long)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """Serve on a free port; yield the address."""
    Handler.got = []
    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_a_body_is_posted_with_its_headers(server: str) -> None:
    """Path and query, headers, body; status and body come back."""
    answer = post(f"{server}/a?b=c", b"hello", {"X-Test": "1"}, timeout_s=10)
    assert (answer.status, answer.body) == (200, b"taken")
    assert Handler.got == [("/a?b=c", b"hello", "1")]


def test_no_redirect_is_followed(server: str) -> None:
    """What is secret goes nowhere else."""
    assert post(f"{server}/moved", b"", {}, timeout_s=10).status == 302
    assert len(Handler.got) == 1


def test_of_a_long_answer_the_head_is_enough(server: str) -> None:
    """No receiver can fill the memory."""
    assert len(post(f"{server}/long", b"", {}, timeout_s=10).body) == 65_536


def test_no_answer_is_one_error(server: str) -> None:
    """Silence, and a port where nobody listens."""
    with pytest.raises(PostError):
        post(f"{server}/silent", b"", {}, timeout_s=10)
    with pytest.raises(PostError, match="refused"):
        post("http://127.0.0.1:1/", b"", {}, timeout_s=10)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "ftp://example.org",
        "https://",
        "https://u:p@example.org",
        "https://x/#f",
        "x",
        "https://a b/",
    ],
)
def test_what_is_not_safe_is_refused(url: str) -> None:
    """Plain http to others, other schemes, credentials in the address."""
    with pytest.raises(UsageError, match="the webhook"):
        check_address(url, "the webhook")


@pytest.mark.parametrize(
    "url", ["https://example.org/hook?x=1", "http://127.0.0.1:8080/x", "http://localhost/", "http://[::1]/"]
)
def test_what_is_safe_is_taken(url: str) -> None:
    """Https anywhere, http on this machine; http anywhere for what is no secret."""
    check_address(url, "the webhook")
    check_address("http://collector:4318", "the collector", plain=True)
