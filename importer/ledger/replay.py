"""Reading a journal back: from its beginning, or from a position that the index vouches for.

Lines are split on newline bytes only. A torn tail (broken lines with nothing whole after them) is what a kill or a
power loss leaves; damage with whole lines after it is refused, since what the damaged line said cannot be known.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from importer.errors import LedgerError
from importer.ledger import codec, items_fold
from importer.ledger.effects import Effect
from importer.ledger.fold import Fold
from importer.ledger.position import Tail
from importer.model import State

JOURNAL = "journal.jsonl"
_ENDINGS: Final = (".ledger", ".simulated.ledger")
_BEGINNING: Final = re.compile(rb'\{"n":(\d{1,18}),"t":')


def no_ledger(folder: Path) -> LedgerError:
    """Return the error for a folder that is none, or is not there; for a source, the hint names the ledgers of it."""
    hint = "A ledger is the folder that a run names at its start and end, SOURCE.ledger when nothing else was said."
    if folder.is_file():
        beside = [str(one) for end in _ENDINGS if (one := folder.with_name(folder.name + end)).is_dir()]
        return LedgerError(
            f"{folder} is not a ledger: it is a file", hint=f"Say {' or '.join(beside)}." if beside else hint
        )
    why = f"it holds no {JOURNAL}" if folder.is_dir() else "there is no such folder"
    return LedgerError(f"{folder} is not a ledger: {why}", hint=hint)


@dataclass(frozen=True, slots=True)
class Step:
    """One entry read back."""

    n: int
    entry: dict[str, Any]
    effect: Effect


class Replay:
    """A journal being read; after the steps, `tail` says where the sound part ends and `torn` what stands after."""

    def __init__(self, path: Path, position: dict[str, Any] | None = None) -> None:
        """Begin at `position` (as `Journal.position` gave it), or at the beginning."""
        self._path = path
        self.fold = Fold()
        self.tail = Tail()
        self.torn = b""
        if position is not None:
            self._restore(position)

    def _restore(self, position: dict[str, Any]) -> None:
        self.fold = Fold.restored(position["fold"])
        self.tail = Tail(position["n"], position["offset"], position["crc"], position["last_offset"])
        with self._path.open("rb") as file:
            for n, offset, states in position["open"]:
                entry: Any = self._read_again(file, n, offset)
                self.fold.reopen(n, entry, offset, [State(state) for state in states])
            for n, offset in position.get("archiving", ()):  # of an index that is older than `undo` there are none
                self.fold.apply(n, self._read_again(file, n, offset), offset)
            for n, offset, state in position.get("items", ()):  # nor these, of one that is older than items
                items_fold.reopen(self.fold, n, self._read_again(file, n, offset), offset, State(state))

    def _read_again(self, file: BinaryIO, n: int, offset: int) -> dict[str, Any]:
        """Return the entry at `offset`, checked against the seal of the line before it."""
        file.seek(offset - codec.SEAL_BYTES - 1)
        seal = file.read(codec.SEAL_BYTES + 1)
        try:
            return codec.unseal_line(file.readline(), n, codec.crc_of(seal))[0]
        except codec.BrokenLineError as error:
            raise self._damaged(n, offset, error) from error

    def _damaged(self, n: int, offset: int, error: codec.BrokenLineError) -> LedgerError:
        where = f"{JOURNAL} line {n + 1} (byte {offset})"
        return LedgerError(
            f"the journal is damaged at {where}: {error}, and whole lines follow",
            hint="Restore the journal from a backup, or import into another --ledger.",
        )

    def steps(self) -> Iterator[Step]:
        """Yield entry after entry, folded.

        Raises:
            LedgerError: damage before the journal's tail, or an entry that contradicts the ones before.
        """
        with self._path.open("rb") as file:
            file.seek(self.tail.offset)
            for line in file:
                try:
                    entry, crc = codec.unseal_line(line, self.tail.n, self.tail.crc)
                except codec.BrokenLineError as error:
                    self.torn = line + self._rest(line, file, error)
                    return
                offset = self.tail.offset
                effect = self.fold.apply(self.tail.n, entry, offset)
                self.tail = self.tail.after(line, crc)
                yield Step(self.tail.n - 1, entry, effect)

    def _rest(self, broken: bytes, file: BinaryIO, error: codec.BrokenLineError) -> bytes:
        rest = file.read()
        if self._holds_later(broken) or any(codec.looks_whole(line) for line in rest.split(b"\n")):
            raise self._damaged(self.tail.n, self.tail.offset, error)
        return rest

    def _holds_later(self, broken: bytes) -> bool:
        """Return whether a later entry ends this line: one before it is gone, or the newline between them."""
        later = (match.start() for match in _BEGINNING.finditer(broken) if int(match[1]) > self.tail.n)
        return any(codec.looks_whole(broken[start:].rstrip(b"\n")) for start in later)


def is_sound(path: Path, position: dict[str, Any]) -> bool:
    """Return whether the journal at `path` still holds, at `position`, the line that was there."""
    with path.open("rb") as file:
        file.seek(position["last_offset"])
        line = file.read(position["offset"] - position["last_offset"])
    if len(line) != position["offset"] - position["last_offset"] or not line.endswith(b"\n"):
        return False
    try:
        entry = orjson.loads(line)
    except ValueError:
        return False
    return (
        isinstance(entry, dict) and entry.get("n") == position["n"] - 1 and entry.get("c") == f"{position['crc']:08x}"
    )
