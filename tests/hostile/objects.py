"""Hostile JSON: objects on lines, and arrays of them."""

from typing import Final

from importer.sources.policy import MIB
from tests.hostile.inputs import OK, SOME_FAILED, SOURCE, USAGE, Hostile

_A: Final = b'{"hs_name":"A"}'
_C: Final = b'{"hs_name":"C"}'
_INVALID: Final = "invalid_json"
_DEEP: Final = 100_000


def _one(name: str, line: bytes, code: str) -> Hostile:
    """Return a case whose second line fails alone."""
    data = b"\n".join((_A, line, _C, b""))
    return Hostile(name=name, file="c.jsonl", data=data, passes=(1, 3), fails={2: code}, status=SOME_FAILED)


def _kept(name: str, line: bytes) -> Hostile:
    """Return a case whose second line looks dangerous and is sound."""
    return Hostile(name=name, file="c.jsonl", data=b"\n".join((_A, line, _C)), passes=(1, 2, 3), status=OK)


def _array(name: str, element: bytes, code: str) -> Hostile:
    """Return a case whose second element fails alone."""
    data = b"[" + b",\n".join((_A, element, _C)) + b"]"
    return Hostile(name=name, file="c.json", data=data, passes=(1, 3), fails={2: code}, status=SOME_FAILED)


def _broken(name: str, data: bytes, says: str, passes: tuple[int, ...] = (1,)) -> Hostile:
    """Return a case of an array that breaks; the elements before it stand."""
    return Hostile(name=name, file="c.json", data=data, passes=passes, status=SOURCE, says=says)


# One case, one thought; the formatter would spread them over many screens.
# fmt: off
_LINES: Final = (
    _one("key twice in an object", b'{"hs_name":"B","hs_name":"X"}', "duplicate_json_key"),
    _one("key twice, once escaped", b'{"hs_name":"B","hs\\u005fname":"X"}', "duplicate_json_key"),
    _one("key twice in an inner object", b'{"hs_name":"B","hs_notes":{"a":1,"a":2}}', "duplicate_json_key"),
    _one("NaN", b'{"hs_name":"B","hs_notes":NaN}', _INVALID),
    _one("Infinity and -Infinity", b'{"hs_name":Infinity,"hs_notes":-Infinity}', _INVALID),
    _one("1e999, which is infinite", b'{"hs_name":"B","hs_notes":1e999}', _INVALID),
    _one("integer of 5,000 digits", b'{"hs_name":"B","hs_notes":' + b"7" * 5_000 + b"}", "number_too_long"),
    _one("integer of 41 digits", b'{"hs_name":"B","hs_notes":' + b"7" * 41 + b"}", "number_too_long"),
    _one("fraction of 500 digits", b'{"hs_name":"B","hs_notes":0.' + b"7" * 500 + b"}", "number_too_long"),
    _kept("integer of 40 digits, kept to the last", b'{"hs_name":"B","hs_notes":' + b"7" * 40 + b"}"),
    _one("lone high surrogate", b'{"hs_name":"B\\ud800"}', _INVALID),
    _one("lone low surrogate as a key", b'{"hs_name":"B","\\udc00":1}', _INVALID),
    _one("surrogates in the wrong order", b'{"hs_name":"\\udc00\\ud800"}', _INVALID),
    _kept("surrogates that are a pair", b'{"hs_name":"B \\ud83c\\udf89"}'),
    _one("surrogate as bytes", b'{"hs_name":"B\xed\xa0\x80"}', "undecodable"),
    _one("100,000 lists in each other", b'{"hs_name":"B","hs_notes":' + b"[" * _DEEP + b"]" * _DEEP + b"}",
         "nested_too_deep"),
    _one("100,000 objects that never close", b'{"a":' * _DEEP, "nested_too_deep"),
    _one("65 levels", b'{"hs_name":"B","hs_notes":' + b"[" * 64 + b"]" * 64 + b"}", "nested_too_deep"),
    _one("list as a value", b'{"hs_name":"B","hs_notes":["x"]}', "not_plain"),
    _one("list instead of an object", b'["hs_name","B"]', _INVALID),
    _one("string instead of an object", b'"B"', _INVALID),
    _one("null instead of an object", b"null", _INVALID),
    _one("empty object", b"{}", "name_missing"),
    _one("comma at the end", b'{"hs_name":"B",}', _INVALID),
    _one("single quotes", b"{'hs_name':'B'}", _INVALID),
    _one("comment", b'{"hs_name":"B"} // two', _INVALID),
    _one("two objects on a line", b'{"hs_name":"B"}{"hs_name":"X"}', _INVALID),
    _one("string that never closes", b'{"hs_name":"B', _INVALID),
    _one("string with a raw control character", b'{"hs_name":"a\x01b"}', _INVALID),
    _one("string with a raw NUL", b'{"hs_name":"a\0b"}', "control_character"),
    _one("string with an escaped NUL", b'{"hs_name":"a\\u0000b"}', "control_character"),
    _one("byte order mark in the middle", b'\xef\xbb\xbf{"hs_name":"B"}', _INVALID),
    Hostile(name="key of no property in a later row", file="c.jsonl", passes=(1,), fails={2: "unknown_column"},
            data=_A + b'\n{"hs_name":"B","__proto__":"x"}', status=SOME_FAILED, reading={"chunk_rows": 1}),
    Hostile(name="key of no property in the first row", file="c.jsonl", data=b'{"hs_name":"B","__proto__":"x"}',
            status=USAGE, says="__proto__"),
    Hostile(name="blank lines alone, as JSON Lines", file="c.jsonl", data=b"\n \n", status=SOURCE,
            says="c.jsonl holds no rows"),
    Hostile(name="lines none of which is an object", file="c.jsonl", data=b'{"hs_name":NaN}\n[]\n', status=SOURCE,
            says="no row of"),
    _one("line of more than 1 MiB of JSON", b'{"hs_name":"' + b"x" * MIB + b'"}', "row_too_long"),
    _one("1 MiB of blanks before an object", b" " * MIB + _A, "row_too_long"),
    _kept("U+2028, U+0085 and \\x1c in strings, which end no line",
          '{"hs_name":"B\u2028b","hs_notes":"\\u001c\u0085"}'.encode()),
)

_ARRAYS: Final = (
    _array("array with a NaN", b'{"hs_name":NaN}', _INVALID),
    _array("array with a key twice", b'{"hs_name":"B","hs_name":"X"}', "duplicate_json_key"),
    _array("array with an element of 2 MiB", b'{"hs_name":"' + b"x" * 2 * MIB + b'"}', "row_too_long"),
    _array("array with an array", b'[{"hs_name":"B"}]', _INVALID),
    _array("array with 100,000 levels", b"[" * _DEEP + b"]" * _DEEP, "nested_too_deep"),
    _array("array with bytes of no encoding", b'{"hs_name":"\xff"}', "undecodable"),
    _array("array with a lone surrogate", b'{"hs_name":"\\udfff"}', _INVALID),
    _broken("array without a comma", b"[" + _A + _C + b"]", "a comma or the end of the array is missing"),
    _broken("array that does not end", b"[" + _A + b",", "", (1,)),
    _broken("array cut inside a string", b"[" + _A + b',{"hs_na', "the source ends inside the array"),
    _broken("array with a comma at its end", b"[" + _A + b",]", "an element of the array is missing"),
    _broken("array and something after it", b"[" + _A + b"] x", "something follows the end of the array"),
    _broken("array with an element that is no JSON", b"[" + _A + b",{'x':1}," + _C + b"]", "the array breaks"),
    _broken("one object over many lines", b'{\n  "results": [' + _A + b"]\n}", "not a list of rows", ()),
    _broken("empty array", b"[]", "c.json holds no rows", ()),
    Hostile(name="100,000 brackets that never close", file="c.json", data=b"[" * _DEEP, status=SOURCE,
            says="the source ends inside the array"),
    Hostile(name="object of no campaign", file="c.json", data=b'{"results":1}', status=USAGE, says="hs_name"),
)
# fmt: on

CASES: Final = (*_LINES, *_ARRAYS)
