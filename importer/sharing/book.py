"""The state that several processes share, as bytes with a check sum. Pure."""

from typing import Any, Final
from zlib import crc32

import orjson

SCHEMA: Final = 1
_SUM: Final = b"\n%08x\n"


class BrokenStateError(ValueError):
    """The bytes are not a whole state."""


class OtherSchemaError(ValueError):
    """The state was written by another version of the importer."""


def packed(state: dict[str, Any]) -> bytes:
    """Return the state as bytes: one line of JSON, one with its check sum."""
    line = orjson.dumps(state)
    return line + _SUM % crc32(line)


def unpacked(data: bytes) -> dict[str, Any]:
    """Return the state that `packed` made into `data`.

    Raises:
        BrokenStateError: it is torn, flipped or something else.
        OtherSchemaError: it is whole, and of another version.
    """
    line, _, _ = data.partition(b"\n")
    if not line or data != line + _SUM % crc32(line):
        raise BrokenStateError
    state: dict[str, Any] = orjson.loads(line)
    if state.get("schema") != SCHEMA:
        raise OtherSchemaError
    return state


def new_state(book: str) -> dict[str, Any]:
    """Return the state that nobody has used yet; `book` is a name that no other one has."""
    return {
        "schema": SCHEMA,
        "book": book,
        "last": None,  # shared time of the latest turn,
        "offset": 0.0,  # which is the store's clock and this,
        "host": None,  # who took that turn,
        "elapsed": 0.0,  # and the monotonic clock there
        "members": {},
        "window": None,
        "anew": None,  # until when nobody sends, since another state may have been lost
    }
