"""What ends a run early although nothing is broken, and which outcomes make its status."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

import anyio

from importer.amounts import FailureLimit
from importer.errors import ExitStatus
from importer.model import State
from importer.report.books import Books, Tally
from importer.stopping import Stop

Outcome = Literal["failed", "unresolved", "unexpected", "changed", "gone", "skipped", "none"]
OUTCOMES: Final[tuple[str, ...]] = get_args(Outcome)
_UNTOLD: Final = "HubSpot told of no daily quota, as with OAuth it never does: --quota-share limited nothing"
_GO_ON: Final = "Run the same command again to go on; what was made is not made twice."


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """How far a run may go by itself."""

    duration_s: float | None = None  #: seconds after which it stops, resumable; None: as long as it takes
    failures: FailureLimit | None = None  #: failed rows after which it stops; None: however many
    quota_share: float = 1.0  #: part of the account's requests a day after which it stops, 1 being all
    fail_on: frozenset[str] = frozenset({"failed", "unresolved", "unexpected"})  #: outcomes with a status of their own

    def watch(self, tally: Tally, stop: Stop) -> None:
        """Let `stop` be asked as soon as `tally` counts too many failures, or too little is left of the day's quota."""
        if self.failures is not None or self.quota_share < 1:
            tally.watch = self._watcher(tally, stop)

    def _watcher(self, tally: Tally, stop: Stop) -> Callable[[], None]:
        def look() -> None:
            self._look_at_failures(tally, stop, at_end=False)
            if self._quota_used(tally):
                stop.request(
                    f"the share of the day's quota that is this run's is used: {tally.day_left or 0:,} of"
                    f" {tally.day_total or 0:,} requests are left to others (--quota-share {self.quota_share:.0%})",
                    ExitStatus.PAUSED,
                    f"The quota is renewed at midnight in the account's time zone. {_GO_ON}",
                )

        return look

    def _quota_used(self, tally: Tally) -> bool:
        if self.quota_share >= 1 or not tally.day_total or tally.day_left is None:
            return False
        return tally.day_left <= (1 - self.quota_share) * tally.day_total

    def _look_at_failures(self, tally: Tally, stop: Stop, *, at_end: bool) -> None:
        failed = tally.ended[State.FAILED]
        if self.failures is not None and self.failures.exceeded(failed, tally.rows_read, at_end=at_end):
            stop.request(
                f"{failed:,} of {tally.rows_read:,} rows failed, more than --max-failures {self.failures} permits",
                ExitStatus.THRESHOLD,
                "Mend the rows or the mapping, or permit more; then run the same command again.",
            )

    def look_at_the_end(self, tally: Tally, stop: Stop) -> None:
        """Judge the failures of a run that came to its end, and say where a limit had nothing to hold to."""
        self._look_at_failures(tally, stop, at_end=True)
        if self.quota_share < 1 and tally.day_total is None and tally.requests:
            tally.notices.append(_UNTOLD)

    async def end_in_time(self, stop: Stop) -> None:
        """Ask to stop when the time is over. Cancellation: nothing left behind."""
        if self.duration_s is None:
            return
        await anyio.sleep(self.duration_s)
        stop.request(f"the run's time is over (--max-duration {said(self.duration_s)})", ExitStatus.PAUSED, _GO_ON)

    def statuses(self, books: Books, tally: Tally) -> list[ExitStatus]:
        """Return the statuses that the outcomes of a run make."""
        met = {
            "failed": books.failed + tally.items.failed,
            "unresolved": books.unresolved + books.in_doubt + tally.items.unresolved + tally.items.in_doubt,
            "unexpected": tally.unexpected,
            "changed": tally.changed,
            "gone": tally.gone,
            "skipped": books.skipped,
        }
        grave = {"unresolved", "unexpected"}
        found = [name for name, count in met.items() if count and name in self.fail_on]
        return [ExitStatus.OK, *(ExitStatus.UNRESOLVED if name in grave else ExitStatus.SOME_FAILED for name in found)]


def said(seconds: float) -> str:
    """Return a time as an option takes it: `2h`, `1h30m`, `45s`."""
    parts, left = [], seconds
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        whole, left = divmod(left, size)
        parts += [f"{whole:.0f}{unit}"] if whole else []
    return "".join([*parts, f"{left:g}s"] if left or not parts else parts)
