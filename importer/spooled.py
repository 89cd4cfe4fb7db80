"""Records set aside on disk until the pass is over. Everything here blocks."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

import orjson

from importer.ledger.codec import encode
from importer.model import CampaignItem, Record, Row

_MEMORY_BYTES: Final = 1 << 20


class Spool:
    """Records in the order in which they came, in a nameless file once they are many."""

    def __init__(self, folder: Path | None) -> None:
        """Begin with none; `folder` takes the file."""
        where = None if folder is None else str(folder)
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES, dir=where)  # noqa: SIM115 - `close` does
        self.count = 0

    def add(self, records: Sequence[Record]) -> None:
        """Set records aside; raises `OSError`."""
        for record in records:
            given = None if record.given is None else dict(record.given)
            parts = [*record.row, record.identity, record.name, given, record.content, record.mends]
            self._file.write(encode([*parts, record.payload.decode(), [*map(tuple, record.items)]]) + b"\n")
        self.count += len(records)

    def groups(self, size: int) -> Iterator[list[Record]]:
        """Yield all records, at most `size` at once."""
        self._file.seek(0)
        group: list[Record] = []
        for line in self._file:
            group.append(_record(orjson.loads(line)))
            if len(group) == size:
                yield group
                group = []
        if group:
            yield group

    def close(self) -> None:
        """Drop the records."""
        self._file.close()


def _record(parts: list[Any]) -> Record:
    fields = len(Row._fields)
    identity, name, given, content, mends, payload, items = parts[fields:]
    return Record(Row(*parts[:fields]), identity, name, given, content, mends, payload.encode(), _items(items))


def _items(held: list[Any]) -> tuple[CampaignItem, ...]:
    return tuple(CampaignItem(*one) for one in held)
