"""The end of a run, as people read it: what failed and how to mend it, the next command, the sum that holds."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from importer.cli.estimate_shown import estimate_told
from importer.cli.pasting import command_line
from importer.cli.screen import Screen, one_line
from importer.errors import ExitStatus
from importer.model import Rejection
from importer.problems import CODES
from importer.report import summary as report
from importer.report.books import SAMPLES_MAX, Summary
from importer.report.item_books import ItemBooks
from importer.report.words import duration, many
from importer.reporting import begin_of

CODES_SHOWN_MAX: Final = 8
_FAILURES: Final = "failures.jsonl"

#: Statuses of a run which the same command continues.
_CONTINUES: Final = frozenset(
    {
        ExitStatus.INTERRUPTED,
        ExitStatus.TERMINATED,
        ExitStatus.PAUSED,
        ExitStatus.THRESHOLD,
        ExitStatus.ACCESS,
        ExitStatus.LEDGER,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ended, and what is needed to say so."""

    summary: Summary
    argv: Sequence[str]  #: the command that ran, without the program
    samples: Mapping[str, Sequence[Rejection]] = field(default_factory=dict)  #: rejected rows by code, the first few
    page: Path | None = None  #: the run's report, where there is one


def show(ending: Ending, screen: Screen, *, as_json: bool = False) -> None:
    """Show how a run ended: talk to stderr, the last line (or, `as_json`, the summary) to stdout."""
    summary = ending.summary
    _show_failures(ending, screen)
    _show_remarks(summary, screen)
    if summary.estimate is not None:
        for words, style in estimate_told(summary.estimate):
            screen.say(words, style=style)
    if summary.reason:
        screen.say(f"{_WORD.get(summary.status, 'stopped')}: {summary.reason}", style=_style(summary.status))
        if summary.hint:
            screen.say(f"hint: {summary.hint}")
    for words in next_steps(summary, ending.argv):
        screen.say(words)
    if summary.run is not None:
        screen.notice(f"ledger: {summary.ledger}")
    if ending.page is not None:
        screen.notice(f"report: {ending.page}")
    if as_json:
        screen.data(report.text(summary).rstrip("\n"))
        screen.say(last_line(summary), style="bold")
    else:
        screen.data(last_line(summary))


_WORD: Final = {ExitStatus.PAUSED: "paused", ExitStatus.BOOKS: "internal error", ExitStatus.INTERNAL: "internal error"}


def _style(status: ExitStatus) -> str:
    return "yellow" if status in {ExitStatus.INTERRUPTED, ExitStatus.TERMINATED, ExitStatus.PAUSED} else "red"


def last_line(summary: Summary) -> str:
    """Return the sum that holds, with how long it took: `3 read = 2 created + … (14 s, 240 requests, 3 resent)`."""
    if "adopted" in summary.counts:
        adopted, known = summary.counts["adopted"], summary.counts["known"]
        how = many(summary.counts.get("requests", 0), "request")
        return f"{adopted:,} adopted + {known:,} known before ({duration(summary.seconds)}, {how})"
    if not summary.sources:  # nothing was read: it only settled what earlier runs left
        settled, still_open = summary.counts.get("recovered", 0), summary.counts.get("doubted", 0)
        looks = summary.counts.get("looks", 0)
        return f"{settled:,} settled + {still_open:,} still open ({duration(summary.seconds)}, {looks:,} looks)"
    requests, resent = summary.counts.get("requests", 0), summary.counts.get("resent", 0)
    return f"{summary.books.line()} ({duration(summary.seconds)}, {many(requests, 'request')}, {resent:,} resent)"


# Failures, grouped


def _show_failures(ending: Ending, screen: Screen) -> None:
    summary = ending.summary
    codes: dict[str, int] = summary.counts.get("codes") or {}
    if not codes or screen.quiet:
        return
    rows = {code: [_as_row(rejection) for rejection in some] for code, some in ending.samples.items()}
    if summary.run is not None:
        rows |= first_failures(Path(summary.ledger) / _FAILURES, summary.run)
    by_count = sorted(codes.items(), key=lambda item: (-item[1], item[0]))
    for code, count in by_count[:CODES_SHOWN_MAX]:
        known = CODES.get(code)
        screen.say(f"{count:,} {code}: {known.meaning if known else 'see run.log'}", style="red")
        for row in rows.get(code, []):
            screen.say(f"  {place(row)}: {one_line(_said(row))}")
        if known:
            screen.say(f"  {known.fix}", style="dim")
    if len(by_count) > CODES_SHOWN_MAX:
        screen.say(f"and {len(by_count) - CODES_SHOWN_MAX} more codes")
    if summary.run is not None:
        screen.say(f"all of them: {Path(summary.ledger) / _FAILURES}")


def first_failures(path: Path, run: int) -> dict[str, list[dict[str, Any]]]:
    """Return code → the first few rows that failed in `run`, from the ledger; blocks, and gives what can be read."""
    found: dict[str, list[dict[str, Any]]] = {}
    with suppress(OSError), path.open("rb") as file:
        file.seek(begin_of(file, run))
        for line in file:
            row = _row(line)
            if row is not None and row.get("run") == run:
                of_code = found.setdefault(str(row.get("code")), [])
                if len(of_code) < SAMPLES_MAX:
                    of_code.append(row)
    return found


def _as_row(rejection: Rejection) -> dict[str, Any]:
    """Return a rejected row as it would stand in failures.jsonl, as far as it is shown."""
    row, problem = rejection.row, rejection.problems[0]
    where = {"source": row.source, "ordinal": row.ordinal, "line_number": row.line_number}
    return where | {"column": problem.column, "message": problem.message, "fix": problem.fix}


def _said(row: Mapping[str, Any]) -> str:
    """Return what is wrong with a row, and what was probably meant; other remedies are said once, for all of a code."""
    message, fix = str(row.get("message", "")), str(row.get("fix") or "")
    return f"{message}. {fix}" if fix.startswith("Did you mean") else message


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def place(row: dict[str, Any]) -> str:
    """Return where a failed row stands, as editors take it: `campaigns.csv:812`, and its column."""
    number = row.get("line_number")
    at = f"{row.get('source')}:{number}" if number is not None else f"{row.get('source')} row {row.get('ordinal')}"
    column = row.get("column")
    return one_line(f"{at} {column}" if column else at)


# What else there is to say


def _show_remarks(summary: Summary, screen: Screen) -> None:
    counts, folder = summary.counts, Path(summary.ledger)
    remarks = {
        "recovered": "settled of what earlier runs left in doubt",
        "changed": f"skipped although changed since they were sent: {folder / 'changed.jsonl'}",
        "conflicts": f"changed in HubSpot since they were written: {folder / 'conflicts.jsonl'}",
        "missing": "rows whose campaigns were deleted in HubSpot (--recreate-missing makes them again)",
        "gone": "made earlier from these sources and not in them any more",
    }
    for name, words in remarks.items():
        if counts.get(name):
            screen.notice(f"{counts[name]:,} {words}")
    if counts.get("throttled"):
        screen.notice(f"{many(counts['throttled'], 'pause')} that HubSpot asked for (nothing was lost by it)")
    items = ItemBooks.of(counts.get("items"))
    if items.changed:
        screen.notice(f"{items.changed:,} campaigns whose budget or spend differs now: it is not changed in HubSpot")
    if items.any and not summary.dry_run:
        screen.say(items.line())
    for notice in counts.get("notices", ()):
        screen.notice(f"notice: {one_line(notice)}")
    if counts.get("unexpected"):
        screen.say(f"{counts['unexpected']:,} campaigns in HubSpot's answers belong to none of these rows", style="red")


def next_steps(summary: Summary, argv: Sequence[str]) -> Iterator[str]:
    """Yield the next commands, ready to paste; none after a success, none when nothing ran."""
    if summary.status is ExitStatus.OK or summary.run is None or summary.dry_run:
        return
    again, books, items = command_line(argv), summary.books, ItemBooks.of(summary.counts.get("items"))
    if summary.status is ExitStatus.SOURCE:
        yield f"once the source is mended: {again}"
    elif summary.status in _CONTINUES or books.in_doubt or books.not_sent or items.in_doubt or items.unresolved:
        yield f"to go on: {again}"
    elif books.failed:
        yield f"once the rows are mended: {again}"
    elif items.failed:
        yield f"to send the items again as they are: {command_line([*argv, '--retry-failed'])}"
    if books.unresolved:
        yield f"to look again for what is unresolved: {command_line(['reconcile', summary.ledger])}"
