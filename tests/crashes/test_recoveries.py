"""A sample of crashes in recovery, and an auditor that is shown to see what it is there for."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crashes.audit import audit
from tests.crashes.midflight import aimed, open_batches
from tests.crashes.recoveries import points_of_recovery, recover

Entries = list[dict[str, Any]]
NO_FINDINGS: dict[str, Any] = {"failed": [], "returned": [], "doubt": [], "extra": []}
CREATED = [[n, f"c{n}", None, "key", None] for n in range(2)]


def intent(n: int, at: float, ordinals: tuple[int, ...] = (0, 1)) -> dict[str, Any]:
    """Return the announcement of a batch."""
    items = [[0, ordinal, None, f"i{ordinal}", f"name {ordinal}", "content"] for ordinal in ordinals]
    inputs = [{"properties": {"hs_name": f"name {ordinal}"}} for ordinal in ordinals]
    return {"n": n, "t": "intent", "run": 1, "at": at, "items": items, "body": {"inputs": inputs}}


def sound() -> Entries:
    """Return a journal of two rows which were refused for once, and then made."""
    return [
        {"n": 0, "t": "header"},
        {"n": 1, "t": "run", "run": 1},
        intent(2, 10.0),
        {"n": 3, "t": "outcome", "of": 2, "created": [], **NO_FINDINGS, "returned": [0, 1]},
        intent(4, 20.0),
        {"n": 5, "t": "outcome", "of": 4, "created": CREATED, **NO_FINDINGS},
        {"n": 6, "t": "end", "run": 1, "books": {"read": 2, "created": 2}},
    ]


def request(number: int, arrived: float) -> dict[str, Any]:
    """Return a create as the server's log has it."""
    return {"number": number, "arrived": arrived, "method": "POST", "path": "/marketing/v3/campaigns/batch/create"}


def made(count: int = 2, *, request: int = 2) -> Entries:
    """Return campaigns as the server's truth has them."""
    return [{"id": f"c{n}", "properties": {"hs_name": f"name {n}"}, "request": request} for n in range(count)]


REQUESTS = [request(1, 11.0), request(2, 21.0)]


def audited(folder: Path, entries: Entries, requests: Entries = REQUESTS, truth: Entries | None = None) -> list[str]:
    """Write the ledger that `entries` make, and let it be audited."""
    crc, lines, results = 0, [], []
    for entry in entries:
        head = json.dumps(entry, separators=(",", ":")).encode()[:-1]
        crc = zlib.crc32(head, crc)
        lines.append(b'%b,"c":"%08x"}\n' % (head, crc))
        for index, campaign, *_ in entry.get("created", ()):
            results.append({"n": entry["n"], "ordinal": index, "id": campaign})
    (folder / "journal.jsonl").write_bytes(b"".join(lines))
    if not (folder / "results.jsonl").exists():
        (folder / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in results))
    (folder / "failures.jsonl").write_text("")
    return audit(folder, requests, made() if truth is None else truth, secret="a-token")


def test_the_auditor_is_content_with_what_is_right(tmp_path: Path) -> None:
    """A batch that was returned and sent again is no violation."""
    assert audited(tmp_path, sound()) == []


def entry_changed(place: int, **fields: Any) -> Callable[[], Entries]:
    """Return the sound journal with one entry changed."""
    return lambda: [entry | fields if n == place else entry for n, entry in enumerate(sound())]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (entry_changed(3, returned=[], doubt=[0, 1]), "sent again: 'name 0' while in doubt"),
        (entry_changed(3, returned=[0]), "sent again: 'name 1' while sent"),
        (entry_changed(5, created=[CREATED[0]], doubt=[1]), "left over: 'name 1' is in doubt at the end"),
        (entry_changed(5, of=2), "finding: entry 5 says created of a record that was not made"),
        (entry_changed(5, created=[CREATED[0], [1, "c0", None, "key", None]]), "ledgers: the id c0 twice"),
        (entry_changed(4, run=2), "runs: entry 4 is of run 2 and stands in run 1"),
        (entry_changed(6, t="stop"), "runs: the last entry is stop, not an end"),
        (entry_changed(6, books={"read": 3, "created": 2}), "books:"),
        (entry_changed(2, n=3), "chain: line 2 does not follow from the one before it"),
        (entry_changed(4, at=22.0), "requests: number 2 made what no free announcement before it holds"),
        (entry_changed(1, t="run", note="a-token"), "secret: journal.jsonl holds the token"),
    ],
)
def test_the_auditor_reads_the_journal(tmp_path: Path, entries: Callable[[], Entries], said: str) -> None:
    """Each planted violation in a journal is named."""
    requests = REQUESTS[1:] if "announcement" in said else REQUESTS
    changed = entries()
    if "announcement" in said:
        changed[2] = intent(2, 10.0, ordinals=(5, 6))
    assert any(sentence.startswith(said) for sentence in audited(tmp_path, changed, requests))


def test_the_auditor_sees_a_changed_bit(tmp_path: Path) -> None:
    """One other character in a line of the journal breaks the chain."""
    audited(tmp_path, sound())
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b"name 1", b"name 2", 1))
    assert audit(tmp_path, REQUESTS, made(), secret="a-token") == [
        "chain: line 2 does not follow from the one before it"
    ]


def test_the_auditor_sees_a_row_too_few(tmp_path: Path) -> None:
    """A ledger that lags behind the journal, or has rows in another order, is named."""
    audited(tmp_path, sound())
    path = tmp_path / "results.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    for rows in (lines[:1], lines[::-1]):
        path.write_text("".join(rows))
        assert any(said.startswith("ledgers: results.jsonl is not") for said in audited(tmp_path, sound()))


@pytest.mark.parametrize(
    ("requests", "truth"),
    [
        ([*REQUESTS, request(3, 31.0)], made()),
        (REQUESTS, [*made(), *made(request=1), *made(request=3)]),
        ([request(1, 9.0), REQUESTS[1]], [*made(request=1), *made()]),
    ],
)
def test_the_auditor_sees_what_was_not_announced(tmp_path: Path, requests: Entries, truth: Entries) -> None:
    """A create too many, campaigns that no create made, and a create before its intent are named."""
    assert any(said.startswith("requests:") for said in audited(tmp_path, sound(), requests, truth))


def test_open_batches_are_those_of_the_latest_run(tmp_path: Path) -> None:
    """What an earlier run left, what was answered and half a line do not count."""
    journal = tmp_path / "journal.jsonl"
    entries = [*sound()[:3], {"n": 3, "t": "run", "run": 2}, intent(4, 20.0), intent(5, 20.0), intent(6, 20.0)]
    entries.append({"n": 7, "t": "outcome", "of": 5})
    journal.write_text("".join(json.dumps(entry) + "\n" for entry in entries) + '{"n":8,"t":"outc')
    assert open_batches(journal) == 2


@pytest.mark.slow
def test_aimed_strikes(tmp_path: Path) -> None:
    """Strikes at a few sizes of the journal, in bad weather, on a stream that is fed again: all is well."""
    score = aimed(tmp_path, kills=3, seed=1, number=2)
    assert score.violations == []
    assert any(name.startswith("struck:") for name in score.strikes)


@pytest.mark.slow
def test_a_crash_in_recovery(tmp_path: Path) -> None:
    """A torn intent is cut off again after a crash just before the cutting, in an account that holds twins."""
    point = "truncate:journal.jsonl/before/1"
    points = points_of_recovery(tmp_path, "torn intent", seed=5)
    assert {point, "write:torn/half/1", "sync:results.jsonl/after/1", "list/before/1"} <= set(points)
    score = recover(tmp_path / "one", "torn intent", point, seed=5)
    assert score.violations == []
    assert score.strikes["kills in recovery"] == score.strikes["wounds"] == 1
