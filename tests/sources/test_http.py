"""Files behind http(s), from a real server: whole, or it is said."""

import gzip
import io
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler
from typing import Any, Final

import pytest
import trustme

from importer.errors import SourceError, UsageError
from importer.sources import open_source
from importer.sources.addresses import name_of
from importer.sources.http import TRIES_MAX, HttpStream
from tests.sources.file_server import FileServer, serving
from tests.sources.workbooks import table

Read = Callable[..., Any]

ROWS: Final = [{"name": f"campaign {i}", "what": "x" * 40} for i in range(6000)]
CSV: Final = ("name,what\n" + "".join(f"{row['name']},{row['what']}\n" for row in ROWS)).encode()


@pytest.fixture
def server() -> Iterator[FileServer]:
    """Return a server of the CSV."""
    with serving() as served:
        served.data = CSV
        yield served


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Take the pauses down instead of making them."""
    made: list[float] = []
    monkeypatch.setattr(HttpStream.__init__, "__kwdefaults__", {"pause": made.append})
    return made


def test_a_file_is_streamed(read: Read, server: FileServer) -> None:
    """One request fetches it; size, name and format are known from the beginning."""
    reading = read(server.url())
    assert (reading.error, reading.cells, reading.format) == (None, ROWS, "csv")
    with open_source(server.url()) as source:
        assert (source.size_bytes, source.name) == (len(CSV), server.url())
        assert source.fingerprint()["size"] == len(CSV)
        next(source.chunks())
        assert source.bytes_read < len(CSV) / 2


@pytest.mark.parametrize("ranges", [True, False])
def test_a_break_in_the_middle_is_mended(read: Read, server: FileServer, pauses: list[float], ranges: bool) -> None:
    """What is missing is asked for from where it broke, or passed over where the server begins anew."""
    server.cuts, server.ranges = [100_000, 150_000, 120_000], ranges
    assert read(server.url()).cells == ROWS
    asked = [headers.get("Range") for _, headers in server.seen]
    first = 250_000 if ranges else 150_000
    assert asked[:3] == [None, "bytes=100000-", f"bytes={first}-"]
    assert pauses


def test_a_break_that_lasts_is_an_error(read: Read, server: FileServer, pauses: list[float]) -> None:
    """Rows before the break stand; it is said where it broke, of how much."""
    server.cuts = [100_000, *[0] * 20]
    reading = read(server.url())
    assert isinstance(reading.error, SourceError)
    assert f"broke off at byte 100,000 of {len(CSV):,}" in reading.error.message
    assert reading.cells == ROWS[: len(reading.cells)]
    assert len(reading.cells) > 1000
    assert len(server.seen) == TRIES_MAX
    assert pauses == [1.0, 2.0, 4.0, 8.0]


def test_another_file_is_never_continued(read: Read, server: FileServer) -> None:
    """After a break, an answer with another tag is another file: nothing of it is taken."""
    server.cuts = [100_000]

    def answer(request: Any) -> None:
        FileServer.answer(server, request)
        server.tag, server.data = '"two"', CSV.upper()

    server.answer = answer  # type: ignore[method-assign]  # a server that changes its file after each answer
    reading = read(server.url())
    assert isinstance(reading.error, SourceError)
    assert "it changed on the server meanwhile" in reading.error.message
    assert reading.cells == ROWS[: len(reading.cells)]


def test_a_break_without_a_tag_is_an_error(read: Read, server: FileServer) -> None:
    """What cannot be known to be the same file is not pieced together."""
    server.tag, server.cuts = None, [100_000]
    reading = read(server.url())
    assert isinstance(reading.error, SourceError)
    assert "neither tag nor date" in reading.error.message
    assert len(server.seen) == 1


def test_a_change_after_the_reading_is_noticed(server: FileServer) -> None:
    """By tag or date, where there is one; an expired link tells nothing, and is no change."""
    with open_source(server.url()) as source:
        assert sum(len(chunk) for chunk in source.chunks()) == len(ROWS)
        assert not source.changed()
        server.tag = '"two"'
        assert source.changed()
        server.statuses = [(403, {})]
        assert not source.changed()
        server.tag = None
    with open_source(server.url()) as source:
        assert not source.changed()


@pytest.mark.parametrize(
    ("status", "says", "hint"),
    [
        (404, "is not there (404)", "Check the address."),
        (410, "is not there (410)", "Check the address."),
        (403, "is refused (403)", "expire"),
        (401, "is refused (401)", "user and password"),
        (400, "is refused (400)", "Check"),
    ],
)
def test_refusals_are_told_at_once(read: Read, server: FileServer, status: int, says: str, hint: str) -> None:
    """What will not pass is not tried again."""
    server.statuses = [(status, {})]
    error = read(server.url()).error
    assert isinstance(error, SourceError)
    assert error.message == f"{server.url()} {says}"
    assert hint in (error.hint or "")
    assert len(server.seen) == 1


def test_what_may_pass_is_tried_again(read: Read, server: FileServer, pauses: list[float]) -> None:
    """Busy and broken servers get time, as much as they ask for within reason."""
    server.statuses = [(503, {"Retry-After": "7"}), (500, {}), (429, {"Retry-After": "86400"})]
    assert read(server.url()).cells == ROWS
    assert pauses == [7.0, 2.0, 30.0]
    server.statuses = [(502, {})] * 9
    error = read(server.url()).error
    assert isinstance(error, SourceError)
    assert "answered 502" in error.message


def test_redirects_are_followed(read: Read, server: FileServer) -> None:
    """The source keeps the name that was typed; the password does not follow."""
    server.statuses = [(302, {"Location": "/other.csv?signature=hush"})]
    reading = read(server.url(user="anna:hush@"))
    assert reading.cells == ROWS
    assert [path for path, _ in server.seen] == ["/data.csv", "/other.csv?signature=hush"]
    assert server.seen[0][1]["Authorization"] == "Basic YW5uYTpodXNo"
    assert "Authorization" not in server.seen[1][1]
    assert {row.source for row in reading.rows} == {server.url()}


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "/data.csv"])
def test_redirects_go_nowhere_else(read: Read, server: FileServer, target: str) -> None:
    """Neither to files nor in circles."""
    server.statuses = [(302, {"Location": target})] * 20
    error = read(server.url()).error
    assert isinstance(error, SourceError)
    assert "(302)" in error.message


def test_compressed_files_are_unpacked(read: Read, server: FileServer) -> None:
    """A .csv.gz, whether the server calls that a type or an encoding."""
    server.data = gzip.compress(CSV)
    assert read(server.url("/data.csv.gz")).cells == ROWS
    server.headers = {"Content-Encoding": "gzip"}
    assert read(server.url()).cells == ROWS
    assert {headers["Accept-Encoding"] for _, headers in server.seen} == {"identity"}
    server.data = server.data[:-20]
    assert isinstance(read(server.url()).error, SourceError)


def test_workbooks_are_put_aside(read: Read, server: FileServer) -> None:
    """A format that is not read front to back is fetched whole first."""
    server.data = table([["name"], ["spring"]])
    assert read(server.url("/x.xlsx")).cells == [{"name": "spring"}]
    server.cuts, server.tag = [1000], None
    error = read(server.url("/x.xlsx")).error
    assert isinstance(error, SourceError)
    assert "broke off at byte 1,000" in error.message


def test_a_page_is_no_file(read: Read, server: FileServer) -> None:
    """A share link that shows a page to sign in is told from the file."""
    server.headers = {"Content-Type": "text/html; charset=utf-8"}
    error = read(server.url()).error
    assert isinstance(error, SourceError)
    assert "is a web page, not a file" in error.message


def test_a_file_of_unknown_length_is_read(read: Read, server: FileServer) -> None:
    """HTTP/1.0 without a length ends with the connection."""
    server.length = False
    assert read(server.url()).cells == ROWS


def test_secrets_are_in_no_name_and_no_message(read: Read, server: FileServer, pauses: list[float]) -> None:
    """User, password, query and fragment of an address are shown nowhere, whatever goes wrong."""
    address = server.url("/data.csv?X-Amz-Signature=hush&b=1#hush", user="hush:hush@")
    assert {row.source for row in read(address).rows} == {server.url()}
    refusals: list[list[tuple[int, dict[str, str]]]] = [[(404, {})], [(403, {})], [(500, {})] * 9]
    for statuses in (*refusals, [(302, {"Location": "ftp://hush/"})]):
        server.statuses = list(statuses)
        error = read(address).error
        assert error is not None
        assert "hush" not in f"{error.message} {error.hint}"
    for wrong in (
        "http://hush:hush@",
        "http://hush:hush@[x/y?hush",
        "http://hush:hush@h:port/?hush",
        "htp://hush@h?hush",
    ):
        error = read(wrong).error
        assert isinstance(error, UsageError)
        assert "hush" not in f"{error.message} {error.hint}"


def test_odd_paths_are_spelt_for_the_wire(read: Read, server: FileServer) -> None:
    """Spaces and letters beyond ASCII may be typed as they are; what is spelt already stays."""
    assert read(server.url("/März 2026/a%20b.csv?x=ä b")).cells == ROWS
    assert server.seen[0][0] == "/M%C3%A4rz%202026/a%20b.csv?x=%C3%A4%20b"


def test_nobody_there(read: Read, pauses: list[float]) -> None:
    """A port where nobody listens is told after a few tries."""
    with serving() as gone:
        address = gone.url()
    error = read(address).error
    assert isinstance(error, SourceError)
    assert error.message.startswith(f"{name_of(address)}: cannot be reached: ")
    assert len(pauses) == TRIES_MAX - 1


def test_a_certificate_that_nobody_vouches_for_is_refused(read: Read, server: FileServer, pauses: list[float]) -> None:
    """TLS is checked, and that is not tried again."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as https:
        https.socket = context.wrap_socket(https.socket, server_side=True)
        https.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is the point
        thread = threading.Thread(target=https.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        error = read(f"https://127.0.0.1:{https.server_address[1]}/x.csv").error
        https.shutdown()
        thread.join()
    assert isinstance(error, SourceError)
    assert "certificate is not trusted" in error.message
    assert not pauses


def test_the_stream_is_a_stream(server: FileServer) -> None:
    """Small reads give small pieces, and the end is an empty one, again and again."""
    stream = HttpStream(server.url(), "x")
    made = io.BytesIO()
    while data := stream.read(1000):
        assert len(data) <= 1000
        made.write(data)
    assert (made.getvalue(), stream.read(10)) == (CSV, b"")
    stream.close()
