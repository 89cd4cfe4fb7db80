"""Which rows of a pass are sent: the same campaign or another (rules of identity), asked of the index in chunks.

In this order, for each record:

1. met before in this pass: `skipped` when its content is the same, `conflicting_duplicate` when it is not; under
   `--duplicates create` identical rows without a key are campaigns of their own;
2. known from an earlier run: created → `skipped` (and listed as changed when its content differs), refused and
   unchanged → `still_refused`, in doubt or unresolved → stays that, never sent again by itself;
3. new, without a key, but its name belongs to a campaign of this ledger whose row has not been met yet in this pass:
   it may be that row, edited. It is parked until the pass has read its last row; if that row came, this is a campaign
   of its own and is sent, else it fails as `name_exists`.

Everything here blocks and is called from the worker thread that reads the source.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import IO, Any, Final, Literal

import orjson

from importer.ledger.codec import encode
from importer.ledger.identities.layout import Known, Mark
from importer.ledger.index import Index
from importer.model import CampaignItem, Problem, Record, Rejection, Row, State

_PARKED_CHUNK: Final = 1_000
_PARKED_MEMORY_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionPolicy:
    """What to do with duplicates and with what earlier runs know."""

    duplicates: Literal["skip", "create"] = "skip"  #: identical rows of one pass
    same_name: Literal["fail", "create"] = (
        "fail"  #: new rows whose name belongs to a campaign that is gone from the source
    )
    retry_failed: bool = False  #: send again what HubSpot refused in an earlier run, though it is unchanged
    list_skipped: bool = False  #: write skipped rows to skipped.jsonl
    accept_new_identities: bool = False  #: go on although the identity scheme is another than the ledger's
    limit: int | None = None  #: rows of the pass
    mode: Literal["create", "upsert"] = "create"  #: what becomes of a record that was made earlier and differs now
    on_conflict: Literal["skip", "overwrite", "fail"] = "skip"  #: a campaign that somebody changed in HubSpot
    recreate_missing: bool = False  #: make campaigns again that were deleted in HubSpot
    check_unchanged: bool = False  #: read also campaigns whose record is as it was sent


@dataclass(slots=True)
class Admitted:
    """What became of some rows."""

    records: list[Record] = field(default_factory=list)  #: to be sent
    rejections: list[Rejection] = field(default_factory=list)
    skipped: list[tuple[Record, str]] = field(default_factory=list)  #: with why: duplicate, exists
    changed: list[Record] = field(default_factory=list)  #: of the skipped: their content is not what was sent
    updates: list[Record] = field(default_factory=list)  #: made earlier, differ now, and are to be updated
    unchanged: list[Record] = field(default_factory=list)  #: made earlier, the same now, and are to be read
    in_doubt: list[Record] = field(default_factory=list)
    parked: int = 0


class Admission:
    """The rules of one pass."""

    def __init__(
        self,
        index: Index,
        policy: AdmissionPolicy,
        *,
        run: int,
        keyless: bool,
        twin: Callable[[Record, int], Record],
        folder: Path | None,
    ) -> None:
        """Begin the pass of `run`; `folder` takes the parked rows when they are many (None: the system's)."""
        self._index, self._policy, self._keyless, self._twin = index, policy, keyless, twin
        guards = keyless and policy.same_name == "fail"
        # A ledger that holds nothing yet has no names to guard, and names looked up cost as much as identities.
        self._guarding = index.begin_pass(run) and guards
        self._checking = policy.mode == "upsert" and policy.check_unchanged
        self._marks: dict[str, Mark] = {}  # of rows of the chunk, which the index is not told yet
        spill = None if folder is None else str(folder)
        self._parked: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_PARKED_MEMORY_BYTES, dir=spill)  # noqa: SIM115 - `close` does
        self.parked_count = 0

    def admit(self, rows: Sequence[Record | Rejection]) -> Admitted:
        """Judge a chunk of rows, in order; writes out what the index has ready."""
        admitted = Admitted()
        given = [item for item in rows if type(item) is Record]
        identities = [record.identity for record in given]
        filed = self._index.filed(identities)
        if filed and self._all_made(given, identities, filed, admitted):
            return self._whole(rows, admitted)
        known = self._index.known(identities, filed)
        if not known and not self._guarding and self._mark_all(given):
            admitted.records = given
            return self._whole(rows, admitted)
        records, rejections, skipped = admitted.records, admitted.rejections, admitted.skipped
        marks = self._marks
        source, number = "", -1
        for item in rows:
            if isinstance(item, Rejection):
                rejections.append(item)
                continue
            row, identity, _name, _properties, content, *_ = item
            if row.source != source or number < 0:
                source, number = row.source, self._index.source_number(row.source)
            line = _place(row)
            told = known.get(identity)
            if told is None:  # nearly all rows of a first import
                marks[identity] = mark = (content, number, line, 1)
                known[identity] = (None, mark)
                if self._guarding:
                    self._judge(item, None, admitted)
                else:
                    records.append(item)
            elif told[1] is None and told[0] == (State.CREATED, content):  # nearly all rows of a second one
                marks[identity] = mark = (content, number, line, 1)
                known[identity] = (told[0], mark)
                if self._checking:
                    admitted.unchanged.append(item)
                else:
                    skipped.append((item, "exists"))
            else:
                self._admit_one(item, known, admitted)
        self._tell_marks()
        self._index.flush()
        return admitted

    def _whole(self, rows: Sequence[Record | Rejection], admitted: Admitted) -> Admitted:
        """Admit the rejections of a chunk whose records were admitted all at once, and write out what is ready."""
        admitted.rejections = [item for item in rows if type(item) is Rejection]
        self._index.flush()
        return admitted

    def _all_made(
        self, records: list[Record], identities: Sequence[str], filed: Mapping[bytes, bytes], admitted: Admitted
    ) -> bool:
        """Admit records if all were made by earlier runs as they stand here, and none repeats another."""
        contents = [record.content for record in records]
        if not (self._index.all_created(identities, contents, filed) and self._mark_all(records)):
            return False
        if self._checking:
            admitted.unchanged = records
        else:
            admitted.skipped = [(record, "exists") for record in records]
        return True

    def _mark_all(self, records: Sequence[Record]) -> bool:
        """Mark records of one source which are all different; tell whether they are."""
        if not records:
            return False
        of_rows, identities, _names, _given, contents, *_ = zip(*records, strict=True)  # by the column: much quicker
        sources, _ordinals, lines, *_ = zip(*of_rows, strict=True)
        if sources.count(sources[0]) < len(sources):
            return False
        number = self._index.source_number(sources[0])
        places = lines if None not in lines else map(_place, of_rows)
        marks = dict(zip(identities, zip(contents, repeat(number), places, repeat(1)), strict=False))
        if len(marks) < len(records):
            return False
        self._index.mark(marks)
        return True

    def _tell_marks(self) -> None:
        self._index.mark(self._marks)
        self._marks.clear()

    def _admit_one(
        self, record: Record, known: dict[str, tuple[Known | None, Mark | None]], admitted: Admitted
    ) -> None:
        before, mark = known[record.identity]
        if mark is not None:
            twin = self._repeated(record, mark, known, admitted)
            if twin is None:
                return
            record = twin
            before = self._index.known([record.identity]).get(record.identity, (None, None))[0]
        self._mark(record, 1, known, before)
        self._judge(record, before, admitted)

    def _repeated(
        self, record: Record, mark: Mark, known: dict[str, tuple[Known | None, Mark | None]], admitted: Admitted
    ) -> Record | None:
        """Judge a record whose identity was met before in this pass; return the twin that is to be judged as new."""
        content, source, line, times = mark
        if record.content != content:
            admitted.rejections.append(_conflict(record, self._index.source_name(source), line))
            return None
        if self._policy.duplicates == "skip" or not self._keyless:
            admitted.skipped.append((record, "duplicate"))
            return None
        self._mark(record, times + 1, known, known[record.identity][0])
        return self._twin(record, times)

    def _mark(
        self, record: Record, times: int, known: dict[str, tuple[Known | None, Mark | None]], before: Known | None
    ) -> None:
        mark = (record.content, self._index.source_number(record.row.source), _place(record.row), times)
        self._marks[record.identity] = mark
        known[record.identity] = (before, mark)

    def _judge(self, record: Record, before: Known | None, admitted: Admitted) -> None:
        state = before.state if before is not None else State.OPEN
        same = before is not None and before.content == record.content
        if state is State.CREATED and not same and self._policy.mode == "upsert":
            admitted.updates.append(record)
        elif state is State.CREATED and self._checking:
            admitted.unchanged.append(record)
        elif state is State.CREATED:
            admitted.skipped.append((record, "exists"))
            if not same:
                admitted.changed.append(record)
        elif state is State.IN_DOUBT:
            admitted.in_doubt.append(record)
        elif state is State.UNRESOLVED:
            message = "an earlier run sent this record and could not find out whether HubSpot made it"
            admitted.rejections.append(_rejected(record, "unresolved", message, State.UNRESOLVED))
        elif state is State.FAILED and same and not self._policy.retry_failed:
            message = "HubSpot refused this record in an earlier run, and it is unchanged"
            admitted.rejections.append(_rejected(record, "still_refused", message))
        elif self._guarding and record.mends is None and self._may_be_edited(record):
            self._park(record)
            admitted.parked += 1
        else:
            admitted.records.append(record)

    def _may_be_edited(self, record: Record) -> bool:
        """Return whether a campaign of the record's name was not met, up to this row."""
        self._tell_marks()
        return self._index.unseen_holder(record.name)

    def _park(self, record: Record) -> None:
        parts = [*record.row, *record[1:-2], record.payload.decode(), [*map(tuple, record.items)]]
        self._parked.write(encode(parts) + b"\n")
        self.parked_count += 1

    def unpark(self) -> Iterator[Admitted]:
        """Judge the parked rows, after the pass has read its last row; yields chunks."""
        self._parked.seek(0)
        admitted = Admitted()
        for line in self._parked:
            record = _unparked(orjson.loads(line))
            if self._index.unseen_holder(record.name):
                message = (
                    f"a campaign named {record.name[:80]!r} was imported from a row that is not in this source now"
                )
                admitted.rejections.append(_rejected(record, "name_exists", message))
            else:
                admitted.records.append(record)
            if len(admitted.records) + len(admitted.rejections) == _PARKED_CHUNK:
                yield admitted
                admitted = Admitted()
        yield admitted

    def close(self) -> None:
        """Drop the parked rows."""
        self._parked.close()


def _place(row: Row) -> int:
    """Return the line of a row, or its ordinal where its source has no lines."""
    return row.ordinal if row.line_number is None else row.line_number


def _rejected(record: Record, code: str, message: str, state: State = State.FAILED) -> Rejection:
    return Rejection(record.row, (Problem(code, message),), record.identity, record.name, state)


def _conflict(record: Record, source: str, line: int) -> Rejection:
    here = f"row {_place(record.row)} of {record.row.source}"
    message = f"{here} and row {line} of {source} have the same key and other content"
    return _rejected(record, "conflicting_duplicate", message)


def _unparked(parts: list[Any]) -> Record:
    fields = len(Row._fields)
    identity, name, given, content, mends, payload, items = parts[fields:]
    held = tuple(CampaignItem(*one) for one in items)
    return Record(Row(*parts[:fields]), identity, name, given, content, mends, payload.encode(), held)
