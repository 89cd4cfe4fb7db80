"""The auditor of a crashed ledger: does the journal, line by line, agree with itself and with the server's own records?

The judge (`tests.kills.checker`) compares what was wanted with what was made. The auditor looks at how it came about:
the chain of the journal, every sending and what was known before it, both ledgers against the journal, and each
request and campaign of the server against an intent which was there before. It shares no code with the importer.
"""

import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

Entry = Mapping[str, Any]
Content = frozenset[tuple[str, str]]

SENT: Final = "sent"
NOT_MADE: Final = "not made"
SETTLED: Final = {"created": "created", "returned": NOT_MADE, "absent": NOT_MADE, "failed": NOT_MADE,
                  "doubt": "in doubt", "unresolved": "unresolved"}  # fmt: skip


def audit(ledger: Path, requests: Sequence[Entry], made: Sequence[Entry], *, secret: str) -> list[str]:
    """Return what is wrong with the ledger of a finished import, given the server's log and what it made for us."""
    try:
        entries = list(read_chain(ledger / "journal.jsonl"))
    except ValueError as error:
        return [str(error)]
    return [
        *_runs(entries),
        *_sendings(entries),
        *_rows(ledger, entries),
        *_requests(entries, requests, made),
        *(f"secret: {path.name} holds the token" for path in _files(ledger) if secret.encode() in path.read_bytes()),
    ]


def _files(ledger: Path) -> list[Path]:
    return [path for path in sorted(ledger.rglob("*")) if path.is_file()]


def read_chain(path: Path) -> Iterator[Entry]:
    """Yield the entries of a journal; raise `ValueError` where the chain of numbers and checksums is broken."""
    crc = 0
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        raise ValueError("chain: the journal ends in half a line")
    for n, line in enumerate(data.split(b"\n")[:-1]):
        entry = json.loads(line)
        body, _, _ = line.rpartition(b',"c":"')
        crc = zlib.crc32(body, crc)
        if entry["n"] != n or entry["c"] != f"{crc:08x}":
            raise ValueError(f"chain: line {n} does not follow from the one before it")
        yield entry


def _runs(entries: Sequence[Entry]) -> Iterator[str]:
    """Runs follow one another, each entry belongs to the one under way, and the last one came to its end."""
    run = 0
    for entry in entries[1:]:
        if entry["t"] == "run":
            run += 1
        if entry.get("run", run) != run:
            yield f"runs: entry {entry['n']} is of run {entry['run']} and stands in run {run}"
    if entries[0]["t"] != "header" or sum(entry["t"] == "header" for entry in entries) != 1:
        yield "runs: the journal has not one header, at its beginning"
    last = entries[-1]
    if last["t"] != "end":
        yield f"runs: the last entry is {last['t']}, not an end"
        return
    books = dict(last["books"])
    if books.pop("read") != sum(books.values()):
        yield f"books: {last['books']} do not balance"


def _sendings(entries: Sequence[Entry]) -> Iterator[str]:
    """A record is sent again only when every earlier sending is known to have made nothing; findings name a sending."""
    intents: dict[int, Entry] = {}
    states: dict[tuple[int, int], str] = {}
    sendings: dict[str, list[tuple[int, int]]] = {}
    for entry in entries:
        if entry["t"] == "intent":
            intents[entry["n"]] = entry
            for index, item in enumerate(entry["items"]):
                earlier = sendings.setdefault(item[3], [])
                yield from (
                    f"sent again: {item[4]!r} while {states[key]}" for key in earlier if states[key] != NOT_MADE
                )
                earlier.append((entry["n"], index))
                states[entry["n"], index] = SENT
        for index, state in findings(entry):
            key = (entry["of"], index)
            if key not in states:
                yield f"finding: entry {entry['n']} is about a record that was not sent"
            elif states[key] in {"created", NOT_MADE} or (entry["t"] == "outcome" and states[key] != SENT):
                yield f"finding: entry {entry['n']} says {state} of a record that was {states[key]}"
            states[key] = state
    for (n, index), state in states.items():
        if state in {SENT, "in doubt"}:
            yield f"left over: {intents[n]['items'][index][4]!r} is {state} at the end"


def findings(entry: Entry) -> list[tuple[int, str]]:
    """Return what an entry says: index in the batch and state."""
    found = []
    for field, state in SETTLED.items():
        for item in entry.get(field) or () if entry["t"] in {"outcome", "resolve"} else ():
            index = item["i"] if field == "failed" else item if isinstance(item, int) else item[0]
            found.append((index, state))
    return found


def _rows(ledger: Path, entries: Sequence[Entry]) -> Iterator[str]:
    """Both ledgers say what the journal says, in its order."""
    intents = {entry["n"]: entry for entry in entries if entry["t"] == "intent"}
    results: list[tuple[Any, ...]] = []
    failures: list[tuple[Any, ...]] = []
    for entry in entries:
        n = entry["n"]
        if entry["t"] == "reject":
            failures += [(n, item["ordinal"], item["state"]) for item in entry["items"]]
        if entry["t"] not in {"outcome", "resolve"} or entry["of"] not in intents:
            continue
        items = intents[entry["of"]]["items"]
        results += [(n, items[one[0]][1], one[1]) for one in entry["created"]]
        failures += [(n, items[one["i"]][1], "failed") for one in entry["failed"]]
        failures += [(n, items[one[0]][1], "unresolved") for one in entry.get("unresolved", ())]
    for name, fields, expected in (
        ("results.jsonl", ("n", "ordinal", "id"), results),
        ("failures.jsonl", ("n", "ordinal", "state"), failures),
    ):
        lines = (ledger / name).read_bytes().splitlines()
        rows = [tuple(json.loads(line)[field] for field in fields) for line in lines]
        if rows != expected:
            wrong = next((n for n, pair in enumerate(zip(rows, expected, strict=False)) if pair[0] != pair[1]), None)
            where = f"row {wrong}" if wrong is not None else f"{len(rows)} rows in place of {len(expected)}"
            yield f"ledgers: {name} is not what the journal says: {where}"
    yield from (f"ledgers: the id {one} twice" for one, n in Counter(row[2] for row in results).items() if n > 1)


def _requests(entries: Sequence[Entry], requests: Sequence[Entry], made: Sequence[Entry]) -> Iterator[str]:
    """Each create the server saw was announced before, and no announcement was used for two requests."""
    free = [(entry["at"], _contents(one["properties"] for one in entry["body"]["inputs"]))
            for entry in entries if entry["t"] == "intent"]  # fmt: skip
    creates = [one for one in requests if one["method"] == "POST" and one["path"].endswith("/batch/create")]
    if len(creates) > len(free):
        yield f"requests: {len(creates)} creates arrived and {len(free)} were announced"
    by_request: dict[int, list[Entry]] = {}
    for campaign in made:
        by_request.setdefault(campaign["request"], []).append(campaign)
    for request in sorted(creates, key=lambda one: one["arrived"]):
        contents = _contents(one["properties"] for one in by_request.pop(request["number"], ()))
        fits = [place for place, (at, body) in enumerate(free) if at <= request["arrived"] and contents <= body]
        if not contents:
            continue
        if not fits:
            yield f"requests: number {request['number']} made what no free announcement before it holds"
            continue
        free.pop(min(fits, key=lambda place: (free[place][1].total(), free[place][0])))
    yield from (f"requests: {len(campaigns)} campaigns of no create" for campaigns in by_request.values())


def _contents(campaigns: Any) -> Counter[Content]:
    return Counter(frozenset(properties.items()) for properties in campaigns)
