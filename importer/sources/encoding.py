"""Blocks in any encoding → blocks of UTF-8, byte order mark stripped.

UTF-8 passes as it is, so offsets hold and each row is decoded alone. Everything else is turned into UTF-8 on the fly;
bytes that do not decode become lone surrogates, which are not valid UTF-8 either, so that the row they stand in is
refused by the same check.
"""

import codecs
from collections.abc import Iterator
from itertools import chain
from typing import Final, NamedTuple

from importer.errors import SourceError, UsageError

_MARKS: Final = (  # the longer ones first: UTF-16's mark begins UTF-32's
    (codecs.BOM_UTF32_LE, ("utf-32", "utf-32-le")),
    (codecs.BOM_UTF32_BE, ("utf-32", "utf-32-be")),
    (codecs.BOM_UTF8, ("utf-8",)),
    (codecs.BOM_UTF16_LE, ("utf-16", "utf-16-le")),
    (codecs.BOM_UTF16_BE, ("utf-16", "utf-16-be")),
)
_NOT_FOR_FILES: Final = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "charmap", "undefined"})
_SURROGATES: Final = 0xDC00


class Utf8Blocks(NamedTuple):
    """A stream of UTF-8."""

    blocks: Iterator[bytes]
    start: int  #: offset of the first byte of `blocks` in the source
    exact: bool  #: whether offsets in `blocks` are offsets in the source


def _mark_bytes(error: UnicodeError) -> tuple[str, int]:
    """Stand for undecodable bytes by one lone surrogate each (a codecs error handler)."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(_SURROGATES + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("importer-mark", _mark_bytes)


def canonical_encoding(name: str) -> str:
    """Return Python's name of an encoding; raise `UsageError` for one that files are not written in."""
    try:
        found = codecs.lookup(name).name
        sound = 'a,"\n'.encode(found).decode(found) == 'a,"\n'
    except (LookupError, ValueError) as error:
        raise UsageError(f"unknown encoding {name!r}", hint="Name one such as utf-8, cp1252 or utf-16.") from error
    if not sound or found in _NOT_FOR_FILES:
        raise UsageError(f"{name!r} is no encoding of files", hint="Name one such as utf-8, cp1252 or utf-16.")
    return "utf-8" if found == "utf-8-sig" else found


def utf8_blocks(blocks: Iterator[bytes], head: bytes, *, encoding: str, name: str) -> Utf8Blocks:
    """Return `blocks` as UTF-8. `head` is how they begin (4 bytes suffice), `encoding` a canonical name.

    A mark of UTF-8 counts more than `encoding`: spreadsheets write it, and files of failed rows, whatever it was.

    Raises `SourceError` when another byte order mark contradicts the encoding.
    """
    if head.startswith(codecs.BOM_UTF8):
        encoding = "utf-8"
    mark, meant = next(((mark, meant) for mark, meant in _MARKS if head.startswith(mark)), (b"", (encoding,)))
    if encoding not in meant:
        raise SourceError(
            f"{name} begins with the byte order mark of {meant[-1].upper()} but is read as {encoding.upper()}",
            hint=f"Name its encoding with --encoding {meant[0]}.",
        )
    if encoding != "utf-8":
        return Utf8Blocks(_without_mark(_transcoded(blocks, encoding, name)), 0, exact=False)
    return Utf8Blocks(_without_mark(blocks), len(mark), exact=True)


def _transcoded(blocks: Iterator[bytes], encoding: str, name: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="importer-mark")
    for block in chain(blocks, (b"",)):
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeError as error:  # what no error handler can mend, such as UTF-32 without its mark
            raise SourceError(
                f"{name} is not {encoding.upper()} text: {error}",
                hint="Name the right encoding with --encoding; without a byte order mark, say utf-16-le or utf-16-be.",
            ) from error
        if text:
            yield text.encode("utf-8", "surrogatepass")


def _without_mark(blocks: Iterator[bytes]) -> Iterator[bytes]:
    head = b""
    for block in blocks:
        head += block
        if len(head) >= len(codecs.BOM_UTF8):
            break
    if head := head.removeprefix(codecs.BOM_UTF8):
        yield head
    yield from blocks


def escaped(raw: bytes, bytes_max: int = 2048) -> str:
    r"""Return the first `bytes_max` bytes as text, what is not UTF-8 backslash-escaped (`caf\xe9`)."""
    return raw[:bytes_max].decode("utf-8", "backslashreplace")


def is_utf8(raw: bytes) -> bool:
    """Tell whether `raw` is valid UTF-8 (lone surrogates are not)."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
