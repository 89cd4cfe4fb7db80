"""An attempt and the journal entry that closes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import anyio

from importer.batches import Work
from importer.ledger import entries
from importer.matching import Wanted
from importer.model import Created, Failed, Finding, InDoubt, Problem, Record, Returned


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One sending of a batch, from its intent to its outcome."""

    work: Work
    n: int  #: number of the intent
    made_before: int  #: campaigns of this run when the intent was written
    began: float  #: monotonic seconds
    server_low: float  #: the earliest the server's clock can have shown, epoch seconds

    def outcome(self, kind: str, **more: Any) -> entries.Outcome:
        """Return the entry that closes the intent; what is not named is empty."""
        seconds = round(anyio.current_time() - self.began, 4)
        nothing: dict[str, Any] = {"status": None, "corr": None, "note": None}
        nothing |= {"created": [], "failed": [], "returned": [], "doubt": [], "extra": []}
        return {"t": "outcome", "of": self.n, "class": kind, "s": seconds, **(nothing | more)}  # type: ignore[typeddict-item] # keys merged

    def wanted(self, indices: Sequence[int], allowance_s: float) -> dict[int, Wanted]:
        """Return the records at `indices` as reconciliation looks for them, `allowance_s` for the clocks' skew."""
        records, not_before = self.work.batch.records, self.server_low - allowance_s
        return {
            index: Wanted((self.n, index), records[index].identity, records[index].properties, not_before)
            for index in indices
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The findings about a batch, by kind, as the journal holds them."""

    created: list[entries.CreatedItem]
    failed: list[entries.FailedItem]
    returned: list[int]
    doubt: list[int]

    @classmethod
    def of(cls, findings: Sequence[Finding], records: Sequence[Record]) -> "Findings":
        """Return `findings` about `records`, sorted by kind."""
        if all(type(item) is Created for item in findings):  # nearly every batch
            created = [_created_item(item) for item in findings if isinstance(item, Created)]
            return cls(created=created, failed=[], returned=[], doubt=[])
        return cls(
            created=[_created_item(item) for item in findings if isinstance(item, Created)],
            failed=[
                failed_item(item.index, item.problem, item.attribution, records[item.index])
                for item in findings
                if isinstance(item, Failed)
            ],
            returned=[item.index for item in findings if isinstance(item, Returned)],
            doubt=[item.index for item in findings if isinstance(item, InDoubt)],
        )


def intent_item(record: Record, sources: Sequence[str]) -> entries.Item:
    """Return the intent's item of a record; `sources` are those that its entry names."""
    row = record.row
    return sources.index(row.source), row.ordinal, row.line_number, record.identity, record.name, record.content


def _created_item(item: Created) -> entries.CreatedItem:
    index, campaign, created_at, pairing, normalised = item
    return index, campaign, created_at, pairing.value, dict(normalised) if normalised else None


def failed_item(index: int, problem: Problem, attribution: str, record: Record | None) -> entries.FailedItem:
    """Return the failed item of the record at `index`, with its raw row where it is in memory."""
    return {
        "i": index,
        "code": problem.code,
        "message": problem.message,
        "column": problem.column,
        "fix": problem.fix,
        "attribution": attribution,
        "row": None if record is None else record.row.cells,
    }
