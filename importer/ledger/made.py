"""Every campaign that a ledger made, read back from its journal in order: where it came from and what was written.

Bounded memory: what is held are the intents with a record that is not settled yet, and 50 bits for each batch that an
undo has archived something of. Everything here blocks; it is read in a thread.
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from importer.errors import LedgerError
from importer.ledger import codec
from importer.ledger.fold import properties_of
from importer.ledger.idset import IdSet
from importer.ledger.replay import JOURNAL, no_ledger

_TOLD_AT_ONCE: Final = 50  #: campaigns of which it is told at once who updated them
_KIND_WITHIN: Final = 40  #: bytes of a line, in which its type stands
_ARCHIVES: Final = (b'"t":"archive"', b'"t":"archived"')


class Made(NamedTuple):
    """A campaign that this ledger made."""

    of: int  #: number of the intent that sent it
    at: int  #: its place in that batch
    run: int  #: the run that sent it
    id: str  #: HubSpot's
    created_at: str | None
    identity: str
    name: str
    content: str  #: digest of what was written
    source: str
    ordinal: int
    line_number: int | None
    written: Mapping[str, str]  #: property → value as it was sent
    normalised: Mapping[str, str]  #: property → value as HubSpot showed it then, where that differed
    archived: bool  #: whether an undo has taken it back
    updated: int | None = None  #: the latest run that updated it, where somebody asked (`as_touched`)


def made(folder: Path) -> Generator[Made]:
    """Yield every campaign that the ledger in `folder` made.

    Raises:
        LedgerError: there is no journal, or it is damaged before its end.
    """
    taken_back = archived_places(folder)
    held: dict[int, tuple[Any, set[int]]] = {}  # intent → entry, and the places that are not settled
    for n, entry in entries_of(folder):
        if entry["t"] == "intent":
            held[n] = entry, set(range(len(entry["items"])))
        elif entry.get("of") in held and entry["t"] in {"outcome", "resolve", "decision"}:
            of: int = entry["of"]
            intent, left = held[of]
            found, settled = told(entry)
            for index, campaign, created_at, _pairing, normalised in found:
                source, ordinal, line, identity, name, content = intent["items"][index]
                yield Made(
                    of=of, at=index, run=intent["run"], id=campaign, created_at=created_at, identity=identity,
                    name=name, content=content, source=intent["src"][source], ordinal=ordinal, line_number=line,
                    written=properties_of(intent, index), normalised=normalised or {},
                    archived=bool(taken_back.get(of, 0) >> index & 1),
                )  # fmt: skip
            left.difference_update(settled)
            if not left:
                del held[of]


class Update(NamedTuple):
    """A campaign that a run updated."""

    id: str  #: HubSpot's
    name: str
    run: int  #: that updated it
    properties: tuple[str, ...]  #: that were written, by name


def updates(folder: Path) -> Generator[Update]:
    """Yield what runs updated, in order. Memory: the updates that are not settled. Raises as `made`."""
    begun: dict[int, tuple[Any, set[int]]] = {}
    for n, entry in entries_of(folder, kinds=(b'"t":"update"', b'"t":"updated"')):
        if entry["t"] == "update":
            begun[n] = entry, set(range(len(entry["items"])))
        elif entry["of"] in begun:
            update, left = begun[entry["of"]]
            for index, properties in entry["updated"]:
                yield Update(update["ids"][index], update["items"][index][4], update["run"], tuple(properties))
            left.difference_update(index for index, _properties in entry["updated"])
            left.difference_update(failed["i"] for failed in entry["failed"])
            left.difference_update(entry["returned"])
            if not left:
                del begun[entry["of"]]


def as_touched(folder: Path, campaigns: Iterator[Made]) -> Generator[Made]:
    """Yield each campaign with the latest run that updated it. Memory is bounded. Raises as `made`, and `OSError`."""
    with closing(IdSet()) as latest:
        for update in updates(folder):
            latest.add({update.id: update.run})
        while some := list(islice(campaigns, _TOLD_AT_ONCE)):
            found = latest.find([one.id for one in some])
            yield from (one._replace(updated=found.get(one.id)) for one in some)


def told(entry: Any) -> tuple[list[Any], set[int]]:
    """Return the campaigns that an entry tells, as it holds them, and the places of the intent that it settles."""
    if entry["t"] == "decision":
        found = [(entry["i"], entry["id"], None, "operator", None)] if entry["decision"] == "created" else []
        return found, {entry["i"]}
    settled = {index for index, *_ in entry["created"]} | {failed["i"] for failed in entry["failed"]}
    return entry["created"], settled | set(entry.get("returned", ())) | set(entry.get("absent", ()))


def archived_places(folder: Path) -> dict[int, int]:
    """Return intent → its places that an undo has archived, as bits. Raises `LedgerError` where there is no journal."""
    begun: dict[int, Any] = {}
    places: dict[int, int] = {}
    for _n, entry in entries_of(folder, kinds=_ARCHIVES):
        if entry["t"] == "archive":
            begun[entry["n"]] = entry["items"]
        elif entry["of"] in begun:
            items = begun.pop(entry["of"])
            for index in entry["gone"]:
                of, at = items[index][:2]
                places[of] = places.get(of, 0) | 1 << at
    return places


def windows(folder: Path, *, before_s: float, after_s: float) -> list[tuple[int, float, float]]:
    """Return run, and from when to when by the server's clock its campaigns can have been made (epoch seconds).

    `before_s` is allowed for the clocks where an intent knew no bounds, `after_s` for a request on its way.
    Raises as `made`.
    """
    found: dict[int, tuple[float, float]] = {}
    for _n, entry in entries_of(folder, kinds=(b'"t":"intent"',)):
        low, high = entry["srv"] or (entry["at"] - before_s, entry["at"] + before_s)
        least, most = found.get(entry["run"], (low, high))
        found[entry["run"]] = min(least, low), max(most, high)
    return [(run, low, high + after_s) for run, (low, high) in found.items()]


def entries_of(folder: Path, *, kinds: tuple[bytes, ...] = ()) -> Iterator[tuple[int, Any]]:
    """Yield number and entry of each line of the journal, checked; with `kinds` only those lines, unchecked.

    Raises:
        LedgerError: there is no journal, or a line before its torn end is damaged.
    """
    crc, n = codec.SEED, 0
    try:
        with (folder / JOURNAL).open("rb") as file:
            for n, line in enumerate(file):
                if not line.endswith(b"\n"):  # torn, or being written just now
                    return
                if not kinds:
                    entry, crc = codec.unseal_line(line, n, crc)
                    yield n, entry
                elif any(kind in line[:_KIND_WITHIN] for kind in kinds):
                    yield n, orjson.loads(line)
    except FileNotFoundError as error:
        raise no_ledger(folder) from error
    except (OSError, ValueError, codec.BrokenLineError) as error:
        raise LedgerError(
            f"{folder / JOURNAL} cannot be read at line {n + 1}: {error}", hint="importer verify says what is wrong."
        ) from error
