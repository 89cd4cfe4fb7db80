"""Damage to a journal of 200 lines: every bit flipped, every length cut to, every line lost, swapped, doubled.

    python -m tests.disks.bit_flips

Noticed means that reading stops before the damage or refuses. Harmless means that only the end is missing, as after a
kill, and what is left is a prefix of what was written. Exit status 1 if anything else comes out.
"""

import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from importer.errors import LedgerError
from importer.ledger import codec
from importer.ledger.replay import JOURNAL, Replay
from tests.ledger.conftest import header, intent, made, outcome, run, sealed


def journal(lines: int) -> list[bytes]:
    """Return a sound journal."""
    entries = [header(), run()]
    while len(entries) < lines:
        n = len(entries)
        entries += [intent(n, n + 1), outcome(n, created=made(0, 1, first_id=1_000 * n))]
    return sealed(entries[:lines])


def unnoticed_bits(lines: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Yield each bit of each line (its newline aside) that can be flipped without the line being refused."""
    crc = codec.SEED
    for n, line in enumerate(lines):
        for bit in range(8 * (len(line) - 1)):
            flipped = bytearray(line)
            flipped[bit // 8] ^= 1 << bit % 8
            try:
                codec.unseal_line(bytes(flipped), n, crc)
            except codec.BrokenLineError:
                continue
            yield n, bit
        _, crc = codec.unseal_line(line, n, crc)


def outcome_of(folder: Path, data: bytes, sound: Sequence[bytes]) -> str:
    """Return what reading damaged data comes to: refused, a prefix (with a torn tail, or without), or wrong."""
    path = folder / JOURNAL
    path.write_bytes(data)
    replay = Replay(path)
    try:
        steps = sum(1 for _ in replay.steps())
    except LedgerError:
        return "refused"
    if b"".join(sound[:steps]) + replay.torn != data:
        return "wrong"
    return "prefix, torn tail" if replay.torn else "prefix"


def damaged(lines: Sequence[bytes], rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield damaged journals: kind, and bytes."""
    whole = b"".join(lines)
    for size in range(len(whole)):
        yield "cut", whole[:size]
    ends = [len(b"".join(lines[: n + 1])) - 1 for n in range(len(lines))]
    for end in ends:
        for bit in range(8):
            yield "newline flipped", whole[:end] + bytes([10 ^ 1 << bit]) + whole[end + 1 :]
    for n in range(len(lines)):
        yield "line lost", b"".join([*lines[:n], *lines[n + 1 :]])
        yield "line doubled", b"".join([*lines[: n + 1], *lines[n:]])
        other = rng.choice([at for at in range(len(lines)) if at != n])
        swapped = list(lines)
        swapped[n], swapped[other] = swapped[other], swapped[n]
        yield "lines swapped", b"".join(swapped)


def harmless(kind: str, came_to: str) -> bool:
    """Tell whether damage of a kind may come to this: a cut may only cost the end, the rest must be noticed."""
    if kind in {"cut", "line lost"}:  # the last line lost is a cut
        return came_to != "wrong"
    return came_to in {"refused", "prefix, torn tail"}


def main(lines: int = 200) -> int:
    """Damage everything, print the table, return the exit status."""
    sound = journal(lines)
    missed = list(unnoticed_bits(sound))
    bits = sum(8 * (len(line) - 1) for line in sound)
    print(f"{'bits flipped':<40} {bits:>9,}")  # noqa: T201 - its output
    counts, wrong = Counter[tuple[str, str]](), [f"bit {bit} of line {n}" for n, bit in missed]
    with tempfile.TemporaryDirectory() as name:
        for kind, data in damaged(sound, random.Random(1)):
            came_to = outcome_of(Path(name), data, sound)
            counts[kind, came_to] += 1
            if not harmless(kind, came_to):
                wrong.append(f"{kind}: {came_to}")
    for (kind, came_to), count in sorted(counts.items()):
        print(f"{kind + ': ' + came_to:<40} {count:>9,}")  # noqa: T201 - its output
    print(f"{'not noticed':<40} {len(wrong):>9,}", *wrong[:10], sep="\n")  # noqa: T201 - its output
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
