"""The bytes of one JSON object → a dict, exactly, or what is wrong with them. Pure.

orjson does the work. It is checked where it is silent: it keeps the last of two equal keys, and it turns integers
beyond 64 bits into floats. Whatever may be affected is read again by the standard library with hooks; the tests for
that are cheap and never miss, they only raise false alarms.
"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

import orjson

from importer.model import Problem
from importer.sources.encoding import escaped, is_utf8

_PLAIN: Final = frozenset({str, int, bool, type(None)})
_INT64_END: Final = float(2**63)
_LONG_NUMBER: Final = re.compile(rb":[ \t\r\n]*-?[0-9.eE+-]{30}")
_SPACED_COLON: Final = re.compile(rb"[ \t\r\n]:")
_TOKENS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)
_FLOAT_DIGITS: Final = 30  #: longer numbers are looked at; no shorter one can exceed a cap that makes sense


class Limits(NamedTuple):
    """What is permitted of one object."""

    digits_max: int = 40  #: digits of a number
    nesting_max: int = 64  #: depth, the object itself counted


class Malformed(NamedTuple):
    """The bytes are not JSON at all: what follows them cannot be trusted either, where no line end separates."""

    at: int  #: byte at which it breaks
    reason: str
    undecodable: bool  #: whether they are not UTF-8 either


Loaded = dict[str, Any] | tuple[Problem, ...] | Malformed


def load_object(raw: bytes, limits: Limits) -> Loaded:
    """Return the object in `raw`, the problems of a broken one, or where it stops being JSON.

    Values come out as str, int, float, bool, None, list and dict; integers keep all their digits.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return _Examination(raw, limits).result(refusal=error)
    if type(value) is not dict:
        return _Examination(raw, limits).result()
    colons = raw.count(b":")
    if colons != len(value) and not (raw.count(b'":') == len(value) and not _SPACED_COLON.search(raw)):
        return _Examination(raw, limits).result()
    if b"\\u0000" in raw or not (_PLAIN.issuperset(map(type, value.values())) or _floats_are_sound(raw, value)):
        return _Examination(raw, limits).result()
    return value


def load_flat(lines: Sequence[bytes]) -> list[dict[str, Any]] | None:
    """Return the object of each line, all read at once, where `load_object` would find nothing odd about any of them.

    None where one of them is blank or broken, holds a list or an object, or asks for another look.
    """
    raw = b",".join(lines)
    if not all(line.startswith(b"{") and line.endswith((b"}", b"}\r")) for line in lines) or b"\\u0000" in raw:
        return None
    try:
        values: list[Any] = orjson.loads(b"[%b]" % raw)
    except orjson.JSONDecodeError:
        return None
    # A brace that closes an object closes the whole of it if none is nested, so one object a line is just that.
    if len(values) != len(lines) or {*map(type, values)} != {dict}:
        return None
    names = sum(map(len, values))
    # One byte is found many times quicker than two.
    spaced = b" :" in raw or (b"\t" in raw and b"\t:" in raw) or (b"\r" in raw and b"\r:" in raw)
    if raw.count(b":") != names and (spaced or raw.count(b'":') != names):
        return None  # a name may occur twice in one object
    types = {*map(type, chain.from_iterable(map(dict.values, values)))}
    if types <= _PLAIN:
        return values
    sound = types <= {*_PLAIN, float} and all(_floats_are_sound(b"", value) for value in values)
    return values if sound and _LONG_NUMBER.search(raw) is None else None


def _floats_are_sound(raw: bytes, value: dict[str, Any]) -> bool:
    """Tell whether a flat object's floats are what the text says, and short."""
    for cell in value.values():
        if type(cell) is float:
            if abs(cell) >= _INT64_END:
                return False
        elif type(cell) not in _PLAIN:
            return False
    return _LONG_NUMBER.search(raw) is None


class _Examination:
    """The slow and exact reading, which collects problems instead of stopping at the first."""

    def __init__(self, raw: bytes, limits: Limits) -> None:
        self._raw = raw
        self._limits = limits
        self._problems: dict[Problem, None] = {}  # each once, in order

    def result(self, refusal: orjson.JSONDecodeError | None = None) -> Loaded:
        """Return the verdict; `refusal` is orjson's, used when nothing else explains it."""
        text = self._raw.decode(errors="surrogateescape")
        if not is_utf8(self._raw):
            self._note("undecodable", "the row is not valid UTF-8")
        deepest = self._depth()
        if deepest > self._limits.nesting_max:
            return (Problem("nested_too_deep", f"lists and objects are nested {deepest} deep"),)
        try:
            value = json.loads(
                text,
                object_pairs_hook=self._object,
                parse_int=self._int,
                parse_float=self._float,
                parse_constant=self._constant,
                strict=False,
            )
        except json.JSONDecodeError as error:
            at = len(text[: error.pos].encode(errors="surrogateescape"))
            return Malformed(at, error.msg, undecodable=not is_utf8(self._raw))
        if not self._problems:
            self._check_texts(value)
        if not isinstance(value, dict):
            self._note("invalid_json", f"the row is {_kind(value)}, not an object")
        if refusal is not None and not self._problems:
            self._note("invalid_json", refusal.msg)
        return tuple(self._problems) or value

    def _note(self, code: str, message: str, column: str | None = None) -> None:
        self._problems.setdefault(Problem(code, message, column))

    def _depth(self) -> int:
        depth = deepest = 0
        for token in _TOKENS.finditer(self._raw):
            byte = token[0][:1]
            if byte in b"{[":
                depth += 1
                deepest = max(deepest, depth)
            elif byte in b"}]":
                depth -= 1
        return deepest

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    self._note("duplicate_json_key", f"the key {_shown(key)} occurs twice in one object", _sound(key))
                seen.add(key)
        return made

    def _int(self, text: str) -> int:
        return int(text) if self._is_short(text) else 0

    def _float(self, text: str) -> float:
        if not self._is_short(text):
            return 0.0
        value = float(text)
        if abs(value) == float("inf"):
            self._note("invalid_json", f"the number {_shown(text)} is too large")
        return value

    def _is_short(self, text: str) -> bool:
        digits = sum(map(str.isdigit, text))
        if digits > self._limits.digits_max:
            self._note("number_too_long", f"the number {text[:20]}… has {digits} digits")
            return False
        return True

    def _constant(self, text: str) -> None:
        self._note("invalid_json", f"{text} is not JSON")

    def _check_texts(self, value: Any) -> None:
        for text in _texts(value):
            if "\0" in text:
                self._note("control_character", "the row holds a NUL character")
            if _sound(text) is None:
                self._note("invalid_json", f"{_shown(text)} holds a lone surrogate, which is no character")


def _texts(value: Any) -> Iterator[str]:
    """Yield every key and string in `value`."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _sound(text: str) -> str | None:
    """Return `text` if it can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return text


def _shown(text: str) -> str:
    """Return `text` quoted, shortened, and safe to write."""
    short = text if len(text) <= 40 else text[:40] + "…"
    return escaped(f'"{short}"'.encode("utf-8", "backslashreplace"))


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
