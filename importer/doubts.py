"""What is in doubt, as a value, how long it is waited for, and how it is asked about."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from importer.batches import Work
from importer.ledger import entries
from importer.matching import Wanted
from importer.model import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlePolicy:
    """How long to wait before looking, and how often to look."""

    timeout_s: float = 110.0  #: of a request; above the 100 s at which HubSpot's edge gives up on its origin
    settle_s: float = 60.0  #: after that, before the first look
    settle_max_s: float = 300.0  #: from the first look to `unresolved`
    looks_apart_s: float = 10.0  #: between two looks that must agree
    skew_s: float = 300.0  #: createdAt against the server's clock, before any measurement in this ledger
    skew_least_s: float = 5.0  #: the least allowance after a measurement
    outage_max_s: float = 600.0  #: how long creates may pause because of doubts


class LookFailedError(Exception):
    """A look could not be completed; says why."""


class Looks(Protocol):
    """How reconciliation asks HubSpot."""

    async def look(self, wanted: Sequence[Wanted], *, created_since: int) -> list[Result]:
        """Return the campaigns that may be one of `wanted`; `created_since` helps to choose the cheaper way.

        Raises:
            LookFailedError: the listing is not complete.
        """
        ...

    async def taken(self, ids: Sequence[str], not_before: float) -> frozenset[str]:
        """Return which of `ids` the journal holds; complete for campaigns created at `not_before` or later."""
        ...


@dataclass(slots=True, kw_only=True)
class Doubt:
    """An intent in doubt."""

    n: int  #: of the intent
    wanted: dict[int, Wanted]  #: index → record still in doubt
    due: float  #: when to look first, monotonic seconds
    work: Work | None = None  #: None: an earlier run's, whose records are not in this run's hands
    refused: bool = False  #: answered, and only the assumption that a refusal makes nothing is in doubt
    failure: entries.FailedItem | None = None  #: what is wrong with the record of a refused batch of one
    correlation_id: str | None = None
    created_before: int = 0  #: campaigns this run had made when the intent was written
    next_look: float = 0.0
    first_look: float | None = None
    absent_since: dict[int, float] = field(default_factory=dict)
    looks: int = 0
