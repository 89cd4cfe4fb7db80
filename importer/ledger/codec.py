r"""One entry ↔ one line of the journal, in a chain of checksums.

A line is one compact JSON object, `{"n":17,"t":"intent",…,"c":"9f3a01bc"}` and a newline: `n` is consecutive
from 0, and `c` is the CRC-32 of the bytes before `,"c":`, started from the previous line's CRC. So a flipped bit,
a lost, a swapped or a doubled line is noticed, by the line where it happens. It detects accidents, not tampering.
This module is pure.
"""

from typing import Any, Final
from zlib import crc32

import orjson

SEED: Final = 0  #: CRC before the first line
_INTEGER_BITS: Final = 63
SEAL_BYTES: Final = len(b',"c":"00000000"}')  #: at the end of a line, before its newline


class BrokenLineError(ValueError):
    """A line that is not what was written there."""


def encode(entry: Any) -> bytes:
    """Return the payload of an entry (or of a parked row): JSON, not yet numbered and sealed.

    A `body` of bytes is JSON already (the request as it is sent) and is embedded as it stands.
    """
    if isinstance(entry, dict) and isinstance(entry.get("body"), bytes):
        entry = entry | {"body": orjson.Fragment(entry["body"])}
    try:
        return orjson.dumps(entry)
    except TypeError:
        return orjson.dumps(_plain(entry))


def _plain(value: Any) -> Any:
    """Return `value` with the numbers that JSON writers cannot hold as text: a source's row may have such."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > _INTEGER_BITS:
        return str(value)
    return value


def seal(payload: bytes, n: int, previous: int) -> tuple[bytes, int]:
    """Return the line of `payload` as entry number `n` after a line with CRC `previous`, and its own CRC."""
    assert payload[:1] == b"{"
    assert payload[-1:] == b"}"
    head = b'{"n":%d,%b' % (n, payload[1:-1])
    crc = crc32(head, previous)
    return b'%b,"c":"%08x"}\n' % (head, crc), crc


def unseal_line(line: bytes, n: int, previous: int) -> tuple[dict[str, Any], int]:
    """Return the entry of a line (with its newline) and its CRC.

    Raises:
        BrokenLineError: the line is not entry number `n` written after a line with CRC `previous`.
    """
    if not line.endswith(b"\n"):
        raise BrokenLineError("the line has no end")
    line = line[:-1]
    head, tail = line[:-SEAL_BYTES], line[-SEAL_BYTES:]
    crc = crc32(head, previous)
    if tail != b',"c":"%08x"}' % crc:
        raise BrokenLineError("the checksum does not fit")
    try:
        entry = orjson.loads(line)
    except ValueError as error:
        raise BrokenLineError("the line is not JSON") from error
    if not isinstance(entry, dict) or entry.get("n") != n:
        raise BrokenLineError("the number does not fit")
    return entry, crc


def crc_of(line: bytes) -> int:
    """Return the CRC that a line (with its newline), or the end of one, is sealed with.

    Raises:
        BrokenLineError: there is no seal.
    """
    try:
        return int(line[-11:-3], 16)
    except ValueError as error:
        raise BrokenLineError("the line before it has no seal") from error


def looks_whole(line: bytes) -> bool:
    """Return whether a line by itself looks like an entry: JSON with a number and a seal (the chain unchecked)."""
    if len(line) <= SEAL_BYTES or not line.startswith(b'{"n":') or not line[-SEAL_BYTES:].startswith(b',"c":"'):
        return False
    try:
        return isinstance(orjson.loads(line), dict)
    except ValueError:
        return False
