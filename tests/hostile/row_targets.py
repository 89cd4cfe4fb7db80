"""Fuzzing targets: rows on their way to records, and rows on their way back to people."""

import re
import tomllib
from collections.abc import Callable
from datetime import date
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, Final

import orjson

from importer import codecs
from importer.errors import ImporterError
from importer.failed_rows import OWN, Format, write_rows
from importer.formulas import unguard
from importer.ledger import codec
from importer.mapping import bind, identity_mapping, parse_mapping
from importer.model import Problem, Record, Rejection, Row
from importer.problems import CODES
from importer.records import RecordMaker, RecordPolicy
from importer.sources import ReadPolicy, open_source
from tests.bodies import encode_batch

_FOLDER: Final = Path(__file__).resolve().parents[2] / "config" / "mappings"
#: The ready mappings, by name.
MAPPINGS: Final = {
    name: parse_mapping(tomllib.loads((_FOLDER / f"{name}.toml").read_text()), name=name)
    for name in ("mailchimp", "salesforce")
}
_COLUMNS: Final = ("hs_name", "hs_notes")
_IDENTITY: Final = re.compile("[0-9a-f]{32}")
_FORMS: Final[tuple[Format, ...]] = ("csv", "tsv", "jsonl")
_FORMATS: Final = (
    codecs.date_codec(["iso", "%d/%m/%Y", "%b %d, %Y %I:%M %p", "%d %B %y"]),
    codecs.date_codec(["%Y%m%d", "%A, %d. %b %Y"]),
)  # fmt: skip


def _maker_of_own_names() -> RecordMaker:
    return RecordMaker(RecordPolicy(), bind(identity_mapping(_COLUMNS), _COLUMNS))


def _maker_of_mailings() -> RecordMaker:
    columns = ("Title", "Subject", "Audience", "Send Date", "Unique Id")
    mapping = MAPPINGS["mailchimp"]
    return RecordMaker(RecordPolicy(key=mapping.key, key_space=mapping.name), bind(mapping, columns))


_OWN_NAMES: Final = _maker_of_own_names()
_MAILINGS: Final = _maker_of_mailings()


def records(data: bytes) -> None:
    """Make records of rows whose columns carry the names of properties."""
    _each(data, lambda row: _check_made(_OWN_NAMES, row))


def mailings(data: bytes) -> None:
    """Make records of rows by a mapping with dates and a key."""
    _each(data, lambda row: _check_made(_MAILINGS, row))


def _each(data: bytes, check: Callable[[Row | Rejection], None]) -> None:
    try:
        with open_source(BytesIO(data), ReadPolicy()) as source:
            for chunk in source.chunks():
                for item in chunk:
                    check(item)
    except ImporterError:
        return


def _check_made(maker: RecordMaker, item: Row | Rejection) -> None:
    """Check that a record can be sent and a rejection can be journaled, and that both say the same each time."""
    made = maker.make(item) if isinstance(item, Row) else item
    if isinstance(made, Record):
        assert maker.make(made.row) == made
        assert _IDENTITY.fullmatch(made.identity)
        assert made.name == made.properties["hs_name"].strip()
        body = orjson.loads(encode_batch([made.properties]))
        assert body == {"inputs": [{"properties": made.properties}]}
        return
    assert made.problems
    assert all(problem.code in CODES for problem in made.problems)
    entry = {"t": "reject", "problems": [problem._asdict() for problem in made.problems], "row": made.row.cells}
    line, _crc = codec.seal(codec.encode(entry), 3, 17)
    told, _crc = codec.unseal_line(line, 3, 17)
    cells = made.row.cells
    assert told["row"] in (cells, _as_journaled(cells)), "the journal holds another row than the source"


def _as_journaled(value: Any) -> Any:
    """Return a row as it is journaled when a number in it is beyond 64 bits: such numbers as text."""
    if isinstance(value, dict):
        return {key: _as_journaled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_journaled(item) for item in value]
    too_long = isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 63
    return str(value) if too_long else value


def failed_rows(data: bytes) -> None:
    """Write rows as a file of failed rows, guarded and not, and read it: every cell comes back."""
    held: list[dict[str, Any]] = []

    def hold(item: Row | Rejection) -> None:
        if isinstance(item, Row) and item.cells is not None and item.cells.keys() == set(_COLUMNS):
            held.append(dict(item.cells) | dict.fromkeys(OWN, "x"))

    _each(data, hold)
    for form in _FORMS:
        for raw in (False, True):
            file = StringIO(newline="")
            write_rows(lambda: iter(held), file, form, raw=raw)
            back = _read_back(file.getvalue().encode(), form, raw=raw or form == "jsonl")
            assert back == held, f"{form}: a row that was written is not what is read"


def _read_back(data: bytes, form: Format, *, raw: bool) -> list[dict[str, Any]]:
    with open_source(BytesIO(data), ReadPolicy(format=form)) as source:
        rows = [item for chunk in source.chunks() for item in chunk]
    assert all(isinstance(item, Row) for item in rows), f"{form}: a row that was written cannot be read"
    return [
        {name: cell if raw else unguard(cell) for name, cell in item.cells.items()}
        for item in rows
        if isinstance(item, Row) and item.cells is not None
    ]


def values(data: bytes) -> None:
    """Read a date, a template and plain text out of anything."""
    text = data.decode(errors="replace").strip()
    for read in _FORMATS:
        day = read(text) if text else ""
        assert isinstance(day, Problem) or not day or date.fromisoformat(day).isoformat() == day
    shown = codecs.shown(text)
    assert len(shown) < 1_000
    assert shown.isprintable()
    assert codecs.plain(text) == text.strip()
    try:
        template = codecs.parse_template(text)
    except ValueError:
        return
    blank = dict.fromkeys(template.columns, "")
    assert template.fill(blank) == ""
    assert template.fill(dict.fromkeys(template.columns, "v"))
