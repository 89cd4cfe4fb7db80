"""The sources of a run, read as one pass: rows → records → what is to be sent. Blocks; for a worker thread.

Opening checks all sources before anything is sent: that they can be read, that the mapping fits their columns, that
all of them give records the same kind of identity.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, BinaryIO, Self

from importer.columnar import ColumnarMaker
from importer.errors import SourceError, UsageError
from importer.formulas import unguard
from importer.mapping import OWN_COLUMNS, CampaignMapping, bind, identity_mapping
from importer.model import Record, Rejection, Row
from importer.problems import CODES
from importer.records import RecordMaker, RecordPolicy
from importer.sources import ReadPolicy, Source, open_source

Chunk = list[Record | Rejection]


@dataclass(slots=True)
class _Open:
    source: Source
    maker: RecordMaker
    columnar: ColumnarMaker

    @property
    def guarded(self) -> bool:
        """Whether this is a file of failed rows, whose cells may be guarded against spreadsheets."""
        return set(self.source.columns or ()) >= OWN_COLUMNS


@dataclass(slots=True)
class Reading:
    """One pass over all sources; `begin` opens them, `chunks` reads them, `close` closes them."""

    names: Sequence[str | BinaryIO]
    reading: ReadPolicy
    mapping: CampaignMapping | None
    records: RecordPolicy
    ready: Sequence[CampaignMapping] = ()  #: ready mappings, for hints
    limit: int | None = None  #: rows of the pass
    complete: bool = False  #: whether the last row of the last source was read
    changed: list[str] = field(default_factory=list)  #: sources which changed while they were read
    unmapped: dict[str, tuple[str, ...]] = field(default_factory=dict)  #: source → columns that are not imported
    _open: list[_Open] = field(default_factory=list)

    def begin(self) -> None:
        """Open every source and fit the mapping to its columns.

        Raises:
            SourceError: a source cannot be read.
            UsageError: mapping, key or columns do not fit.
        """
        for name in self.names:
            source = open_source(name, self.reading)
            try:
                maker = self._named_maker(source)
                self._open.append(_Open(source, maker, ColumnarMaker(maker)))
            except BaseException:
                source.close()
                raise
        first = self._open[0].maker.scheme
        for other in self._open[1:]:
            if other.maker.scheme != first:
                raise UsageError(
                    f"{other.source.name} and {self._open[0].source.name} would give records different identities",
                    hint="Import them one after the other, or give both the same key columns.",
                )

    def _named_maker(self, source: Source) -> RecordMaker:
        """Return the maker of a source; where there are several, what is wrong with it is said with its name."""
        try:
            return self._maker(source)
        except UsageError as error:
            if len(self.names) == 1:
                raise
            raise UsageError(f"{source.name}: {error.message}", hint=error.hint) from error

    def _maker(self, source: Source) -> RecordMaker:
        columns = source.columns
        if not columns:
            raise _nothing_in(source)
        mapping = self.mapping
        if mapping is None:
            mapping = identity_mapping(
                columns, allow=self.records.allow_properties, key=self.records.key, ready=self.ready
            )
        unmapped = mapping.unmapped(columns)
        if unmapped:
            self.unmapped[source.name] = unmapped
        maker = RecordMaker(self.records, bind(mapping, columns))
        read = source.without({*unmapped, *mapping.ignore} - set(self.records.key))
        return maker if read == columns else RecordMaker(self.records, bind(mapping, read))

    def notices(self) -> list[str]:
        """Return a sentence for each choice made in a source, and for its columns that are not imported."""
        said = [f"{item.source.name}: {notice}" for item in self._open for notice in item.source.notices]
        return said + [f"{name}: not imported: {', '.join(columns)}" for name, columns in self.unmapped.items()]

    @property
    def scheme(self) -> dict[str, Any]:
        """What makes two rows the same campaign (`records.scheme`)."""
        return self._open[0].maker.scheme

    @property
    def maker(self) -> RecordMaker:
        """The maker of the first source."""
        return self._open[0].maker

    @property
    def with_items(self) -> bool:
        """Whether rows may have budget or spend items."""
        return any(item.maker.bound.mapping.items.rules for item in self._open)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources."""
        return tuple(item.source.name for item in self._open)

    @property
    def bytes_read(self) -> int:
        """Bytes read of all sources, as they lie on the disk."""
        return sum(item.source.bytes_read for item in self._open)

    @property
    def bytes_total(self) -> int | None:
        """Size of all sources in bytes; None when one is a stream."""
        sizes = [item.source.size_bytes for item in self._open]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def chunks(self) -> Iterator[Chunk]:
        """Yield chunks of rows, made into records.

        Raises:
            SourceError: a source broke off; what was read before was handed out.
        """
        left = self.limit
        for item in self._open:
            for rows in item.source.chunks():
                taken = rows if left is None else rows[:left]
                if item.guarded:
                    taken = [_unguarded(row) if isinstance(row, Row) else row for row in taken]
                made = item.columnar.make_all(taken)
                items = item.maker.bound.mapping.items
                yield items.add_to(made) if items.rules else made
                if left is not None:
                    left -= len(taken)
                    if left <= 0:
                        return
            if item.source.changed():
                self.changed.append(item.source.name)
        self.complete = True

    def fingerprints(self) -> list[dict[str, Any]]:
        """Return name and fingerprint of each source."""
        return [{"name": item.source.name, **item.source.fingerprint()} for item in self._open]

    def described(self) -> list[Any]:
        """Return names, formats and mappings (but for items) as plain JSON values, equal for equal ones."""
        return [[item.source.name, item.source.format, item.maker.bound.mapping.described()] for item in self._open]

    def contents(self) -> list[str | None]:
        """Return the SHA-256 of each source that was read front to back; None of another."""
        return [item.source.contents for item in self._open]

    def exchanged(self) -> bool:
        """Return whether any file at its path is another than the one that was opened."""
        return any(item.source.changed() for item in self._open)

    def blocks_of_files(self) -> list[Iterator[bytes]]:
        """Return the bytes of each source, as they lie on the disk, for who reads them beside the pass."""
        return [item.source.blocks_of_file() for item in self._open]

    def check_changed(self) -> None:
        """Raise `SourceError` when a source changed while it was read; what was read stands."""
        if self.changed:
            raise SourceError(
                f"{self.changed[0]} changed while it was read", hint="Run the same command again: it adds what is new."
            )

    def close(self) -> None:
        """Close every source."""
        for item in self._open:
            item.source.close()

    def __enter__(self) -> Self:
        """Return itself; `begin` does the opening."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def _nothing_in(source: Source) -> SourceError:
    """Return what is wrong with a source of which no column is known."""
    rows = next(source.chunks(), [])
    broken = next((row for row in rows if isinstance(row, Rejection)), None)
    if broken is None:
        return SourceError(f"{source.name} holds no rows", hint="Is it the right file, and was it written to its end?")
    line, problem = broken.row.line_number, broken.problems[0]
    place = f"line {line}" if line is not None else f"element {broken.row.ordinal + 1}"
    return SourceError(
        f"no row of {source.name} that was looked at can be read; {place}: {problem.message}",
        hint=CODES[problem.code].fix,
    )


def _unguarded(row: Row) -> Row:
    cells = {name: unguard(cell) if isinstance(cell, str) else cell for name, cell in (row.cells or {}).items()}
    return row._replace(held=cells, columns=None)
