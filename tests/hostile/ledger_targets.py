"""Fuzzing targets: the journal, read back after anything has happened to its bytes."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Final, cast

import orjson

from importer.errors import LedgerError
from importer.ledger import codec
from importer.ledger.replay import Replay
from tests.hostile.corpus import JOURNAL

_ENTRIES: Final = [orjson.loads(line) for line in JOURNAL]
_CRCS: Final = [codec.SEED, *(int(entry["c"], 16) for entry in _ENTRIES)]


class _File:
    """Bytes that can be opened like a path."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def open(self, _mode: str) -> BytesIO:
        """Return the bytes as a file."""
        return BytesIO(self._data)


def journal(data: bytes) -> None:
    """Replay a journal: it is refused, or read as a beginning of what was written, with no whole line in the rest."""
    replay = Replay(cast("Path", _File(data)))
    try:
        entries = [step.entry for step in replay.steps()]
    except LedgerError:
        return
    check_beginning(entries, replay.torn, data, replay.tail.offset)


def check_beginning(entries: Sequence[object], torn: bytes, data: bytes, offset: int) -> None:
    """Check what a replay that did not refuse has given out."""
    count = len(entries)
    assert list(entries) == _ENTRIES[:count], "an entry is read that was never written so"
    assert data == b"".join(JOURNAL[:count]) + torn, "bytes are neither read nor kept aside"
    assert offset == len(data) - len(torn)
    rest = torn.split(b"\n")[:-1]  # what no newline ends was torn off
    assert not any(line[:-1] in rest for line in JOURNAL[count:]), "whole lines after the damage are thrown away"


def line(data: bytes) -> None:
    """Unseal a line as each of the journal's: only the line itself passes."""
    n = min(data.count(b"1"), len(JOURNAL) - 1)
    for number in {n, next((i for i, known in enumerate(JOURNAL) if known[:12] == data[:12]), n)}:
        try:
            entry, crc = codec.unseal_line(data, number, _CRCS[number])
        except codec.BrokenLineError:
            continue
        assert data == JOURNAL[number], "a line passes that was never written"
        assert (entry, crc) == (_ENTRIES[number], _CRCS[number + 1])
    codec.looks_whole(data)
