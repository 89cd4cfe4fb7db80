"""Giant sources, made on the fly and piped into `importer check`: how much memory the process needs at most.

    python -m tests.hostile.giants --gigabytes 10

A table of that size, one line, one quoted cell and one JSON element of that size, a gzip that unpacks to that size at
150:1, which is permitted and read to its end, and one at 1,000:1, which is stopped as a bomb. Nothing of it is ever on
a disk or whole in memory. The importer is a child process; its peak is what Linux says of it (VmHWM: the peak that a
parent is told of a child may be the parent's own). The exit status is 1 when a child needs more than permitted, or ends
otherwise than it must.
"""

import argparse
import base64
import os
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

RSS_MIB_MAX: Final = 150
IMPORTER: Final = "from importer.__main__ import main; main()"
_MEASURED: Final = """
import sys
try:
    exec({program!r})
finally:
    with open("/proc/self/status") as status:
        sys.stderr.write(next(line for line in status if line.startswith("VmHWM:")))
"""
_ROOT: Final = Path(__file__).resolve().parents[2]
_MB: Final = 1_000_000
_BLOCK: Final = b"x" * _MB
_NOTE: Final = b"y" * 1_981  #: makes a row of the table 2,000 bytes
_HEAD: Final = b"hs_name,hs_notes\nA,1\n"
_TAIL: Final = b"\nB,2\n"


@dataclass(frozen=True, slots=True)
class Giant:
    """One giant and what must become of it."""

    name: str
    form: str  #: option `--format` of the importer
    make: Callable[[int], Iterator[bytes]]  #: takes megabytes
    status: int
    says: str


@dataclass(frozen=True, slots=True)
class Told:
    """What one child did."""

    sent: int  #: bytes it took
    seconds: float
    rss_mib: int  #: peak
    status: int
    out: str


def _rows(megabytes: int) -> Iterator[bytes]:
    yield _HEAD
    number = 0
    for _ in range(megabytes):
        yield b"".join(b"Campaign %09d,%s\n" % (n, _NOTE) for n in range(number, number + 500))
        number += 500


def _line(megabytes: int) -> Iterator[bytes]:
    yield _HEAD
    for _ in range(megabytes):
        yield _BLOCK
    yield _TAIL


def _quoted(megabytes: int) -> Iterator[bytes]:
    yield _HEAD + b'C,"'
    for _ in range(megabytes):
        yield _BLOCK
    yield b'"' + _TAIL


def _element(megabytes: int) -> Iterator[bytes]:
    yield b'[{"hs_name":"A"},{"hs_name":"'
    for _ in range(megabytes):
        yield _BLOCK
    yield b'"},{"hs_name":"B"}]'


def _bomb(megabytes: int) -> Iterator[bytes]:
    return _gzip(_line(megabytes))


def _packed(megabytes: int) -> Iterator[bytes]:
    """Yield gzip of a line in which six bytes of a thousand cannot be packed."""
    noise = base64.b64encode(Random(1).randbytes(6_000))
    line = [_HEAD, *[noise + _BLOCK[len(noise) :]] * megabytes, _TAIL]
    return _gzip(line)


def _gzip(blocks: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(9, wbits=31)
    for block in blocks:
        if made := packer.compress(block):
            yield made
    yield packer.flush()


GIANTS: Final = (
    Giant("table", "csv", _rows, 0, "0 failed"),
    Giant("one line", "csv", _line, 1, "row_too_long"),
    Giant("one quoted cell", "csv", _quoted, 1, "row_too_long"),
    Giant("one JSON element", "json", _element, 1, "row_too_long"),
    Giant("gzip of 150:1", "csv", _packed, 1, "row_too_long"),
    Giant("gzip of 1,000:1", "csv", _bomb, 3, "archive bomb"),
)


def feed(giant: Giant, megabytes: int, program: str = IMPORTER) -> Told:
    """Pipe a giant into a child that runs `program`; return what came of it."""
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    measured = _MEASURED.format(program=program)
    command = [sys.executable, "-c", measured, "check", "-", "--format", giant.form]
    began, sent = time.monotonic(), 0
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        with suppress(BrokenPipeError):  # it need not read what it refuses
            for block in giant.make(megabytes):
                child.stdin.write(block)
                sent += len(block)
            child.stdin.flush()
        with suppress(BrokenPipeError):
            child.stdin.close()
        out = child.stdout.read().decode()
    peak = re.search(r"VmHWM:\s+(\d+) kB", out)
    assert peak, out
    return Told(sent, time.monotonic() - began, int(peak[1]) // 1024, child.returncode, out)


def complaints(giant: Giant, told: Told, rss_mib_max: int = RSS_MIB_MAX) -> list[str]:
    """Return what is wrong with what a child did."""
    found = []
    if told.rss_mib > rss_mib_max:
        found.append(f"{giant.name}: {told.rss_mib} MiB, more than {rss_mib_max}")
    if told.status != giant.status or giant.says not in told.out:
        found.append(f"{giant.name}: ended with {told.status}, not {giant.status}: {told.out[-2_000:]}")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Feed every giant; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.giants", description="Feed giants to the importer.")
    parser.add_argument("--gigabytes", type=float, default=1.0, help="size of each giant, unpacked")
    parser.add_argument("--giant", choices=[giant.name for giant in GIANTS], help="this one alone")
    options = parser.parse_args(argv)
    wrong: list[str] = []
    sys.stdout.write(f"{'giant':18}{'GB sent':>9}{'seconds':>9}{'MB/s':>7}{'peak MiB':>10}{'exit':>6}\n")
    for giant in GIANTS:
        if options.giant in (None, giant.name):
            told = feed(giant, round(options.gigabytes * 1_000))
            rate = told.sent / told.seconds / _MB
            figures = f"{told.sent / 1e9:9.3f}{told.seconds:9.1f}{rate:7.0f}{told.rss_mib:10}{told.status:6}"
            sys.stdout.write(f"{giant.name:18}{figures}\n")
            sys.stdout.flush()
            wrong += complaints(giant, told)
    sys.stdout.write("".join(f"{one}\n" for one in wrong) or f"all within {RSS_MIB_MAX} MiB\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
