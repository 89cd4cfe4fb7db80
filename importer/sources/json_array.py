"""A JSON array → rows, element by element, in bounded memory.

The array is cut into the bytes of its elements, which are then read like JSON lines, so both formats refuse the same
things for the same reasons. (A streaming parser would replace lone surrogates silently, give up the whole file for a
NaN, and hold an element of any size.) An element that is not JSON at all ends the reading, since nothing separates it
safely from what follows.
"""

import re
from collections.abc import Iterator
from typing import Final

from importer.errors import SourceError
from importer.model import Problem, Rejection, Row
from importer.sources.gathering import Gathering
from importer.sources.json_values import Limits, Malformed, load_object
from importer.sources.policy import KIB

_FLAT: Final = re.compile(rb'\{(?:[^"{}\[\]]*+"[^"\\]*+(?:\\.[^"\\]*+)*+")*+[^"{}\[\]]*+\}', re.DOTALL)
_IN_STRING: Final = re.compile(rb'["\\]')
_OUTSIDE: Final = re.compile(rb'["\[\]{}]')
_SCALAR_END: Final = re.compile(rb'[ \t\r\n,"\[\]{}]')
_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_REFILL_BYTES: Final = 64 * KIB  #: at least this much is added to the buffer at once
_PREFIX_BYTES: Final = 2048  #: kept of an element that is too long


class JsonArrayReader:
    """Reads the elements of one JSON array. They have no line numbers."""

    def __init__(self, blocks: Iterator[bytes], gathering: Gathering, *, start: int) -> None:
        """Take the source's bytes, whose first one stands at offset `start`, and the place for rows."""
        self._blocks = blocks
        self._gathering = gathering
        self._buffer = b""
        self._start = start  # offset of the buffer's first byte
        self._at = 0  # place in the buffer
        self.columns: tuple[str, ...] | None = None

    def chunks(self) -> Iterator[list[Row | Rejection]]:
        """Yield full chunks; what is left stays in the gathering. Raises `SourceError`, rows before it stand."""
        gathering = self._gathering
        policy = gathering.policy
        limits = Limits(policy.digits_max, policy.nesting_max)
        if self._next_byte() != b"[":
            self._fail("the source is not a JSON array", hint="Wrap the rows in [ ], or write one object a line.")
        self._at += 1
        first, until = True, 0
        while self._another(first=first):
            first = False
            offset = self._start + self._at
            until = until or offset + policy.chunk_bytes
            raw = self._element()
            if isinstance(raw, Problem):
                gathering.reject_raw(None, offset, self._prefix, raw)
            else:
                self._row(raw, offset, limits)
            if len(gathering.rows) >= policy.chunk_rows or self._start + self._at >= until:
                yield gathering.take()
                until = 0
        if self._next_byte():
            self._fail("something follows the end of the array")

    def _row(self, raw: bytes, offset: int, limits: Limits) -> None:
        found = load_object(raw, limits)
        gathering = self._gathering
        if isinstance(found, Malformed):
            self._at -= len(raw) - found.at
            self._fail(f"the array breaks: {found.reason}")
        elif isinstance(found, dict):
            gathering.accept(None, offset, found)
        elif found[0].code == "undecodable":
            gathering.reject_raw(None, offset, raw, gathering.undecodable(raw, offset))
        else:
            gathering.reject_raw(None, offset, raw, *found)

    def _another(self, *, first: bool) -> bool:
        """Go to the next element; tell whether there is one."""
        byte = self._next_byte()
        if byte == b"]":
            self._at += 1
            return False
        if not first:
            if byte != b",":
                self._fail("a comma or the end of the array is missing")
            self._at += 1
            byte = self._next_byte()
        if byte in (b"", b",", b"]", b"}"):
            self._fail("an element of the array is missing")
        return True

    def _element(self) -> bytes | Problem:
        """Return the bytes of the element that begins here, and go behind it; a problem when it is too long."""
        cap = self._gathering.policy.row_bytes_max
        begin = self._at
        flat = _FLAT.match(self._buffer, begin)
        if flat is not None and flat.end() - begin <= cap:
            self._at = flat.end()
            return flat[0]
        scan = _ElementEnd(self._buffer[begin : begin + 1])
        length, self._prefix = 0, b""
        while True:
            stop, ended = scan.find(self._buffer, self._at)
            length += stop - self._at
            self._at = stop
            if ended:
                break
            if length > cap:
                self._prefix = self._prefix or self._buffer[begin : begin + min(_PREFIX_BYTES, cap)]
                begin = self._at
            begin -= self._refill(keep=begin)
        if length > cap:
            self._prefix = self._prefix or self._buffer[begin : begin + min(_PREFIX_BYTES, cap)]
            return self._gathering.too_long(length)
        return self._buffer[begin : self._at]

    def _next_byte(self) -> bytes:
        """Pass over white space; return the byte there, empty at the end of the source."""
        while True:
            space = _SPACE.match(self._buffer, self._at)
            self._at = space.end() if space is not None else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at : self._at + 1]
            if not self._read_more(keep=self._at):
                return b""

    def _refill(self, *, keep: int) -> int:
        """Add to the buffer, dropping what lies before `keep`; return how far places moved. Raises at the end."""
        if not self._read_more(keep=keep):
            self._at = len(self._buffer)
            self._fail("the source ends inside the array", hint="Fetch the file again; the rows before it stand.")
        return keep

    def _read_more(self, *, keep: int) -> bool:
        pieces = [self._buffer[keep:]]
        added = 0
        while added < _REFILL_BYTES and (block := next(self._blocks, b"")):
            pieces.append(block)
            added += len(block)
        if added:
            self._buffer = b"".join(pieces)
            self._start += keep
            self._at -= keep
        return added > 0

    def _fail(self, reason: str, hint: str = "Mend the file there; the rows before it stand.") -> None:
        at = self._start + self._at
        where = f"byte offset {at:,}" if self._gathering.exact else f"byte offset {at:,} of its UTF-8 form"
        raise SourceError(f"{self._gathering.name}, {where}: {reason}", hint=hint)


class _ElementEnd:
    """Finds where an element ends; can be fed piece by piece."""

    def __init__(self, first: bytes) -> None:
        self._nested = first in (b"{", b"[", b'"')
        self._depth = 0
        self._in_string = False

    def find(self, buffer: bytes, at: int) -> tuple[int, bool]:
        """Return the place up to which `buffer` was looked at from `at`, and whether the element ends there."""
        if not self._nested:
            found = _SCALAR_END.search(buffer, at)
            return (found.start(), True) if found else (len(buffer), False)
        while True:
            token = (_IN_STRING if self._in_string else _OUTSIDE).search(buffer, at)
            if token is None:
                return len(buffer), False
            byte, end = token[0], token.end()
            if byte == b"\\":
                if end == len(buffer):
                    return token.start(), False
                at = end + 1
                continue
            at = end
            if byte == b'"':
                self._in_string = not self._in_string
            else:
                self._depth += 1 if byte in b"{[" else -1
            if self._depth == 0 and not self._in_string:
                return at, True
