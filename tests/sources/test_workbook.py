"""Workbooks that are not what they seem: damaged, protected, of another kind, or made to fill the memory."""

import io
import random
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from importer.errors import SourceError, UsageError
from importer.model import CellError
from tests.sources.workbooks import table

Read = Callable[..., Any]

SOUND: Final = table([["Name", "What"], *([f"campaign {i}", i] for i in range(40))])
SHEET: Final = "xl/worksheets/sheet1.xml"
ABSURD: Final = (b"0", b"-1", b"99999999999", b"4294967295", b"1e308", b"NaN", b"", b"18446744073709551616")
OLD_OFFICE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def changed(parts: dict[str, bytes | None], data: bytes = SOUND) -> bytes:
    """Return a workbook with some of its parts replaced, added, or (None) taken away."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, part in parts.items():
            if part is not None:
                new.writestr(name, part)
    return made.getvalue()


def sheet(body: str, *, before: str = "") -> bytes:
    """Return the XML of a sheet."""
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<?xml version="1.0"?>{before}<worksheet xmlns="{space}"><sheetData>{body}</sheetData></worksheet>'.encode()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_workbook_is_damaged(read: Read, share: float) -> None:
    """A download that broke off is told from a sound workbook, wherever it broke."""
    error = read(SOUND[: int(len(SOUND) * share)]).error
    assert isinstance(error, SourceError)
    assert "is damaged or cut short" in error.message


def test_a_flipped_bit_is_noticed(read: Read) -> None:
    """What was unpacked is held against its checksum before a cell of it counts."""
    with zipfile.ZipFile(io.BytesIO(SOUND)) as archive:
        info = archive.getinfo(SHEET)
    at = info.header_offset + 30 + len(info.filename) + info.compress_size // 2
    broken = SOUND[:at] + bytes([SOUND[at] ^ 1]) + SOUND[at + 1 :]
    error = read(broken).error
    assert isinstance(error, SourceError)
    assert SHEET in error.message


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (OLD_OFFICE, "an old Excel workbook (.xls)"),
        (OLD_OFFICE + "EncryptedPackage".encode("utf-16-le"), "protected with a password"),
        (changed({"xl/workbook.xml": None}), "a zip archive, not an Excel workbook"),
        (changed({"xl/workbook.xml": None, "xl/workbook.bin": b"x"}), "a binary Excel workbook (.xlsb)"),
        (changed({"xl/workbook.xml": None, "content.xml": b"<x/>"}), "an OpenDocument file"),
        (changed({"xl/workbook.xml": None, "word/document.xml": b"<x/>"}), "a Word document"),
    ],
)
def test_other_kinds_are_named(read: Read, tmp_path: Path, data: bytes, says: str) -> None:
    """What is no XLSX workbook is a wrong argument, whatever its name says, and the way out is told."""
    for name in ("x.xlsx", "x.csv"):
        path = tmp_path / name
        path.write_bytes(data)
        error = read(path).error
        assert isinstance(error, UsageError)
        assert says in error.message
        assert error.hint is not None


def test_text_that_calls_itself_a_workbook_is_refused(read: Read, tmp_path: Path) -> None:
    """A CSV named .xlsx is not guessed at; said to be CSV, it is read."""
    path = tmp_path / "x.xlsx"
    path.write_bytes(b"a,b\n1,2\n")
    error = read(path).error
    assert isinstance(error, SourceError)
    assert error.hint == "Fetch it again; or say what it is, for example --format csv."
    assert read(path, format="csv").cells == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize("data", [b"<html><table><tr>", b"\n<!DOCTYPE html>", b'<?xml version="1.0"?>', b"<TABLE>"])
def test_pages_that_call_themselves_excel_are_told(read: Read, tmp_path: Path, data: bytes) -> None:
    """Reports that some systems name .xls are web pages; a CSV may begin with a bracket all the same."""
    path = tmp_path / "report.xls"
    path.write_bytes(data)
    error = read(path).error
    assert isinstance(error, SourceError)
    assert "report.xls is a web page or XML, not a table" in error.message
    assert read(b"<name>,b\n1,2\n").cells == [{"<name>": "1", "b": "2"}]


def test_a_workbook_by_another_name_is_read(read: Read, tmp_path: Path) -> None:
    """What a file holds counts, not what it is called; said to be something else, it is refused."""
    path = tmp_path / "x.csv"
    path.write_bytes(SOUND)
    assert (read(path).format, len(read(path).items)) == ("xlsx", 40)
    assert isinstance(read(path, format="csv").error, UsageError)
    assert isinstance(read(b"a,b\n1,2\n", format="xlsx").error, UsageError)


def test_a_bomb_is_refused_before_it_is_loaded(read: Read) -> None:
    """Megabytes out of kilobytes are counted while they are unpacked, in whatever part they lie."""
    bomb = changed({"xl/media/image1.png": bytes(64 << 20)})
    assert len(bomb) < 1 << 20
    error = read(bomb, workbook_bytes_max=32 << 20).error
    assert isinstance(error, SourceError)
    assert "unpacks to more than the permitted 33,554,432 bytes" in error.message
    assert isinstance(read(bomb, bytes_max=1 << 20).error, SourceError)
    assert read(bomb, workbook_bytes_max=80 << 20).error is None


def test_a_size_that_lies_is_noticed(read: Read) -> None:
    """A part that claims to be smaller than it is does not pass."""
    data = bytearray(changed({"xl/media/image1.png": bytes(1 << 20)}))
    at = data.rindex(b"xl/media/image1.png") - 22  # the size in the archive's list of contents
    assert struct.unpack_from("<I", data, at)[0] == 1 << 20
    struct.pack_into("<I", data, at, 10)
    assert isinstance(read(bytes(data)).error, SourceError)


@pytest.mark.parametrize(
    "body",
    [
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        "<x:row r='1048576'><x:c r = 'xfd1048576'><x:v>1</x:v></x:c></x:row>".replace("x:", ""),
        '<row r="1048575"><c><v>1</v></c></row>' + f"<row>{'<c><v>1</v></c>' * 100}</row>",
    ],
)
def test_cells_far_out_are_refused_before_they_are_loaded(read: Read, body: str) -> None:
    """Two cells can span billions; they are counted by a parser that holds none."""
    error = read(changed({SHEET: sheet(body)})).error
    assert isinstance(error, SourceError)
    assert 'the sheet "Data" of <stream> spans more than the permitted 5,000,000 cells' in error.message


@pytest.mark.parametrize(
    "place", ["A99999999999", "A4294967297", "A0", "A", "7", "AAAA1", "XFE1", "A1048577", "Ä1", "A-1", ""]
)
def test_places_that_no_sheet_has_are_refused(read: Read, place: str) -> None:
    """The library would count them in its own way, past what can be counted, and lay out a sheet without end."""
    body = f'<row r="1"><c r="A1"><v>1</v></c></row><row><c r="{place}"><v>1</v></c></row>'
    error = read(changed({SHEET: sheet(body)})).error
    assert isinstance(error, SourceError)
    assert "is damaged or cut short" in error.message


def test_rows_out_of_order_are_put_in_order(read: Read) -> None:
    """Some programs write them so; nothing is lost, and an error stays at its place."""
    text = '<c r="A{0}" t="str"><v>{1}</v></c>'
    error = '<row r="3"><c r="A3" t="e"><v>#REF!</v></c></row>'
    rows = "".join(f'<row r="{row}">{text.format(row, what)}</row>' for row, what in ((4, "last"), (1, "Name")))
    reading = read(changed({SHEET: sheet(error + rows)}))
    assert [cells["Name"] for cells in reading.cells] == [CellError.REFERENCE, "last"]
    assert reading.lines == [3, 4]


@pytest.mark.parametrize("claim", ['uniqueCount="99999999999"', "count = '99999999999'", 'uniqueCount="+99999999999"'])
def test_lists_that_claim_too_much_are_refused(read: Read, claim: str) -> None:
    """The library makes room for as many texts as a list claims to have, before it has seen one."""
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    strings = f'<sst xmlns="{space}" {claim}><si><t>Name</t></si></sst>'.encode()
    error = read(changed({"xl/sharedStrings.xml": strings})).error
    assert isinstance(error, SourceError)
    assert "claims to list 99,999,999,999 things" in error.message


def test_document_types_are_refused(read: Read) -> None:
    """No spreadsheet writes them, and entities in them can grow without end."""
    growing = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    error = read(changed({SHEET: sheet("<row><c><v>&b;</v></c></row>", before=growing)})).error
    assert isinstance(error, SourceError)
    assert "document type" in error.message


def test_two_parts_of_one_name_are_refused(read: Read) -> None:
    """Otherwise one could be counted and the other loaded."""
    made = io.BytesIO(SOUND)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(made, "a") as archive:
        archive.writestr(SHEET, sheet(""))
    assert isinstance(read(made.getvalue()).error, SourceError)


@pytest.mark.parametrize("part", ["xl/_rels/workbook.xml.rels", "xl/workbook.xml", SHEET, "xl/sharedStrings.xml"])
@pytest.mark.parametrize("content", [b"", b"<", b"<a><b></a>", b"\xff\xfe", b"<worksheet/>"])
def test_broken_parts_end_in_an_error_or_in_nothing(read: Read, part: str, content: bytes) -> None:
    """However a part is broken, the reader neither crashes nor invents rows."""
    reading = read(changed({part: content}))
    assert reading.error is None or isinstance(reading.error, SourceError | UsageError)
    assert len(reading.items) in {0, 40}


def test_noise_in_a_workbook_does_not_crash(read: Read) -> None:
    """Parts with random bytes, or with absurd numbers, packed with the right checksum, end in rows or in an error."""
    with zipfile.ZipFile(io.BytesIO(SOUND)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if name.startswith("xl/")}
    dice = random.Random(7)
    for _ in range(150):
        name = dice.choice(sorted(parts))
        part = bytearray(parts[name])
        for _ in range(dice.randint(1, 4)):
            number = dice.choice(list(re.finditer(rb"[0-9]+", part)))
            at = dice.randrange(len(part))
            absurd, noise = dice.choice(ABSURD), dice.randbytes(dice.randint(0, 3))
            begin, end, new = dice.choice([(*number.span(), absurd), (at, at + dice.randint(0, 3), noise)])
            part[begin:end] = new
        reading = read(changed({name: bytes(part)}))
        assert reading.error is None or isinstance(reading.error, SourceError | UsageError)
