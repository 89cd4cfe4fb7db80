"""Compressed or plain bytes → blocks of plain bytes, with caps. Told by magic bytes, whatever the name says."""

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Protocol

from importer.errors import SourceError
from importer.sources.opening import READ_BYTES, RawInput
from importer.sources.policy import MIB, ReadPolicy

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC_BYTES: Final = 10  #: enough to tell every compression
_XZ_MEMORY_BYTES: Final = 128 * MIB  # xz -9 needs 65 MiB; a forged header may ask for 4 GiB


class _Decoder(Protocol):
    """What bz2, lzma and zstd have in common; `_Gzip` makes zlib look like them."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """One gzip member, its CRC and length checked by zlib."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        made = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        # A full output may leave more inside zlib, even with all input taken.
        self.needs_input = not self._inner.unconsumed_tail and len(made) < max_length
        return made


class _Codec(NamedTuple):
    name: str
    begins: Callable[[bytes], bool]  #: tells whether bytes are the beginning of a member
    open: Callable[[], _Decoder]


def _is_bz2(head: bytes) -> bool:
    # "BZh9" alone could be text; the block's (or the end's) magic number follows it.
    return head[:3] == b"BZh" and head[3:4] in b"123456789" and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90")


def _is_zstd(head: bytes) -> bool:
    skippable = head[1:4] == b"\x2a\x4d\x18" and head[:1] in b"PQRSTUVWXYZ[\\]^_"
    return head[:4] == b"\x28\xb5\x2f\xfd" or skippable


_CODECS: Final = (
    _Codec("gzip", lambda head: head[:3] == b"\x1f\x8b\x08", _Gzip),
    _Codec("bz2", _is_bz2, bz2.BZ2Decompressor),
    _Codec("xz", lambda head: head[:6] == b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES)),
    _Codec("zstd", _is_zstd, zstd.ZstdDecompressor),
)


def plain_blocks(raw: RawInput, policy: ReadPolicy) -> Iterator[bytes]:
    """Yield the decompressed bytes of `raw` in blocks of at most 128 KiB.

    Raises `SourceError` after the last good block when the stream is truncated, damaged, followed by something else,
    or larger than the caps.
    """
    head = _at_least(raw, b"", MAGIC_BYTES)
    codec = next((codec for codec in _CODECS if codec.begins(head)), None)
    made = 0
    for block in _plain(raw, head) if codec is None else _members(raw, codec, head):
        made += len(block)
        if policy.bytes_max is not None and made > policy.bytes_max:
            raise SourceError(
                f"{raw.name} holds more than the permitted {policy.bytes_max:,} bytes", hint="Raise --max-bytes."
            )
        if made > policy.ratio_free_bytes and made > policy.ratio_max * raw.bytes_read:
            raise SourceError(
                f"{raw.name} unpacks to more than {policy.ratio_max} times its size, as an archive bomb does",
                hint="If it is sound, unpack it first and name the plain file.",
            )
        yield block


def _plain(raw: RawInput, head: bytes) -> Iterator[bytes]:
    block = head
    while block:
        yield block
        block = raw.read()


def _members(raw: RawInput, codec: _Codec, data: bytes) -> Iterator[bytes]:
    decoder = codec.open()
    while True:
        try:
            made = decoder.decompress(data, READ_BYTES)
        except (zlib.error, lzma.LZMAError, zstd.ZstdError, OSError, EOFError, ValueError) as error:
            raise SourceError(
                f"{raw.name} is damaged: its {codec.name} data breaks before byte {raw.bytes_read} ({error})",
                hint="Fetch the file again; the rows before the damage stand.",
            ) from error
        data = b""
        if made:
            yield made
        if decoder.eof:
            data = _next_member(raw, codec, decoder.unused_data)
            if not data:
                return
            decoder = codec.open()
        elif decoder.needs_input:
            data = raw.read()
            if not data:
                raise SourceError(
                    f"{raw.name} is truncated: its {codec.name} data stops at byte {raw.bytes_read}, without its end",
                    hint="Fetch the file again; the rows before the break stand.",
                )


def _next_member(raw: RawInput, codec: _Codec, rest: bytes) -> bytes:
    """Return the beginning of the member that follows, empty at the end; padding with zeros is passed over."""
    rest = rest.lstrip(b"\0")
    while not rest and (data := raw.read()):
        rest = data.lstrip(b"\0")
    if not rest:
        return b""
    rest = _at_least(raw, rest, MAGIC_BYTES)
    if not codec.begins(rest):
        raise SourceError(
            f"{raw.name} has garbage after the end of its {codec.name} data, before byte {raw.bytes_read}",
            hint="Fetch the file again; the rows before it stand.",
        )
    return rest


def _at_least(raw: RawInput, data: bytes, count: int) -> bytes:
    while len(data) < count and (more := raw.read()):
        data += more
    return data
