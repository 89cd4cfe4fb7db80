"""JSON Lines and JSON arrays: the same refusals for the same reasons; where an array breaks."""

import json
from collections.abc import Callable
from typing import Any, BinaryIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.errors import SourceError
from importer.sources.json_values import Limits, Malformed, load_flat, load_object

Read = Callable[..., Any]

GOOD = b'{"a": "x", "b": 1}'
REFUSED = [
    (b'{"a":1,"a":2}', "duplicate_json_key"),
    (b'{"a":1,"\\u0061":2}', "duplicate_json_key"),
    (b'{"a" :1,"b":"u:v","a" :2}', "duplicate_json_key"),
    (b'{"a":{"b":1,"b":2}}', "duplicate_json_key"),
    (b'{"a":[{"b":1,"b":2}]}', "duplicate_json_key"),
    (b'{"a":NaN}', "invalid_json"),
    (b'{"a":-Infinity}', "invalid_json"),
    (b'{"a":1e999}', "invalid_json"),
    (b'{"a":"\\ud800"}', "invalid_json"),
    (b'{"\\udc00":1}', "invalid_json"),
    (b'{"a":"\t"}', "invalid_json"),
    (b'{"a":"x\x00y"}', "control_character"),
    (b'{"a":"x\\u0000y"}', "control_character"),
    (b'{"a":' + b"1" * 41 + b"}", "number_too_long"),
    (b'{"a":' + b"1" * 5000 + b"}", "number_too_long"),
    (b'{"a":0.' + b"1" * 41 + b"}", "number_too_long"),
    (b'{"a":[' + b"1" * 41 + b"]}", "number_too_long"),
    (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", "nested_too_deep"),
    (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested_too_deep"),
    (b'{"a":"\xff"}', "undecodable"),
    (b'{"a":"\xed\xa0\x80"}', "undecodable"),
    (b"[1,2]", "invalid_json"),
    (b'"text"', "invalid_json"),
    (b"null", "invalid_json"),
    (b"7", "invalid_json"),
    (b'{"a":"' + b"x" * (1 << 20) + b'"}', "row_too_long"),
]


@pytest.mark.parametrize(("element", "code"), REFUSED, ids=range(len(REFUSED)))
def test_a_broken_object_fails_alone_in_both_formats(read: Read, element: bytes, code: str) -> None:
    """Each fault has its code, as a line and as an element; the objects around it stand."""
    lines = read(b"\n".join([GOOD, element, GOOD]), format="jsonl")
    array = read(b"[" + b",".join([GOOD, element, GOOD]) + b"]", format="json")
    for reading in (lines, array):
        assert reading.error is None
        assert reading.codes == [None, code, None]
        assert set(reading.rows[1].cells) == {"_raw"}
        assert len(reading.rows[1].cells["_raw"]) <= 2048


def test_values_keep_their_types_and_digits(read: Read) -> None:
    """Text, integers of any permitted size, floats, booleans, null and nested values come out plain."""
    values = {"s": "é\u2028", "i": -3, "big": 10**39, "f": 2.5, "t": True, "n": None, "l": [1, {"x": 2**70}]}
    line = json.dumps(values, ensure_ascii=False).encode()
    for data in (line, b"[" + line + b"]"):
        cells = read(data).cells[0]
        assert cells == values
        assert {type(value) for value in cells.values()} == {str, int, float, bool, type(None), list}


def test_integers_beyond_64_bits_do_not_become_floats() -> None:
    """What the fast parser would round is read exactly, whichever way the key is spaced."""
    for text in (b'{"a":18446744073709551616}', b'{"a": -9223372036854775809 }', b'{"a" :\t123456789012345678901}'):
        loaded = load_object(text, Limits())
        assert isinstance(loaded, dict)
        assert loaded["a"] == json.loads(text)["a"]
        assert type(loaded["a"]) is int


def test_a_fault_behind_a_false_alarm_is_still_seen() -> None:
    """Colons and quotes inside strings do not hide a second key."""
    hidden = b'{"a":"\\":","b":"x","b":"\\":"}'
    loaded = load_object(hidden, Limits())
    assert isinstance(loaded, tuple)
    assert not isinstance(loaded, Malformed)
    assert loaded[0].code == "duplicate_json_key"


def test_jsonl_lines_and_offsets(read: Read) -> None:
    """Blank lines count but are no rows; offsets point at the line; broken text fails alone with its place."""
    data = b'{"a":1}\n\n  \r\n{"a":\n{"a":2}\r\n{"a":3}'
    reading = read(data)
    assert reading.format == "jsonl"
    assert reading.lines == [1, 4, 5, 6]
    assert reading.codes == [None, "invalid_json", None, None]
    assert "byte 6 of the line" in reading.rejections[0].problems[0].message
    assert [data[row.byte_offset] for row in reading.rows] == [ord("{")] * 4


def test_columns_are_the_keys_of_the_first_chunk(read: Read) -> None:
    """Keys come in order of appearance, from all good rows read ahead; without rows there are none."""
    assert read(b'{"b":1}\nx\n{"a":1,"b":2}\n{"c":1}\n', chunk_rows=3).columns == ("b", "a")
    assert read(b"[]").columns is None


def test_the_array_has_offsets_and_no_lines(read: Read) -> None:
    """White space of any kind may stand between elements."""
    data = b' [\n {"a":1} ,\r\n\t{"a":[{"b":"]}"}]}, 5 ]\n '
    reading = read(data)
    assert reading.lines == [None, None, None]
    assert [data[row.byte_offset : row.byte_offset + 1] for row in reading.rows] == [b"{", b"{", b"5"]
    assert reading.error is None


@pytest.mark.parametrize(
    ("data", "rows", "at"),
    [
        (b'[{"a":1},{"a":]}]', 1, 14),
        (b'[{"a":1} {"a":2}]', 1, 9),
        (b'[{"a":1},]', 1, 9),
        (b'[{"a":1},,{"a":2}]', 1, 9),
        (b'[{"a":1},{"a":2', 1, 15),
        (b'[{"a":1},{"a":"', 1, 15),
        (b'[{"a":1},{"a":"\\', 1, 16),
        (b'[{"a":1}', 1, 8),
        (b'[{"a":1}, 12', 1, 12),
        (b'[{"a":1}] x', 1, 10),
        (b'[{"a":1}][]', 1, 9),
        (b'[{"a":1},nope]', 1, 9),
        (b'{"a":1}', 0, 0),
        (b"", 0, 0),
        (b"[,]", 0, 1),
    ],
)
def test_a_break_in_the_array_is_located(read: Read, data: bytes, rows: int, at: int) -> None:
    """A syntax error ends the reading, names its byte offset, and the rows before it stand."""
    reading = read(data, format="json")
    assert len(reading.cells) == len(reading.items) == rows
    assert isinstance(reading.error, SourceError)
    assert f"byte offset {at}:" in reading.error.message


def test_elements_are_whole_however_the_bytes_arrive(
    read: Read, dribble: Callable[[bytes, int], BinaryIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elements, strings and escapes cut at any byte give the same rows."""
    monkeypatch.setattr("importer.sources.json_array._REFILL_BYTES", 1)
    data = b'[{"a":"\\\\\\"}],{","b":[[{}],"]"]},12,{"c":"' + b"y" * 90 + b'"},"\\\\",{"d":null}]'
    whole = read(data, row_bytes_max=80)
    assert whole.codes == [None, "invalid_json", "row_too_long", "invalid_json", None]
    assert whole.error is None
    for step in (1, 2, 3, 5):
        assert read(dribble(data, step), row_bytes_max=80).items == whole.items


def test_one_json_object_in_a_json_file_is_no_list(read: Read, tmp_path: Any) -> None:
    """A pretty-printed reply of an API is refused with the way out; one object a line is read whatever the name."""
    (tmp_path / "reply.json").write_bytes(b'{\n "results": []\n}\n')
    assert "one JSON object" in read(tmp_path / "reply.json").error.message
    (tmp_path / "rows.json").write_bytes(b'{"a":1}\n{"a":2}\n')
    assert read(tmp_path / "rows.json").cells == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("name", "data", "format_"),
    [
        ("x.csv", b"[a,{b\n", "csv"),
        ("x.CSV.gz", b"a\n", "csv"),
        ("x.tsv", b"a,b\tc\n", "tsv"),
        ("x.jsonl", b"[{}]", "json"),
        ("x.ndjson.zst", b"{}", "jsonl"),
        ("x.json", b"[{}]", "json"),
        ("x.dat", b'{"a":1}', "jsonl"),
        ("x", b"a,b\n", "csv"),
    ],
)
def test_the_format_is_told_by_name_and_content(
    read: Read, tmp_path: Any, name: str, data: bytes, format_: str
) -> None:
    """Names decide for tables, the first character for JSON and for other names."""
    (tmp_path / name).write_bytes(data)
    assert read(tmp_path / name).format == format_


NAMED = [b'"a":', b'"b":', b'"a" :', b'"a"\t:', b'"\\":', b'":"', b"{", b"}", b"[", b"]", b","]
VALUES = [b"1", b"-7", b"2.5", b"1e400", b"null", b'"x"', b"12345678901234567890123", b'"\\u0000"', b'"\\u003a"']
PIECES = st.sampled_from([*NAMED, *VALUES, b'"t"', b" ", b"\r", b"\xff"])
LINES = st.lists(PIECES, max_size=6).map(b"".join)
OBJECTS = st.dictionaries(
    st.text("ab:", max_size=2), st.none() | st.booleans() | st.integers() | st.floats() | st.text('x:" \\', max_size=3)
)


@given(
    lines=st.lists(
        st.one_of(LINES, LINES.map(b"{%b}".__mod__), OBJECTS.map(json.dumps).map(str.encode)), min_size=1, max_size=4
    )
)
@example(lines=[b'{"x":[{}', b'{}]},{"y":{}}'])
@example(lines=[b'{"a":1},{"b":2}', b"{}"])
@example(lines=[b'{"a":1,"a":2,"b" :3}'])
def test_lines_read_at_once_are_those_read_one_by_one(lines: list[bytes]) -> None:
    """Many objects in one go are the objects of the lines, none of which has anything odd about it."""
    flat = load_flat(lines)
    assert flat is None or flat == [load_object(line, Limits()) for line in lines]


def test_usual_lines_are_read_at_once() -> None:
    """Texts with colons and quotes, numbers, blanks, the line ends of Windows: nothing of that is odd."""
    lines = [b'{"a":"x: y","b":1}', b'{"a": "Gr\xc3\xbc\xc3\x9fe", "c": 2.5, "d": null}\r', b'{"a":"two \\"words\\""}']
    assert load_flat(lines) == [json.loads(line) for line in lines]
