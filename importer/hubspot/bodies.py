"""The body of an answer, held to a size that memory can bear, however it was compressed on the way."""

import zlib
from collections.abc import AsyncIterable
from typing import Final

_ANY_ZLIB: Final = 32 + zlib.MAX_WBITS  # gzip or zlib, told by its first bytes


async def read_capped(chunks: AsyncIterable[bytes], bytes_max: int) -> bytes | None:
    """Return the chunks as one body; None as soon as it is too long. Cancellation: what was read is gone."""
    taken: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > bytes_max:
            return None
        taken.append(chunk)
    return b"".join(taken)


def decompressed(body: bytes | None, encoding: str | None, bytes_max: int) -> bytes | None:
    """Return `body` as it was before somebody on the way compressed it unasked; None when that is too long.

    What cannot be decompressed stays as it is, and so is no JSON to whoever reads it.
    """
    if body is None or encoding is None or encoding.lower() not in {"gzip", "x-gzip", "deflate"}:
        return body
    try:
        plain = zlib.decompressobj(_ANY_ZLIB).decompress(body, bytes_max + 1)
    except zlib.error:
        return body
    return plain if len(plain) <= bytes_max else None
