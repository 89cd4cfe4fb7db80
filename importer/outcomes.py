"""An attempt and the journal entry that closes it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, NamedTuple

import anyio

from importer.batches import Work
from importer.ledger import entries
from importer.matching import Wanted
from importer.model import Created, Failed, Finding, InDoubt, Pairing, Problem, Record, Result, Returned


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

    created: list[entries.CreatedItem] = field(default_factory=list)
    failed: list[entries.FailedItem] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    doubt: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, findings: Sequence[Finding], records: Sequence[Record]) -> "Findings":
        """Return `findings` about `records`, sorted by kind."""
        return cls(
            created=_created_items([item for item in findings if isinstance(item, Created)]),
            failed=[
                failed_item(item.index, item.problem, item.attribution, records[item.index])
                for item in findings
                if isinstance(item, Failed)
            ],
            returned=[item.index for item in findings if isinstance(item, Returned)],
            doubt=[item.index for item in findings if isinstance(item, InDoubt)],
        )

    @classmethod
    def as_sent(cls, campaigns: Sequence[Result]) -> "Findings":
        """Return that each record of a batch was made as it was sent; `campaigns` are theirs, in order."""
        ids, _shown, created_at, *_ = zip(*campaigns, strict=True)  # by the column, which is much quicker
        return cls(created=list(zip(range(len(ids)), ids, created_at, repeat(Pairing.EXACT.value), repeat(None))))


class Announced(NamedTuple):
    """What an intent says of its records."""

    sources: list[str]
    items: list[entries.Item]
    more: list[entries.MoreItem]  #: their budget and spend items

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Announced":
        """Return what is to be said of records, of which there is at least one."""
        # By the column, which is much quicker.
        rows, identities, names, _given, contents, _mends, _payloads, of_records = zip(*records, strict=True)
        from_sources, ordinals, lines, *_ = zip(*rows, strict=True)
        places = {source: at for at, source in enumerate(dict.fromkeys(from_sources))}
        at_places = map(places.__getitem__, from_sources)
        items = list(zip(at_places, ordinals, lines, identities, names, contents, strict=True))
        more = [(at, *item) for at, of_one in enumerate(of_records) for item in of_one] if any(of_records) else []
        return cls(list(places), items, more)


def _created_items(created: Sequence[Created]) -> list[entries.CreatedItem]:
    return [
        (index, campaign, created_at, how.value, dict(normalised) if normalised else None)
        for index, campaign, created_at, how, normalised in created
    ]


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
