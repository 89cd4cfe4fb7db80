"""What `init` shows of a proposal: three mapped records as a table, what to look at, what is left out and why."""

import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from importer.cli.screen import Screen, one_line
from importer.mapping import CampaignMapping
from importer.proposing import ready
from importer.proposing.proposal import Feed, Proposal
from importer.proposing.sampling import Sample
from importer.report.words import many

_RECORDS: Final = 3
_CELL_MAX: Final = 24  #: columns of the terminal for a value, where there is room
_CELL_LEAST: Final = 12
_LEFT_MAX: Final = 8  #: columns named one by one
_DOUBTS_MAX: Final = 10


class Shown(NamedTuple):
    """A sample and what is made of it."""

    sample: Sample
    mapping: CampaignMapping
    rows: str  #: how many were looked at, in words
    why: Proposal | str  #: the proposal; of a ready mapping, a sentence
    left: Mapping[str, str]  #: column → why it is not imported


def show(shown: Shown, screen: Screen) -> None:
    """Say all of it on stderr; `--quiet` drops it."""
    sample = shown.sample
    encoding = f", written in {sample.encoding}" if sample.encoding else ""
    screen.notice(
        f"looked at: {shown.rows} of {one_line(sample.source)}, {many(len(sample.columns), 'column')}{encoding}"
    )
    if sample.broken:
        screen.notice(f"{sample.broken} of its rows cannot be read: importer check lists them", style="yellow")
    if isinstance(shown.why, str):
        screen.notice(f"mapping: {shown.why}")
    trial = ready.tried(shown.mapping, sample.columns, sample.rows)
    screen.notice()
    for line in _table(shown.mapping, trial.made[:_RECORDS], frozenset(sample.columns)):
        screen.notice(line)
    screen.notice()
    items = [f"{one.place} from {', '.join(one.fields['amount'].columns)}" for one in shown.mapping.items.rules]
    if items:
        screen.notice(f"items: {one_line('; '.join(items))} (made after the campaign, a request each)")
    _say_key(shown, screen)
    if trial.failing:
        screen.notice(
            f"{len(trial.failing)} of {len(sample.rows)} sampled rows would fail: importer check says why",
            style="yellow",
        )
    doubts = [f"{feed.prop}: {doubt}" for feed in _feeds(shown) for doubt in feed.doubts]
    for doubt in doubts[:_DOUBTS_MAX]:
        screen.notice(f"! {one_line(doubt)}", style="yellow")
    if len(doubts) > _DOUBTS_MAX:
        screen.notice(f"! and {len(doubts) - _DOUBTS_MAX} more, marked LOOK in the file", style="yellow")
    _say_left(shown.left, screen)


def _feeds(shown: Shown) -> tuple[Feed, ...]:
    return () if isinstance(shown.why, str) else shown.why.feeds


def _say_key(shown: Shown, screen: Screen) -> None:
    key = ", ".join(shown.mapping.key)
    if key:
        because = "" if isinstance(shown.why, str) else f": {shown.why.key_reason}"
        screen.notice(f"key: {one_line(key)}{because}")
    elif not isinstance(shown.why, str):
        screen.notice(f"key: {shown.why.key_reason}", style="yellow")


def _say_left(left: Mapping[str, str], screen: Screen) -> None:
    """Say which columns are left out; those of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for column, reason in left.items():
        by_reason.setdefault(reason, []).append(column)
    for reason, columns in by_reason.items():
        named = ", ".join(one_line(column, _CELL_MAX) or '""' for column in columns[:_LEFT_MAX])
        more = f" and {len(columns) - _LEFT_MAX} more" if len(columns) > _LEFT_MAX else ""
        screen.notice(f"left out: {named}{more} ({one_line(reason)})", style="dim")


def _table(mapping: CampaignMapping, records: Sequence[Mapping[str, str]], columns: frozenset[str]) -> list[str]:
    """Return one line for each property: its column, and its value in each record; as wide as the terminal is."""
    head = ["property", "column", *(f"record {number}" for number in range(1, len(records) + 1))]
    lines = [head]
    for rule in mapping.rules:
        if rule.columns and columns.isdisjoint(rule.columns):
            continue  # an optional column that the source does not have
        origin = ", ".join(rule.columns) or "(the same for all)"
        lines.append([rule.name, origin, *(record.get(rule.name, "") for record in records)])
    room = shutil.get_terminal_size((100, 24)).columns - max(len(line[0]) for line in lines)
    most = max(_CELL_LEAST, min(_CELL_MAX, room // (len(head) - 1) - 2))
    cut = [[line[0], *(_cut(cell, most) for cell in line[1:])] for line in lines]
    widths = [max(_width(line[at]) for line in cut) for at in range(len(head))]
    ruled = [*cut[:1], ["─" * width for width in widths], *cut[1:]]
    return [
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in ruled
    ]


def _cut(text: str, most: int) -> str:
    """Return `text` on one line, in at most `most` columns of the terminal."""
    line = one_line(text)
    while _width(line) > most:
        line = line.removesuffix("…")[:-1] + "…"
    return line


def _width(text: str) -> int:
    """Return the columns that `text` takes on a terminal: wide characters two, combining ones none."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )
