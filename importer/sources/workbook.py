"""What an XLSX file is made of, told before anything is loaded: is it sound, how large, which sheets.

A workbook is a zip archive of XML. The library that reads the cells loads a whole sheet, and a small file can claim
billions of them. So everything is unpacked once and counted first, and the cells of the sheet are counted by a parser
that holds none of them. On the way it notes the cells that hold an error, which the library takes for blank.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Final, NamedTuple
from xml.parsers import expat  # nosec B407

from importer.errors import SourceError, UsageError
from importer.model import CellError
from importer.sources.policy import KIB, ReadPolicy

_PIECE_BYTES: Final = 256 * KIB
_WORKBOOK: Final = "xl/workbook.xml"
_LINKS: Final = "xl/_rels/workbook.xml.rels"
_FETCH_AGAIN: Final = "Fetch or save the file again."
_SAVE_AS: Final = "Save it as an Excel workbook (.xlsx) or as CSV (UTF-8), and name that file."
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_OTHER: Final = {
    "xl/workbook.bin": "a binary Excel workbook (.xlsb)",
    "content.xml": "an OpenDocument file",
    "word/document.xml": "a Word document",
    "ppt/presentation.xml": "a PowerPoint presentation",
}

_CLAIM: Final = re.compile(rb"(?i)\b(?:unique)?count\s*=\s*[\"']\s*\+?([0-9]{1,30})")
_CLAIM_BYTES: Final = 64  #: one of them may lie across two pieces
_ENTRY_BYTES_MIN: Final = 4  #: an entry of XML has no fewer

#: What a sheet can hold at most; Excel refuses more.
_ROWS_MAX: Final = 1 << 20
_COLUMNS_MAX: Final = 1 << 14
_DIGITS_MAX: Final = 7
_LETTERS_MAX: Final = 3

Attributes = dict[str, str]


class Extent(NamedTuple):
    """How far the cells of a sheet go, and which of them hold an error."""

    rows: int  #: number of the last row with a cell
    columns: int  #: number of the last column with a cell
    errors: dict[tuple[int, int], CellError]  #: (row, column) from 0


def refuse_old_kind(head: bytes, name: str) -> None:
    """Raise `UsageError` for what is stored in the container of old Office files; `head` is how the file begins."""
    if _ENCRYPTED in head:
        raise UsageError(
            f"{name} is protected with a password", hint="Open it in Excel, save it without one, and try again."
        )
    raise UsageError(f"{name} is an old Excel workbook (.xls)", hint=_SAVE_AS)


class Workbook:
    """The archive, unpacked once to see that it is whole and small enough."""

    def __init__(self, file: IO[bytes], name: str, policy: ReadPolicy) -> None:
        """Take a file that can be sought in.

        Raises `UsageError` for an archive that is no XLSX workbook, `SourceError` for one that is damaged or too large.
        """
        self._name = name
        self._policy = policy
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise self._damaged(str(error)) from error
        self._check_kind()
        self._check_size()
        self._parts = self._sheets()

    def extent(self, sheet: str) -> Extent:
        """Return how far the cells of a sheet go; raise `SourceError` when there are too many of them."""
        part = self._parts.get(sheet)
        if part is None:
            return Extent(0, 0, {})
        counting = _Counting(self._policy.cells_max)
        try:
            self._parse(part, counting.begin, counting.bind)
        except _TooManyError as error:
            raise SourceError(
                f'the sheet "{sheet}" of {self._name} spans more than the permitted {self._policy.cells_max:,} cells',
                hint="Save the sheet as CSV, which may be of any size, or delete what lies far out.",
            ) from error
        except _OddError as error:
            raise self._damaged(f"{part}: {error}") from error
        return Extent(counting.rows, counting.columns, counting.errors)

    def _check_kind(self) -> None:
        names = self._zip.namelist()
        if len(set(names)) != len(names):
            raise self._damaged("two of its parts have one name")
        if any(info.flag_bits & 1 for info in self._zip.infolist()):
            raise UsageError(f"{self._name} is encrypted", hint="Save it without a password.")
        if _WORKBOOK not in names:
            what = next((what for part, what in _OTHER.items() if part in names), "a zip archive")
            hint = _SAVE_AS if what != "a zip archive" else "Unpack it and name the file in it, or save it as CSV."
            raise UsageError(f"{self._name} is {what}, not an Excel workbook (.xlsx)", hint=hint)

    def _check_size(self) -> None:
        """Unpack everything once: what an archive says of its sizes is only believed with the checksums.

        A part that claims to list more than it has bytes for is damaged: the library makes room for what is claimed.
        """
        limit, made = self._policy.bytes_max or self._policy.workbook_bytes_max, 0
        for info in self._zip.infolist():
            claimed, before, rest = 0, made, b""
            for piece in self._pieces(info.filename):
                made += len(piece)
                claimed = max([claimed, *map(int, set(_CLAIM.findall(rest + piece)))])
                rest = piece[-_CLAIM_BYTES:]
                if made > limit:
                    raise SourceError(
                        f"{self._name} unpacks to more than the permitted {limit:,} bytes",
                        hint="Save the sheet as CSV; or raise --max-bytes if there is the memory for it.",
                    )
            if claimed > (made - before) // _ENTRY_BYTES_MIN:
                raise self._damaged(f"{info.filename} claims to list {claimed:,} things")

    def _sheets(self) -> dict[str, str]:
        """Return sheet → part of the archive."""
        targets: dict[str, str] = {}
        ids: dict[str, str] = {}

        def link(name: str, attributes: Attributes) -> None:
            if _local(name) == "Relationship":
                target = attributes.get("Target", "")
                targets[attributes.get("Id", "")] = target[1:] if target.startswith("/") else f"xl/{target}"

        def sheet(name: str, attributes: Attributes) -> None:
            if _local(name) == "sheet":
                found = (value for key, value in attributes.items() if ":" in key and _local(key) == "id")
                ids[attributes.get("name", "")] = next(found, "")

        self._parse(_LINKS, link)
        self._parse(_WORKBOOK, sheet)
        return {name: targets[id_] for name, id_ in ids.items() if targets.get(id_) in self._zip.namelist()}

    def _parse(
        self,
        part: str,
        begin: Callable[[str, Attributes], None],
        bind: Callable[[expat.XMLParserType], None] | None = None,
    ) -> None:
        parser = expat.ParserCreate("utf-8")  # whatever it declares: the library reads it so
        parser.StartElementHandler = begin
        parser.StartDoctypeDeclHandler = self._refuse_document_type  # without one, no entity can grow
        if bind is not None:
            bind(parser)
        try:
            for piece in self._pieces(part):
                parser.Parse(piece)
            parser.Parse(b"", True)
        except (expat.ExpatError, ValueError) as error:
            raise self._damaged(f"{part}: {error}") from error

    def _refuse_document_type(self, *_: object) -> None:
        raise self._damaged("its XML declares a document type, which no spreadsheet writes")

    def _pieces(self, part: str) -> Iterator[bytes]:
        try:
            with self._zip.open(part) as member:
                while piece := member.read(_PIECE_BYTES):
                    yield piece
        except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, OSError, ValueError, NotImplementedError) as error:
            raise self._damaged(f"{part}: {error}") from error

    def _damaged(self, why: str) -> SourceError:
        return SourceError(f"{self._name} is damaged or cut short ({why})", hint=_FETCH_AGAIN)


class _TooManyError(Exception):
    """The cells span more than is permitted."""


class _OddError(Exception):
    """A place that no sheet has: the library would lay out a sheet without end."""


class _Counting:
    """Handlers which count cells as they go by; a cell without a reference follows the one before it."""

    def __init__(self, cells_max: int) -> None:
        self.rows = 0
        self.columns = 0
        self.errors: dict[tuple[int, int], CellError] = {}
        self._cells_max = cells_max
        self._row = 0
        self._column = 0
        self._columns: dict[str, int] = {}  # letters → number
        self._said: list[str] = []

    def bind(self, parser: expat.XMLParserType) -> None:
        """Take the parser, so that text is looked at only inside cells with an error."""
        self._parser = parser

    def begin(self, name: str, attributes: Attributes) -> None:
        """Take the beginning of an element."""
        kind = name if ":" not in name else _local(name)
        if kind == "c":
            self._cell(attributes)
        elif kind == "row":
            number = attributes.get("r")
            self._to_row(number if number is not None else str(self._row + 1))
            self._column = 0
        elif kind == "f":
            self._said.clear()

    def _cell(self, attributes: Attributes) -> None:
        reference = attributes.get("r")
        if reference is None:
            self._column += 1
        else:
            letters = reference.rstrip("0123456789")
            self._to_row(reference[len(letters) :])
            self._column = self._columns.get(letters) or self._column_of(letters)
        if self._row > self.rows or self._column > self.columns:
            self.rows = max(self.rows, self._row)
            self.columns = max(self.columns, self._column)
            if self.rows * self.columns > self._cells_max:
                raise _TooManyError
        if attributes.get("t") == "e":
            self._said = []
            self._parser.CharacterDataHandler = self._said.append
            self._parser.EndElementHandler = self._end

    def _end(self, name: str) -> None:
        if _local(name) == "f":
            self._said.clear()  # a formula, not what it came to
        elif _local(name) == "c":
            self._parser.CharacterDataHandler = None
            self._parser.EndElementHandler = None
            self.errors[self._row - 1, self._column - 1] = CellError.of("".join(self._said))

    def _to_row(self, digits: str) -> None:
        row = int(digits) if 0 < len(digits) <= _DIGITS_MAX and digits.isdecimal() else 0
        if not 0 < row <= _ROWS_MAX:
            raise _OddError(f"row {digits[:20]!r}")
        self._row = row

    def _column_of(self, letters: str) -> int:
        """Return the number of a column, and remember it."""
        number = 0
        if len(letters) <= _LETTERS_MAX and letters.isascii() and letters.isalpha():
            for letter in letters.upper():
                number = number * 26 + ord(letter) - 64
        if not 0 < number <= _COLUMNS_MAX:
            raise _OddError(f"column {letters[:20]!r}")
        self._columns[letters] = number
        return number


def _local(name: str) -> str:
    """Return a name of XML without its prefix."""
    return name.rpartition(":")[2]
