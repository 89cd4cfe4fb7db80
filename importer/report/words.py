"""How a run ended, in words. Pure."""

from typing import Final, Literal, NamedTuple

from importer.errors import ExitStatus
from importer.report.books import Books
from importer.report.item_books import ItemBooks

Tone = Literal["good", "mend", "wait", "bad"]


class Verdict(NamedTuple):
    """The outcome of a run as people say it."""

    tone: Tone  #: good: nothing to do; mend: rows to mend; wait: goes on later; bad: something is wrong
    headline: str
    sentence: str


def duration(seconds: float) -> str:
    """Return seconds as people say them: `14 s`, `3 min 5 s`, `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def many(number: int, noun: str) -> str:
    """Return a number with its noun: `1 request`, `1,240 requests`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


_HEADLINES: Final[dict[ExitStatus, tuple[Tone, str]]] = {
    ExitStatus.PAUSED: ("wait", "Paused: the same command goes on"),
    ExitStatus.INTERRUPTED: ("wait", "Stopped by hand: the same command goes on"),
    ExitStatus.TERMINATED: ("wait", "Stopped by the system: the same command goes on"),
    ExitStatus.THRESHOLD: ("bad", "Stopped: too many rows failed"),
    ExitStatus.SOURCE: ("bad", "Stopped: something is wrong with the source"),
    ExitStatus.ACCESS: ("bad", "HubSpot did not let the importer in"),
    ExitStatus.LEDGER: ("bad", "The ledger could not be written"),
    ExitStatus.HELD: ("wait", "Another run was at work in this ledger"),
    ExitStatus.USAGE: ("bad", "The run was refused before it sent anything"),
    ExitStatus.DIFFERENCES: ("bad", "Something does not agree"),
    ExitStatus.INTERNAL: ("bad", "The importer met an error of its own"),
    ExitStatus.BOOKS: ("bad", "The books do not balance"),
}


def verdict(
    status: ExitStatus | None, books: Books | None, reason: str | None, items: ItemBooks | None = None
) -> Verdict:  # fmt: skip
    """Return how a run ended; `status` None: it left no summary, so it was killed or is still at work."""
    if status is None or books is None:
        return Verdict(
            "wait",
            "This run has not told its end",
            "It was killed, or is still at work. Nothing is lost: the same command goes on where it stopped.",
        )
    if status is ExitStatus.OK:
        return _all_well(books)
    if status is ExitStatus.SOME_FAILED:
        if items is not None and items.failed and not books.failed:
            told = f"{many(items.failed, 'item')} of budget and spend could not be made; the campaigns stand."
            return Verdict("mend", "Finished, but for some budget or spend", told)
        rest = f"{many(books.created, 'campaign')} made" if books.created else "Nothing new was made"
        return Verdict("mend", f"{_rows(books.failed)} of {books.read:,} {_need(books.failed)} mending", f"{rest}.")
    if status is ExitStatus.UNRESOLVED:
        open_now = books.unresolved + books.in_doubt
        if items is not None and not open_now and items.unresolved + items.in_doubt:
            told = (
                f"Of {many(items.unresolved + items.in_doubt, 'item')} it cannot be told yet whether HubSpot made it."
            )
            return Verdict("mend", "Finished, with something to look at", told)
        told = f"Of {_rows(open_now)} it cannot be told yet whether HubSpot made the campaign."
        return Verdict("mend", "Finished, with something to look at", told)
    tone, headline = _HEADLINES[status]
    return Verdict(tone, headline, f"{reason.rstrip('.')}." if reason else "")


def _all_well(books: Books) -> Verdict:
    if books.created + books.updated == 0:
        return Verdict("good", "There was nothing left to do", f"{_rows(books.skipped)}: all are in HubSpot already.")
    already = f"; {_rows(books.skipped)} skipped: in HubSpot already, or twice in the source" if books.skipped else ""
    made = books.created + books.updated
    return Verdict("good", "Everything is in HubSpot", f"{many(made, 'campaign')} made{already}.")


def _rows(number: int) -> str:
    return many(number, "row")


def _need(number: int) -> str:
    return "needs" if number == 1 else "need"
