"""Objects of a store: through fsspec's memory, and over the wire of an S3 that lives in this process."""

import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import fsspec
import pytest

from importer.errors import SourceError, UsageError
from importer.sources import open_source
from importer.sources.store import BLOCK_BYTES, TRIES_MAX, StoreStream
from tests.sources.workbooks import table

Read = Callable[..., Any]

WIDE: Final = "x" * 2000
ROWS: Final = [{"name": f"campaign {i}", "what": WIDE} for i in range(5000)]
CSV: Final = ("name,what\n" + "".join(f"{row['name']},{row['what']}\n" for row in ROWS)).encode()


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Take the pauses down instead of making them."""
    made: list[float] = []
    monkeypatch.setattr(StoreStream.__init__, "__kwdefaults__", {"pause": made.append})
    return made


@pytest.fixture
def memory() -> Iterator[Any]:
    """Return the store in memory, empty again afterwards."""
    store = fsspec.filesystem("memory")
    yield store
    store.store.clear()


class Failing:
    """A store that fails when a block is asked for, as often as it is told, and then works."""

    def __init__(self, store: Any, *failures: Exception | int) -> None:
        """Take a store, and what goes wrong: an error, or how many bytes come instead of all."""
        self._store = store
        self._failures = list(failures)
        self.asked = 0

    def cat_file(self, path: str, start: int, end: int) -> bytes:
        """Return the bytes, or fail."""
        self.asked += 1
        failure = self._failures.pop(0) if self._failures else None
        if isinstance(failure, Exception):
            raise failure
        data: bytes = self._store.cat_file(path, start=start, end=end)
        return data if failure is None else data[:failure]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_an_object_is_read_in_blocks(read: Read, memory: Any) -> None:
    """It comes whole and in order, a block at a time; size and name are known."""
    assert len(CSV) > 2 * BLOCK_BYTES
    memory.pipe_file("/bucket/x.csv", CSV)
    assert read("memory://bucket/x.csv").cells == ROWS
    with open_source("memory://bucket/x.csv") as source:
        assert (source.size_bytes, source.name) == (len(CSV), "memory://bucket/x.csv")
        next(source.chunks())
        assert source.bytes_read <= BLOCK_BYTES


def test_workbooks_are_put_aside(read: Read, memory: Any) -> None:
    """A format that is not read front to back is fetched whole first."""
    memory.pipe_file("/bucket/x.xlsx", table([["name"], ["spring"]]))
    assert read("memory://bucket/x.xlsx").cells == [{"name": "spring"}]


def test_a_block_that_fails_is_asked_for_again(memory: Any, pauses: list[float]) -> None:
    """Errors that may pass, and blocks that are too short, cost a pause; nothing is lost or doubled."""
    memory.pipe_file("/bucket/x.csv", CSV)
    stream = StoreStream("memory://bucket/x.csv", "x")
    stream._store = Failing(memory, OSError("reset"), 17, RuntimeError("busy"))
    assert b"".join(iter(lambda: stream.read(100_000), b"")) == CSV
    assert pauses == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("failures", "says", "asked"),
    [
        ([OSError("reset")] * 9, "cannot be read at byte 4,194,304: reset", TRIES_MAX),
        ([OSError("https://h/x?sig=hush failed")] * 9, "https://h/x?… failed", TRIES_MAX),
        ([10] * 9, "shorter than the store said: byte 4,194,314 of ", TRIES_MAX),
        ([FileNotFoundError()], "is not there", 1),
        ([PermissionError()], "is refused", 1),
    ],
)
def test_a_break_that_lasts_is_an_error(memory: Any, failures: list[Exception | int], says: str, asked: int) -> None:
    """It is said where and why, without what may be a signature."""
    memory.pipe_file("/bucket/x.csv", CSV)
    stream = StoreStream("memory://bucket/x.csv", "x")
    assert len(stream.read(BLOCK_BYTES)) == BLOCK_BYTES
    stream._store = failing = Failing(memory, *failures)
    with pytest.raises(SourceError) as caught:
        stream.read(1)
    assert says in caught.value.message
    assert "hush" not in caught.value.message
    assert failing.asked == asked


def test_what_is_not_there_is_told(read: Read, memory: Any) -> None:
    """An object that is missing, and a folder."""
    memory.pipe_file("/bucket/folder/x.csv", CSV)
    assert isinstance(read("memory://bucket/y.csv").error, SourceError)
    assert isinstance(read("memory://bucket/folder").error, UsageError)


def test_a_change_is_noticed(memory: Any) -> None:
    """Another size or time is another object; one that is gone too."""
    memory.pipe_file("/bucket/x.csv", b"a\n1\n")
    with open_source("memory://bucket/x.csv") as source:
        assert not source.changed()
        memory.pipe_file("/bucket/x.csv", b"a\n2\n")
        assert source.changed()
        memory.rm_file("/bucket/x.csv")
        assert source.changed()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """Serve a dictionary of key → object as S3 does, to a client that is set up through its environment."""
    objects: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._object(body=False)

        def do_GET(self) -> None:
            self._object(body=True)

        def _object(self, *, body: bool) -> None:
            data = objects.get(unquote(urlsplit(self.path).path).lstrip("/"))
            if data is None:
                self.send_response_only(404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            first, _, last = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
            part = data[int(first or 0) : int(last) + 1 if last else len(data)]
            self.send_response_only(206 if first else 200)
            self.send_header("ETag", f'"{hash(data):x}"')
            self.send_header("Last-Modified", formatdate(1_772_323_200, usegmt=True))
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            if body:
                self.wfile.write(part)

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield objects
    server.shutdown()
    thread.join()
    server.server_close()


def test_s3_over_the_wire(read: Read, s3: dict[str, bytes]) -> None:
    """The real client: an object in blocks, its time, a change, and one that is not there."""
    s3["bucket/exports/x.csv"] = CSV
    assert read("s3://bucket/exports/x.csv").cells == ROWS
    with open_source("s3://bucket/exports/x.csv") as source:
        assert source.fingerprint()["mtime"] == 1_772_323_200
        assert not source.changed()
        s3["bucket/exports/x.csv"] = CSV.upper()
        assert source.changed()
    error = read("s3://bucket/exports/y.csv").error
    assert isinstance(error, SourceError)
    assert error.message == "s3://bucket/exports/y.csv is not there"
