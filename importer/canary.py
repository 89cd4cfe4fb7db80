"""What came of a first batch that was sent alone, as values for whoever decides whether the rest follows."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from importer import canonical

SHOWN_MAX: Final = 3  #: records of a canary that are shown with all their values


class Value(NamedTuple):
    """One property of one record."""

    name: str
    sent: str
    held: str | None  #: as HubSpot holds it; None where it shows none
    differs: bool  #: also in what only compares as equal, such as case


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One campaign: what was sent beside what HubSpot holds."""

    name: str
    place: str  #: source and line
    id: str
    values: tuple[Value, ...]

    @property
    def differs(self) -> bool:
        """Whether any of its values does."""
        return any(value.differs for value in self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came back of a canary."""

    records: int  #: that were sent
    compared: tuple[Compared, ...] = ()  #: those that were made, in the order in which they were sent
    failed: tuple[Mapping[str, Any], ...] = ()  #: rows of failures.jsonl
    unread: str | None = None  #: why the campaigns were not read back: then their values are those of the answer
    more: bool = True  #: whether anything is left to send

    @property
    def differing(self) -> int:
        """How many of those that were made differ in a value from what was sent."""
        return sum(one.differs for one in self.compared)

    @property
    def unsettled(self) -> int:
        """How many were neither made nor refused."""
        return self.records - len(self.compared) - len(self.failed)

    @property
    def shown(self) -> tuple[Compared, ...]:
        """The few to show: those that differ first."""
        return tuple(sorted(self.compared, key=lambda one: not one.differs)[:SHOWN_MAX])

    def counts(self) -> dict[str, int]:
        """Return the figures, for the summary."""
        return {
            "records": self.records,
            "created": len(self.compared),
            "failed": len(self.failed),
            "differing": self.differing,
        }


#: Told what came back; returns why the run is to stop, None to go on. It is not asked when nothing is left to send.
Judge = Callable[[Seen], Awaitable[str | None]]


async def nobody_to_ask(_seen: Seen) -> str | None:
    """Stop: somebody has to look first."""
    return "the canary waits for somebody to look at it"


async def go_on(_seen: Seen) -> str | None:
    """Go on whatever came back."""
    return None


def compare(sent: Mapping[str, str], held: Mapping[str, str]) -> tuple[Value, ...]:
    """Return each property that was sent, beside what HubSpot holds.

    What HubSpot never shows under its name (`canonical.NOT_ECHOED`) is no difference where it is missing.
    """
    return tuple(
        Value(name, value, held.get(name), _differs(name, value, held.get(name))) for name, value in sent.items()
    )


def _differs(name: str, sent: str, held: str | None) -> bool:
    if held is None and name in canonical.NOT_ECHOED:
        return False
    return sent != (held or "")


def as_answered(sent: Mapping[str, str], row: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of a campaign as a row of results.jsonl tells them: as sent, but for those that it names."""
    return {**sent, **row.get("normalised", {})}


def by_identity(rows: Sequence[Mapping[str, Any]], run: int) -> dict[str, Mapping[str, Any]]:
    """Return identity → row, of those that `run` wrote."""
    return {row["identity"]: row for row in rows if row["run"] == run}
