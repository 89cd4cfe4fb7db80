"""Which budget and spend items are still to be made, read from the journal: campaign after campaign, in its order.

Nothing is asked of the source: an item stands in the intent of its campaign, and the campaign's id in what closed that.
Bounded memory: what is held are two numbers for each intent that has begun with its items, and the intents with items
whose records are not settled. Everything here blocks.
"""

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from importer.errors import LedgerError
from importer.ledger.made import archived_places, told
from importer.ledger.replay import JOURNAL
from importer.model import CampaignItem, Event

_MORE: Final = b'"more":['
_OF: Final = re.compile(rb'"of":(\d{1,18})')
_HEAD_BYTES: Final = 64  #: type and `of` stand in them
_CLOSING: Final = re.compile(rb'"t":"(?:outcome|resolve|decision)"')
_ITEMS: Final = re.compile(rb'"t":"(?:item|item_outcome)"')
_MADE: Final = frozenset({Event.CREATED, Event.FOUND})


class DueCampaign(NamedTuple):
    """A campaign that was made, and those of its items that are not."""

    of: int  #: number of the intent
    run: int  #: the run that sent it
    id: str  #: HubSpot's
    identity: str
    name: str
    source: str
    ordinal: int
    line_number: int | None
    items: tuple[tuple[int, CampaignItem], ...]  #: with the place of each in the intent's `more`
    failed: frozenset[int]  #: places of those that were refused before


class _Progress(NamedTuple):
    """The places of one intent's `more` that are made, and that were refused, as bits."""

    made: int = 0
    failed: int = 0


def due_campaigns(folder: Path, *, retry_failed: bool) -> Generator[DueCampaign]:
    """Yield each campaign with items that are not made; `retry_failed` takes those that were refused before, too.

    Raises:
        LedgerError: the journal cannot be read.
    """
    progress, taken_back = _progress(folder), archived_places(folder)
    held: dict[int, tuple[Any, set[int]]] = {}  # intent → entry, and the places that are not settled
    for line in _lines(folder):
        head = line[:_HEAD_BYTES]
        if b'"t":"intent"' in head:
            if _MORE in line:
                entry = orjson.loads(line)
                if "more" in entry:
                    held[entry["n"]] = entry, set(range(len(entry["items"])))
        elif held and _CLOSING.search(head) and _of(line) in held:
            entry = orjson.loads(line)
            of: int = entry["of"]
            intent, left = held[of]
            found, settled = told(entry)
            for index, campaign, *_ in found:
                if not taken_back.get(of, 0) >> index & 1:
                    yield from _due(intent, of, index, campaign, progress.get(of, _Progress()), retry=retry_failed)
            left.difference_update(settled)
            if not left:
                del held[of]


def count_due(folder: Path) -> tuple[int, int]:
    """Return how many items are to be made, and how many were refused; none of campaigns that an undo archived.

    Raises as above.
    """
    due = failed = 0
    for campaign in due_campaigns(folder, retry_failed=True):
        due += len(campaign.items) - len(campaign.failed)
        failed += len(campaign.failed)
    return due, failed


def _due(
    intent: Any, of: int, index: int, campaign: str, progress: _Progress, *, retry: bool
) -> Generator[DueCampaign]:  # fmt: skip
    done = progress.made | (0 if retry else progress.failed)
    more = enumerate(intent["more"])
    items = tuple((k, CampaignItem(*item)) for k, (at, *item) in more if at == index and not done >> k & 1)
    if items:
        source, ordinal, line, identity, name, _content = intent["items"][index]
        yield DueCampaign(
            of=of, run=intent["run"], id=campaign, identity=identity, name=name, source=intent["src"][source],
            ordinal=ordinal, line_number=line, items=items,
            failed=frozenset(k for k, _item in items if progress.failed >> k & 1),
        )  # fmt: skip


def _progress(folder: Path) -> dict[int, _Progress]:
    """Return intent → what has become of its items."""
    found: dict[int, _Progress] = {}
    open_ones: dict[int, tuple[int, int]] = {}
    for line in _lines(folder):
        if not _ITEMS.search(line[:_HEAD_BYTES]):
            continue
        entry = orjson.loads(line)
        if entry["t"] == "item":
            open_ones[entry["n"]] = of, k = entry["of"], entry["k"]
            made, failed = found.get(of, _Progress())
            found[of] = _Progress(made, failed & ~(1 << k))
            continue
        of, k = open_ones[entry["of"]]
        made, failed = found.get(of, _Progress())
        if entry["event"] in _MADE:
            made |= 1 << k
        elif entry["event"] == Event.REFUSED:
            failed |= 1 << k
        else:
            continue
        found[of] = _Progress(made, failed)
        del open_ones[entry["of"]]
    return found


def _of(line: bytes) -> int:
    found = _OF.search(line[:_HEAD_BYTES])
    return int(found[1]) if found else -1


def _lines(folder: Path) -> Generator[bytes]:
    """Yield the whole lines of the journal; a run at work is still writing the last one."""
    try:
        with (folder / JOURNAL).open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                yield line
    except OSError as error:
        raise LedgerError(f"{folder / JOURNAL} cannot be read: {error}") from error
