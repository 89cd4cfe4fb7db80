"""Bytes changed at random: what a fuzzing loop feeds its targets."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

BYTES_MAX: Final = 2_000  #: of one input: small ones are quick, and of a broken row as much is shown, so all of it

#: Pieces which mean something to one of the formats.
TOKENS: Final[tuple[bytes, ...]] = (
    *(b'"', b'""', b",", b";", b"\t", b"|", b"\n", b"\r\n", b"\r", b"\n\n", b'"\n', b'",', b',"', b"\0", b" ", b"'="),
    *(b"{", b"}", b"[", b"]", b":", b"{}", b"[]", b"\\", b'\\"', b"\\u0000", b"\\ud800", b"\\udc00", b"null"),
    *(b"NaN", b"-Infinity", b"1e999", b"-0", b"0.1", b"9" * 41, b"[" * 70, b'{"a":', b'"hs_name":', b'"hs_name"'),
    *(b"\xff", b"\xc3", b"\xc3\xa9", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf0\x9f\x8e\x89", b"\xef\xbb\xbf"),
    *(b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\x1c", b"\xc2\x85", b"\xe2\x80\xa8", b"\x1b[2J", b"true"),
    *(b"\x1f\x8b\x08", b"BZh9", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"%Y", b"\xd9\xa3", b"-1", b"x" * 300),
    *(b"2026-02-30", b"0000-00-00", b"Jun 01, 2023 09:46 pm", b"18446744073709551616", b'"results":', b'"errors":'),
    *(b'"id":"', b'"numErrors":', b'"status":"COMPLETE"', b'"properties":{', b'"context":', b'{"n":', b',"c":"', b"//"),
    *(b"Mon, 31 Dec 9999 23:59:59 -2359", b"Thu, 01 Jan 1970 00:00:00 GMT", b"3600", b"{Title}", b"[[", b"}}"),
)  # fmt: skip


def _flip(data: bytearray, rng: Random) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _replace(data: bytearray, rng: Random) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.randrange(256)


def _insert(data: bytearray, rng: Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.choice(TOKENS)


def _overwrite(data: bytearray, rng: Random) -> None:
    at = rng.randrange(len(data) + 1)
    token = rng.choice(TOKENS)
    data[at : at + len(token)] = token


def _delete(data: bytearray, rng: Random) -> None:
    at, length = _stretch(data, rng)
    del data[at : at + length]


def _double(data: bytearray, rng: Random) -> None:
    at, length = _stretch(data, rng)
    data[at:at] = data[at : at + length]


def _move(data: bytearray, rng: Random) -> None:
    at, length = _stretch(data, rng)
    piece = data[at : at + length]
    del data[at : at + length]
    to = rng.randrange(len(data) + 1)
    data[to:to] = piece


def _cut(data: bytearray, rng: Random) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _repeat(data: bytearray, rng: Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.choice(TOKENS) * rng.randrange(2, 64)


def _stretch(data: bytearray, rng: Random) -> tuple[int, int]:
    """Return the place and length of a stretch; mostly a short one, now and then a long one."""
    at = rng.randrange(len(data) + 1)
    return at, rng.randrange(1, 9) if rng.random() < 0.7 else rng.randrange(1, len(data) + 2)


_CHANGES: Final[tuple[Callable[[bytearray, Random], None], ...]] = (
    *(_flip, _replace, _insert, _insert, _overwrite, _overwrite, _delete, _double, _move, _cut, _repeat),
)


def mutated(seeds: Sequence[bytes], rng: Random) -> bytes:
    """Return one of `seeds`, changed in one to five places; in one case of eight, two of them spliced."""
    data = bytearray(rng.choice(seeds))
    if rng.random() < 0.125:
        other = rng.choice(seeds)
        data[rng.randrange(len(data) + 1) :] = other[rng.randrange(len(other) + 1) :]
    rng.choice(_CHANGES)(data, rng)
    while rng.random() < 0.5 and len(data) < BYTES_MAX:
        rng.choice(_CHANGES)(data, rng)
    return bytes(data[:BYTES_MAX])
