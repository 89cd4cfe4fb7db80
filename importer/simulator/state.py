"""The simulator's state on the disk: append-only JSON lines which survive a killed process.

`truth.jsonl` holds the account (lines of the types run, campaign, update, archive, item), `requests.jsonl` the request
log. Each request is one write of whole lines, done before its reply leaves. A last line without its end is cut when
the files are opened again; nothing is synced, so a power cut may cost more than that. The folder belongs to one
simulator at a time; the ledger beside it holds the lock.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from importer import platforms
from importer.errors import LedgerError

TRUTH_FILE: Final = "truth.jsonl"
REQUESTS_FILE: Final = "requests.jsonl"
_BLOCK_BYTES: Final = 1 << 16
_HINT: Final = "Free some space, or name a folder on another disk, and run the same command again."


class Lines:
    """One append-only file of JSON lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, platforms.opening(os.O_RDWR | os.O_CREAT | os.O_APPEND), 0o600)
        self._cut_torn_tail()

    def _cut_torn_tail(self) -> None:
        end = os.fstat(self._descriptor).st_size
        size = end
        while size:
            start = max(0, size - _BLOCK_BYTES)
            block = platforms.read_at(self._descriptor, size - start, start)
            newline = block.rfind(b"\n")
            if newline >= 0:
                size = start + newline + 1
                break
            size = start
        if size < end:
            os.ftruncate(self._descriptor, size)

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield the lines from the first on; raise `LedgerError` where one is no JSON object."""
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    value = orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    raise LedgerError(
                        f"{self.path.name}, line {number}, of the simulator's state is damaged"
                    ) from error
                yield value

    def append(self, values: Sequence[Any]) -> None:
        """Write all `values` as lines, in one go; raise `LedgerError` when the disk refuses."""
        data = memoryview(b"".join(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE) for value in values))
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            raise LedgerError(f"cannot write the simulator's state: {error.strerror}", hint=_HINT) from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class State:
    """The two files of one simulated account."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.truth = Lines(folder / TRUTH_FILE)
        self.requests = Lines(folder / REQUESTS_FILE)

    def close(self) -> None:
        """Close both files."""
        self.truth.close()
        self.requests.close()
