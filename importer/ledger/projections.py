"""`results.jsonl` and `failures.jsonl`: what people read, in the journal's order.

Both are projections: every row follows from a journal entry, is written only after that entry is durable (so the
ledgers never lead the journal) and can be written again from it. Everything here blocks.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from importer.ledger.disk import Disk, write_whole

RESULTS = "results.jsonl"
FAILURES = "failures.jsonl"


def as_lines(rows: Sequence[dict[str, Any]]) -> bytes:
    """Return rows as JSON lines."""
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


class Projections:
    """The two ledgers, open for appending."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        """Open both files in `folder`, made if missing."""
        self._disk = disk
        self._files = [disk.open_append(folder / name) for name in (RESULTS, FAILURES)]
        self.sizes = [(folder / name).stat().st_size for name in (RESULTS, FAILURES)]

    def cut(self, sizes: Sequence[int]) -> None:
        """Cut both files to `sizes` (bytes): what stood after is written again from the journal."""
        for place, (fd, size) in enumerate(zip(self._files, sizes, strict=True)):
            if self.sizes[place] != size:
                self._disk.truncate(fd, size)
        self.sizes = list(sizes)

    def write(self, results: Sequence[dict[str, Any]], failures: Sequence[dict[str, Any]]) -> None:
        """Append rows; raises `OSError`, after which the files may be behind or torn (the next opening mends them)."""
        for place, rows in enumerate((results, failures)):
            if rows:
                data = as_lines(rows)
                write_whole(self._disk, self._files[place], data)
                self.sizes[place] += len(data)

    def sync(self) -> None:
        """Return when both files survive a power loss."""
        for fd in self._files:
            self._disk.sync(fd)

    def close(self) -> None:
        """Close both files."""
        for fd in self._files:
            self._disk.close(fd)


class NoProjections:
    """Stands in for the ledgers where a journal is only looked at."""

    sizes = (0, 0)

    def cut(self, sizes: Sequence[int]) -> None:
        """Cut nothing."""

    def write(self, results: Sequence[dict[str, Any]], failures: Sequence[dict[str, Any]]) -> None:
        """Write nothing."""

    def sync(self) -> None:
        """Sync nothing."""

    def close(self) -> None:
        """Close nothing."""
