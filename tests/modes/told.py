"""What a simulated month tells: run by run, and in sum."""

from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of the command."""

    night: str
    status: int
    requests: int  #: that reached the portal
    least: int | None  #: the least possible; None where the run before it was cut off, whose line holds it
    seconds: float
    told: dict[str, Any] = field(default_factory=dict)  #: what the summary says of rows; empty where there was none
    run: int | None = None  #: its number in the ledger, where it told one

    def line(self) -> str:
        """Return the row of the table."""
        names = ("created", "updated", "conflicts", "skipped", "failed")
        counts = [f"{format(self.told[name], ',') if self.told else '-':>{max(9, len(name) + 2)}}" for name in names]
        least = "-" if self.least is None else self.least
        return f"{self.night:<22}{self.status:>6}{''.join(counts)}{self.requests:>9}{least:>7}{self.seconds:>8.1f}"


HEAD: Final = (
    f"{'night':<22}{'status':>6}{'created':>9}{'updated':>9}{'conflicts':>11}{'skipped':>9}{'failed':>9}"
    f"{'requests':>9}{'least':>7}{'s':>8}"
)


@dataclass(slots=True)
class Month:
    """What a month came to."""

    runs: list[Ran] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  #: where a night came to something else than it has to, sentences
    opening_s: float = 0.0  #: seconds to open the ledger on the last night
    undone: int = 0  #: campaigns that the undo of one night archived
    left: int = 0  #: campaigns of that night which it left, since later nights updated them
    created_after_adopting: int = 0  #: of 7 rows that are new

    @property
    def statuses(self) -> list[int]:
        """The exit statuses, run by run."""
        return [run.status for run in self.runs]

    def report(self) -> str:
        """Return the table and the figures below it."""
        least = sum(run.least or 0 for run in self.runs)
        lines = [HEAD, *(run.line() for run in self.runs)]
        lines.append(f"requests: {sum(run.requests for run in self.runs):,} used, {least:,} at least")
        lines.append(f"opening the ledger after the last night: {self.opening_s:.3f} s")
        lines.append(f"undo of one night: {self.undone} archived, {self.left} left, which were changed since")
        lines.append(f"made after the ledger was lost and adopted: {self.created_after_adopting} of 7 new rows")
        return "\n".join([*lines, *(self.wrong or ["every night as documented, the portal equals the feed"])])
