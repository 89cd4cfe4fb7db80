"""The faults of a source file, row by row of the failure model, and the layers that meet them."""

import gzip
import hashlib
import io
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from importer.errors import SourceError, UsageError
from importer.sources import ReadPolicy, open_source

Read = Callable[..., Any]

TABLE = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i * 7919) for i in range(2000))


def test_gigantic_lines_anywhere(read: Read) -> None:
    """Too long a line fails alone in the middle, twice in a row, inside quotes and at the end without a line end."""
    long = b"x" * 101
    reading = read(b"a,b\n1,2\n" + long + b"\n" + long + b'\n3,"4\n' + long + b"\n5,6\n" + long, row_bytes_max=100)
    assert reading.codes == [
        None,
        "row_too_long",
        "row_too_long",
        "row_malformed",
        "row_too_long",
        None,
        "row_too_long",
    ]
    assert reading.lines == [2, 3, 4, 5, 6, 7, 8]
    assert read(b"a,b\n1," + b"x" * 98 + b"\n", row_bytes_max=100).codes == [None]
    assert read(b'{"a":1}\n' + long + b'\n{"a":2}\n' + long, row_bytes_max=100).codes[1::2] == ["row_too_long"] * 2


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"a,b\n", b'"a"b,1\n'),
        (b"a,b\n", b"1\n"),
        (b"a,b\n", b"\xff,1\n"),
        (b"a,b\n", b"\0,1\n"),
        (b"a,b\n", b"x" * 30 + b"\n"),
        (b"{}\n", b'{"a":\n'),
        (b"{}\n", b"x" * 30 + b"\n"),
        (b"[", b"2,"),
        (b"[", b'"' + b"x" * 30 + b'",'),
    ],
    ids=range(9),
)
def test_chunks_stay_small_when_everything_is_broken(read: Read, head: bytes, body: bytes) -> None:
    """No fault, however often it comes, makes a chunk larger than permitted: memory stays flat."""
    reading = read(head + body * 60, chunk_rows=7, row_bytes_max=20)
    assert max(reading.chunks) == 7
    assert len(reading.rejections) == 60


def test_a_cell_beyond_the_csv_modules_own_limit(read: Read) -> None:
    """Cells larger than 131,072 characters are read, up to the cap on rows."""
    assert len(read(b"a,b\n1," + b"x" * 900_000 + b"\n").cells[0]["b"]) == 900_000


def test_nul_in_a_cell(read: Read) -> None:
    """A NUL rejects its row and names the column; the rest of the block stands."""
    reading = read(b'a,b\n1,2\n3,"x\n\0"\n5,6\n')
    assert reading.codes == [None, "control_character", None]
    assert reading.rejections[0].problems[0].column == "b"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks(read: Read, encoding: str) -> None:
    """UTF-8's mark is stripped; UTF-16 and UTF-32 need to be named, and are then decoded."""
    data = "naïve,b\n1,ü\n".encode(encoding)
    if encoding != "utf-8-sig":
        refused = read(data)
        assert isinstance(refused.error, SourceError)
        assert f"--encoding {encoding}" in (refused.error.hint or "")
    reading = read(data, encoding=encoding)
    assert reading.columns == ("naïve", "b")
    assert reading.cells == [{"naïve": "1", "b": "ü"}]


@pytest.mark.parametrize("named", ["cp1252", "utf-16-be", "utf-32"])
def test_a_byte_order_mark_that_contradicts_the_option(read: Read, named: str) -> None:
    """A mark is proof: a named encoding that contradicts it is refused, not obeyed; UTF-8's is believed."""
    assert isinstance(read("a,b\n".encode("utf-16"), encoding=named).error, SourceError)
    reading = read("ä,b\n1,é\n".encode("utf-8-sig"), encoding=named)
    assert (reading.columns, reading.cells) == (("ä", "b"), [{"ä": "1", "b": "é"}])


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16-le", "utf-16-be", "cp932", "gb18030", "cp037"])
def test_named_encodings_read_all_formats(read: Read, dribble: Callable[[bytes, int], BinaryIO], encoding: str) -> None:
    """Encodings with one byte, with two, and without ASCII give the same rows in each format; offsets are not told."""
    cells = {"a": "x|y\\z\nw", "b": "é" if encoding in ("cp1252", "latin-1", "cp037") else "表"}
    line = json.dumps(cells, ensure_ascii=False)
    for text in (f'a,b\n"{cells["a"]}",{cells["b"]}\n', line, f"[{line}]"):
        reading = read(dribble(text.encode(encoding), 3), encoding=encoding)
        assert reading.cells == [cells]
        assert reading.rows[0].byte_offset is None


@pytest.mark.parametrize("encoding", ["nonsense", "base64", "idna", "unicode_escape", "undefined", "a\0b"])
def test_unknown_encodings_are_refused(read: Read, encoding: str) -> None:
    """What is no encoding of files is a wrong argument."""
    assert isinstance(read(b"a\n", encoding=encoding).error, UsageError)


def test_a_wrongly_encoded_row_fails_alone(read: Read) -> None:
    """The byte and its offset are told, the row is shown escaped, and nothing is replaced silently."""
    data = b'a,b\n1,2\n3,"caf\xe9\nx"\n4,5\n'
    reading = read(data)
    assert reading.codes == [None, "undecodable", None]
    assert reading.rows[1].cells == {"_raw": '3,"caf\\xe9\nx"'}
    assert f"byte 0xe9 at byte offset {data.index(0xE9)}" in reading.rejections[0].problems[0].message


def test_a_missing_byte_order_mark(read: Read) -> None:
    """Plain UTF-16 and UTF-32 need their byte order, by a mark or by the encoding's name."""
    data = "a,b\n1,2\n".encode("utf-16-be")
    assert "utf-16-be" in read(data, encoding="utf-16").error.hint
    assert len(read(data, encoding="utf-16-be").cells) == 1


def test_undecodable_bytes_of_a_named_encoding(read: Read) -> None:
    """Bytes that the named encoding does not have reject their row too, also at the very end."""
    assert read(b"a,b\n1,\x81\n2,x\n", encoding="cp1252").codes == ["undecodable", None]
    assert read("a,b\n1,2\n3,".encode("utf-16-le") + b"\x00\xdcx", encoding="utf-16-le").codes == [None, "undecodable"]


@pytest.mark.parametrize("line", [b"1,caf\xe9\n", b'{"a":"caf\xe9"}\n'])
def test_too_many_undecodable_rows_stop_the_reading(read: Read, line: bytes) -> None:
    """More than the permitted share, after the sample, means a wrong encoding; fewer rows only fail."""
    good = b"a,b\n" if line.startswith(b"1") else b'{"a":1}\n'
    assert read(good + line * 50).error is None
    reading = read(good + line * 200)
    assert isinstance(reading.error, SourceError)
    assert "--encoding" in (reading.error.hint or "")
    assert len(reading.items) == 100


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """Appending, replacing and deleting are noticed; an untouched file is not accused."""
    path = tmp_path / "x.csv"
    for change in (
        lambda: path.write_bytes(TABLE + b"7,8\n"),
        lambda: (tmp_path / "y").write_bytes(TABLE) and (tmp_path / "y").replace(path),
        path.unlink,
    ):
        path.write_bytes(TABLE)
        with open_source(path) as source:
            assert not source.changed()
            change()
            assert source.changed()
    with open_source(io.BytesIO(TABLE)) as source:
        assert not source.changed()


def test_fingerprint_and_progress(tmp_path: Path) -> None:
    """Size and hash are those of the file as it lies there; bytes read reach the size; a stream's hash comes late."""
    packed = gzip.compress(TABLE)
    (tmp_path / "x.csv.gz").write_bytes(packed)
    with open_source(str(tmp_path / "x.csv.gz")) as source:
        before = source.fingerprint()
        assert before["sha256"] == hashlib.sha256(packed).hexdigest()
        assert (before["size"], before["format"], source.size_bytes) == (len(packed), "csv", len(packed))
        assert sum(map(len, source.chunks())) == 2000
        assert source.bytes_read == len(packed)
        assert json.loads(json.dumps(source.fingerprint())) == before
    with open_source(io.BytesIO(TABLE)) as stream:
        assert list(stream.chunks())
        assert stream.fingerprint() == {
            "size": None,
            "mtime": None,
            "sha256": hashlib.sha256(TABLE).hexdigest(),
            "format": "csv",
        }


def test_standard_input(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash reads standard input, is called so, and leaves it open."""
    stdin = io.TextIOWrapper(io.BytesIO(TABLE))
    monkeypatch.setattr("sys.stdin", stdin)
    reading = read("-")
    assert (len(reading.items), reading.rows[0].source) == (2000, "-")
    assert not stdin.buffer.closed


@pytest.mark.posix("there are no named pipes")
def test_special_files_need_permission(read: Read, tmp_path: Path) -> None:
    """Pipes and devices are refused before they are opened, unless allowed; a directory always."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, "/dev/null", tmp_path):
        assert isinstance(read(path).error, UsageError)
    assert isinstance(read(tmp_path, allow_special=True).error, UsageError)
    assert read("/dev/null", allow_special=True).error is None
    writer = threading.Thread(target=lambda: fifo.write_bytes(TABLE))
    writer.start()
    assert len(read(fifo, allow_special=True).items) == 2000
    writer.join()


def test_what_cannot_be_opened_or_read(read: Read, tmp_path: Path) -> None:
    """A missing file, an impossible path, a closed stream, a text stream and a failing disk are source errors."""

    class Failing(io.RawIOBase):
        def read(self, _size: int = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    closed = io.BytesIO(TABLE)
    closed.close()
    for where in (tmp_path / "none.csv", "a\0b", closed, io.StringIO("a,b\n"), Failing()):
        assert isinstance(read(where).error, SourceError)


@pytest.mark.parametrize(
    "wrong", [{"format": "xml"}, {"delimiter": ""}, {"delimiter": '"'}, {"chunk_rows": 0}, {"bytes_max": 0}]
)
def test_policies_that_make_no_sense(wrong: dict[str, Any]) -> None:
    """Values that would hang or lose rows are refused at the door."""
    with pytest.raises(UsageError):
        ReadPolicy(**wrong)
