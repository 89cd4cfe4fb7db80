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
        created = [item for item in findings if isinstance(item, Created)]
        if len(created) == len(findings):  # of nearly all answers
            return cls(created=_created_items(created), failed=[], returned=[], doubt=[])
        return cls(
            created=_created_items(created),
            failed=[
                failed_item(item.index, item.problem, item.attribution, records[item.index])
                for item in findings
                if isinstance(item, Failed)
            ],
            returned=[item.index for item in findings if isinstance(item, Returned)],
            doubt=[item.index for item in findings if isinstance(item, InDoubt)],
        )


def intent_items(records: Sequence[Record], sources: Sequence[str]) -> list[entries.Item]:
    """Return the intent's items of records; `sources` are those that its entry names."""
    places = {source: at for at, source in enumerate(sources)}
    rows, identities, names, _given, contents, *_ = zip(*records, strict=True)  # by the column, which is much quicker
    from_sources, ordinals, lines, *_ = zip(*rows, strict=True)
    return list(zip(map(places.__getitem__, from_sources), ordinals, lines, identities, names, contents, strict=True))


def more_items(records: Sequence[Record]) -> list[entries.MoreItem]:
    """Return the budget and spend items of records, as their intent holds them."""
    return [(at, *item) for at, record in enumerate(records) for item in record.items]


def _created_items(created: Sequence[Created]) -> list[entries.CreatedItem]:
    words = {how: how.value for how in {one.pairing for one in created}}
    return [
        (index, campaign, created_at, words[how], dict(normalised) if normalised else None)
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
