"""Hostile CSV and TSV."""

from typing import Final

from importer.errors import ExitStatus
from importer.sources.policy import MIB
from tests.hostile.inputs import HEAD, OK, SOME_FAILED, SOURCE, USAGE, Hostile, table

_LONG: Final = b"x" * (MIB + 1)
_RAGGED: Final = "row_ragged"


def _one(name: str, line: bytes, code: str) -> Hostile:
    """Return a case whose second row fails alone."""
    data = table(b"A,1", line, b"C,3")
    return Hostile(name=name, data=data, passes=(2, 4), fails={3: code}, status=SOME_FAILED)


def _kept(name: str, line: bytes) -> Hostile:
    """Return a case whose second row looks dangerous and is sound."""
    return Hostile(name=name, data=table(b"A,1", line, b"C,3"), passes=(2, 3, 4), status=OK)


def _refused(name: str, data: bytes, says: str, status: ExitStatus = SOURCE) -> Hostile:
    """Return a case of which no row is read."""
    return Hostile(name=name, data=data, status=status, says=says)


# One case, one thought; the formatter would spread them over many screens.
# fmt: off
_LINES: Final = (
    _one("line of more than 1 MiB", _LONG, "row_too_long"),
    _one("line of 8 MiB", _LONG * 8, "row_too_long"),
    _one("line of just 1 MiB, which is read", b"B," + b"x" * (MIB - 2), "value_too_long"),
    _one("cell beyond the csv module's own limit", b"B," + b"x" * 131_073, "value_too_long"),
    _one("row of 600,000 empty cells", b"," * 600_000, _RAGGED),
    Hostile(name="gigantic last line without an end", data=table(b"A,1") + _LONG, passes=(2,),
            fails={3: "row_too_long"}, status=SOME_FAILED),
    Hostile(name="gigantic lines one after the other", data=table(_LONG, _LONG, b"C,3"), passes=(4,),
            fails={2: "row_too_long", 3: "row_too_long"}, status=SOME_FAILED),
    Hostile(name="gigantic line inside quotes", data=table(b"A,1", b'B,"2', _LONG, b"C,3"), passes=(2, 5),
            fails={3: "row_malformed", 4: "row_too_long"}, status=SOME_FAILED),
    Hostile(name="quotes that swallow the next megabyte", passes=(2, *range(4, 1004)), fails={3: "row_malformed"},
            data=table(b"A,1", b'B,"2', *(b"%d,%s" % (n, b"x" * 1100) for n in range(1000))), status=SOME_FAILED),
    Hostile(name="file that is one gigantic line", data=_LONG * 2, status=SOURCE, says="header is longer than a row"),
)

_CHARACTERS: Final = (
    _one("NUL in a cell", b"B,a\0b", "control_character"),
    Hostile(name="NUL in quotes over two lines", data=table(b"A,1", b'B,"a\n\0"', b"C,3"), passes=(2, 5),
            fails={3: "control_character"}, status=SOME_FAILED),
    _one("bell in a cell", b"B,ring \x07 twice", "invalid_character"),
    _one("terminal escape in a name", b"\x1b[2J\x1b[31mB,2", "invalid_character"),
    _one("delete character", b"B,a\x7fb", "invalid_character"),
    _one("control sequence introducer of C1", "B,a\u009bb".encode(), "invalid_character"),
    _one("U+0085 inside a cell, which is no line end", "B,a\u0085b".encode(), "invalid_character"),
    _one("file separator \\x1c inside a cell, which is no line end", b"B,a\x1cb", "invalid_character"),
    _one("vertical tab and form feed, which are no line ends", b"B,a\x0bb\x0cc", "invalid_character"),
    _kept("U+2028 and U+2029 inside a cell, which are no line ends", "B,a\u2028b\u2029c".encode()),
    _kept("bidirectional override in a name", "B\u202eevil,2".encode()),
    _kept("zero-width and combining characters", "B\u200b\u0301\u0301\u0301,\ufeff2".encode()),
    _kept("characters beyond the basic plane", "B 🎉,\U0010ffff".encode()),
    _kept("formula, which is data here", b'"=HYPERLINK(""http://x"",""y"")",@SUM(1+1)'),
    _kept("path, template and format marks as data", b"../../etc/passwd,{hs_name} %s {0} $(id) `id`"),
    _refused("NUL in the header", b"hs_name,hs\0notes\nA,1\n", "header is not plain UTF-8"),
    _refused("bytes of no encoding in the header", b"hs_name,caf\xe9\nA,1\n", "header is not plain UTF-8"),
    _refused("UTF-16 without a mark", "hs_name\nA\n".encode("utf-16-le"), "header is not plain UTF-8"),
)

_QUOTES: Final = (
    _one("text after a closing quote", b'"B"x,2', "row_malformed"),
    _one("stray quote that a later one closes", b'"B,2"x', "row_malformed"),
    _one("lone carriage return in a cell", b"B,a\rb", "row_malformed"),
    _kept("quote inside an unquoted cell", b'B "2" C,3'),
    _kept("cell of quotes alone", b'"""""""",""""'),
    Hostile(name="stray quote closed lines later: only its line is lost", passes=(2, 4, 5), status=SOME_FAILED,
            data=table(b"A,1", b'"B,2', b'C,"3"', b"D,4"), fails={3: "row_malformed"}),
    Hostile(name="quote that never closes", data=table(b"A,1", b'B,"2', b"C,3"), passes=(2,), status=SOURCE,
            says="ends inside quotes that open in the row of line 3"),
    Hostile(name="quote that never closes in the last line", data=table(b"A,1") + b'B,"', passes=(2,), status=SOURCE,
            says="ends inside quotes that open in the row of line 3"),
    _refused("quote that never closes in the header", b'hs_name,"hs_notes\nA,1\n', "quoting of the header is broken"),
    Hostile(name="quote at the end of each of 101 lines: two make a row", passes=range(2, 102, 2), status=SOURCE,
            data=table(*(b'A%d,"' % n for n in range(101))),
            says="ends inside quotes that open in the row of line 102"),
)

_SHAPES: Final = (
    _one("row with a cell too few", b"B", _RAGGED),
    _one("row with a cell too many", b"B,2,3", _RAGGED),
    _one("delimiter at the end of a row", b"B,2,", _RAGGED),
    _one("blank in a line of its own", b" ", _RAGGED),
    _one("row without a name", b",2", "name_missing"),
    Hostile(name="blank lines between rows", data=table(b"A,1", b"", b"", b"B,2", b""), passes=(2, 5), status=OK),
    Hostile(name="line ends of three kinds", data=HEAD + b"A,1\r\nB,2\n\r\nC,3\r\n", passes=(2, 3, 5), status=OK),
    Hostile(name="line ends of old Macs", data=b"hs_name,hs_notes\rA,1\rB,2\r", passes=(2, 3), status=OK),
    Hostile(name="tab-separated with quotes and commas", data=b'hs_name\ths_notes\nA,"\t1\nB\t2\t3\n', passes=(2,),
            fails={3: _RAGGED}, status=SOME_FAILED),
    Hostile(name="semicolons although it says CSV", data=b"hs_name;hs_notes\nA,b;1\n", passes=(2,), status=OK),
    _refused("two columns of one name", b"hs_name,hs_notes,hs_notes\nA,1,2\n", "two columns are called 'hs_notes'"),
    _refused("two columns of one name but for blanks", b"hs_name, hs_name\nA,1\n", "two columns are called"),
    _refused("header without names", b",,\nA,1,2\n", "the header names no column"),
    _refused("data under a column without a name", b"hs_name,\nA,1\n", "column 2 holds data but has no name"),
    Hostile(name="empty column without a name", data=b"hs_name,\nA,\n", passes=(2,), status=OK),
    _refused("header of 10,000 columns", b",".join(b"c%d" % n for n in range(10_000)), "there is no column hs_name",
             USAGE),
    _refused("no header but a first row", b"A,1\nB,2\n", "there is no column hs_name", USAGE),
    _refused("empty file", b"", "campaigns.csv holds no rows"),
    _refused("header alone", HEAD, "the source holds no rows"),
    _refused("blank lines alone", b"\n\r\n \n", "the header names no column"),
)
# fmt: on

CASES: Final = (*_LINES, *_CHARACTERS, *_QUOTES, *_SHAPES)
