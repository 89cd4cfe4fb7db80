"""What was last written to campaigns, and which they are: one reading of the journal for many identities at once.

The index does not hold values: a record of 10 million would cost as much memory as the file. They stand in the
journal, in the bodies of intents and updates, and the few that a run needs are gathered in one pass over it.
Everything here blocks.
"""

from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from importer.ledger.fold import properties_of
from importer.ledger.made import Made, entries_of
from importer.ledger.replay import JOURNAL
from importer.model import CampaignItem

_HEAD_BYTES: Final = 48  #: the type stands in them
_NAMES: Final = (b"intent", b"outcome", b"resolve", b"decision", b"update", b"updated", b"confirm", b"adopt")
_KINDS: Final = tuple(b'"t":"%s"' % name for name in _NAMES)


@dataclass(slots=True)
class Written:
    """The campaign of one identity."""

    id: str = ""
    #: property → values that may stand there by our hand: the last, and those of which it is not known
    values: dict[str, list[str]] = field(default_factory=dict)
    items: tuple[CampaignItem, ...] | None = ()  #: of budget and spend that were to be made with it; None: not known
    content: str = ""  #: digest of the row that it is known to be as
    refused: str | None = None  #: digest of the content whose update HubSpot refused, where nothing was written since


class _Sent(NamedTuple):
    identity: str
    values: dict[str, str]
    content: str  #: digest of all that the record said


class _Gathering:
    def __init__(self, identities: Collection[str]) -> None:
        self.found: dict[str, Written] = {}
        self._wanted = frozenset(identities)
        self._sent: dict[int, dict[int, _Sent]] = {}
        self._items: dict[int, list[Any]] = {}
        self._updates: dict[int, dict[int, _Sent]] = {}

    def take(self, entry: Any) -> None:
        """Take one entry, in the journal's order."""
        getattr(self, f"_{entry['t']}")(entry)

    def _intent(self, entry: Any) -> None:
        self._keep(self._sent, entry)
        if "more" in entry and entry["n"] in self._sent:
            self._items[entry["n"]] = entry["more"]

    def _update(self, entry: Any) -> None:
        self._keep(self._updates, entry)
        for sent in self._updates.get(entry["n"], {}).values():
            for name, value in sent.values.items():
                self.found[sent.identity].values.setdefault(name, [""]).append(value)

    def _outcome(self, entry: Any) -> None:
        self._resolve(entry)
        if not entry["doubt"]:
            self._sent.pop(entry["of"], None)
            self._items.pop(entry["of"], None)

    def _resolve(self, entry: Any) -> None:
        for index, campaign, _created_at, _pairing, shown in entry["created"]:
            self._made(entry["of"], index, campaign, shown)

    def _decision(self, entry: Any) -> None:
        if entry["id"]:
            self._made(entry["of"], entry["i"], entry["id"], None)

    def _updated(self, entry: Any) -> None:
        updates = self._updates.get(entry["of"], {})
        for index, _properties in entry["updated"]:
            if (sent := updates.get(index)) is not None:
                written = self.found[sent.identity]
                written.values |= {name: [value] for name, value in sent.values.items()}
                written.content, written.refused = sent.content, None
        for failed in entry["failed"]:
            if (sent := updates.get(failed["i"])) is not None:
                self.found[sent.identity].refused = sent.content

    def _confirm(self, entry: Any) -> None:
        for identity, content, *_rest in entry["items"]:
            if identity in self._wanted:
                self.found[identity].content = content

    def _adopt(self, entry: Any) -> None:
        for (identity, campaign, _name, content, *_rest), values in zip(entry["items"], entry["values"], strict=True):
            if identity in self._wanted:
                self.found[identity] = Written(campaign, {name: [values[name]] for name in values}, None, content)

    def _keep(self, into: dict[int, dict[int, _Sent]], entry: Any) -> None:
        items = enumerate(entry["items"])
        kept = {
            index: _Sent(item[3], properties_of(entry, index), item[5])
            for index, item in items
            if item[3] in self._wanted
        }
        if kept:
            into[entry["n"]] = kept

    def _made(self, of: int, index: int, campaign: str, shown: dict[str, str] | None) -> None:
        sent = self._sent.get(of, {}).get(index)
        if sent is not None:
            possible = {name: [value] for name, value in sent.values.items()}
            for name, value in (shown or {}).items():
                possible.setdefault(name, []).append(value)
            items = tuple(CampaignItem(*item) for at, *item in self._items.get(of, ()) if at == index)
            self.found[sent.identity] = Written(campaign, possible, items, sent.content)


def last_written(folder: Path, identities: Collection[str]) -> dict[str, Written]:
    """Return the campaign of each identity, and what this ledger wrote there. Blocks: reads the whole journal."""
    gathering = _Gathering(identities)
    with (folder / JOURNAL).open("rb") as file:
        for line in file:
            if line.endswith(b"\n") and any(kind in line[:_HEAD_BYTES] for kind in _KINDS):
                gathering.take(orjson.loads(line))
    return gathering.found


def as_updated(folder: Path, campaigns: Iterator[Made]) -> Generator[Made]:
    """Yield each campaign with what was written there last; one that was made anew since is left out.

    Blocks. Memory: the values of the campaigns that were updated or made anew, one by one.
    """
    touched: set[str] = set()
    for _n, entry in entries_of(folder, kinds=(b'"t":"update"', b'"t":"gone"')):
        touched.update(item[3] if entry["t"] == "update" else item[0] for item in entry["items"])
    values = last_written(folder, touched) if touched else {}
    for one in campaigns:
        last = values.get(one.identity)
        if last is None:
            yield one
        elif last.id == one.id:
            first = {name: told[0] for name, told in last.values.items()}
            yield one._replace(written=first, normalised={name: told[-1] for name, told in last.values.items()})
