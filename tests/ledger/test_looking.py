"""Looking at a ledger changes nothing in it; `verify` tells whatever else did."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from importer.errors import LedgerError
from importer.inspecting import status, verify
from importer.ledger.disk import OsDisk
from importer.ledger.identities import states as states_module
from importer.ledger.index import Index
from importer.ledger.index_opening import INDEX
from importer.ledger.looking import empty_index, look_at
from importer.ledger.opening import open_ledger
from importer.ledger.projections import FAILURES, RESULTS
from importer.ledger.replay import JOURNAL
from importer.model import State
from tests.ledger.conftest import OWNER, identity, inline, life, outcome, run, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a closed ledger."""
    path = tmp_path / "ledger"
    write(path, life())
    return path


def seen(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file with its bytes and the time of its last change, and the folder's own."""
    paths = [folder, *folder.rglob("*")]
    return {str(path): (b"" if path.is_dir() else path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def look(folder: Path) -> dict[str, State]:
    """Look, and return what the index says."""
    with look_at(folder) as view:
        return {key: state for key, state, _content in view.index.states()}


@pytest.mark.parametrize("name", [None, INDEX, RESULTS, FAILURES, "lock"])
@pytest.mark.parametrize("torn", [b"", b'{"n":13,"t":"int'])
def test_looking_changes_nothing(folder: Path, name: str | None, torn: bytes) -> None:
    """Looking, status and verify leave each byte and each time as they were, also in a ledger that needs mending."""
    if name == INDEX:
        shutil.rmtree(folder / INDEX)
    elif name is not None:
        (folder / name).unlink()
    with (folder / JOURNAL).open("ab") as file:
        file.write(torn)
    before = seen(folder)
    assert look(folder)[identity(9)] is State.IN_DOUBT
    assert status(folder)["torn_bytes"] == len(torn)
    verify(folder)
    assert seen(folder) == before


def test_looking_while_a_run_is_at_work(folder: Path) -> None:
    """A ledger that is held can be looked at, and what its run writes is seen."""
    ledger = open_ledger(folder, OWNER, run_blocking=inline)
    assert look(folder)[identity(0)] is State.CREATED
    ledger.close()


def test_looking_reads_what_the_index_has_not(folder: Path) -> None:
    """Entries after the index's position are folded into the copy, and the index stays behind."""
    later = folder.with_name("later")
    write(later, [*life(), run(2), outcome(11, doubt=[]) | {"created": []}])
    (folder / JOURNAL).write_bytes((later / JOURNAL).read_bytes())
    with look_at(folder) as view:
        assert view.fold.run == 2
        assert view.torn_bytes == 0


def test_a_marked_copy_does_not_touch_the_ledger(folder: Path) -> None:
    """The index that looking gives may be marked and flushed as one likes."""
    before = seen(folder)
    with look_at(folder) as view:
        view.index.begin_pass(99)
        view.index.seal({})
        view.index.flush()
    assert seen(folder) == before


def test_what_is_no_ledger_is_refused(tmp_path: Path) -> None:
    """A folder without a journal, and none at all, are refused and not made."""
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(LedgerError, match="is not a ledger"):
            look(path)
        with pytest.raises(LedgerError, match="is not a ledger"):
            status(path)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_index_knows_nothing() -> None:
    """The index of a ledger that does not exist yet guards nothing."""
    index = empty_index()
    assert not index.begin_pass(1)
    assert index.known([identity(1)]) == {}
    index.close()


def test_status_tells_what_stands(folder: Path) -> None:
    """Status counts records by state, names what is not settled and says when a run never ended."""
    told = status(folder)
    assert told["records"] == {"created": 5, "failed": 2, "in_doubt": 1, "unresolved": 0}
    assert [item["identity"] for item in told["unsettled"]] == [identity(9)]
    assert (told["runs"], told["running_or_killed"], told["account"]) == (1, False, "42")
    assert told["latest"]["a.csv"]["run"] == 1
    write(folder, [run(2)])
    assert status(folder)["running_or_killed"]


def swap(folder: Path, name: str, old: bytes, new: bytes) -> None:
    """Change the first `old` of a file into `new`."""
    data = (folder / name).read_bytes()
    assert old in data
    (folder / name).write_bytes(data.replace(old, new, 1))


def forge(folder: Path, *, at: int = 0, value: int | None = None, key: bytes = b"") -> None:
    """Make the index again, with entries that are whole but wrong: a byte of each, none of them, or one more."""
    index = Index(folder / INDEX, before_commit=lambda: None)
    entries = [entry for run in index._states.tiers.runs for entry in run.part(0, 0)]
    position = index.position
    index.close()
    shutil.rmtree(folder / INDEX)
    index = Index(folder / INDEX, before_commit=lambda: None)
    if value is not None:
        entries = [entry[:at] + bytes([value]) + entry[at + 1 :] for entry in entries]
    entries = [*entries, key + entries[0][len(key) :]] if key else entries if value is not None else []
    index._states.write(sorted(entries), index._states.tiers.remember(sorted(entries)), position)
    index.close()


def damage(folder: Path) -> None:
    """Flip a bit in the first entry of each run of the index."""
    for path in (folder / INDEX).glob("*.run"):
        data = path.read_bytes()
        path.write_bytes(data[:20] + bytes([data[20] ^ 1]) + data[21:])


def doubled(folder: Path, name: str) -> None:
    """Write the last row of a file twice."""
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data + data.splitlines(keepends=True)[-1])


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (lambda folder: swap(folder, JOURNAL, b"Name 1", b"Name 8"), "damaged at journal.jsonl line 3"),
        (lambda folder: swap(folder, JOURNAL, b'"header"', b'"hEader"'), "journal.jsonl line 1"),
        (lambda folder: OsDisk().truncate(_fd(folder / JOURNAL), 5_000), "torn line"),
        (lambda folder: swap(folder, RESULTS, b'"id":"500"', b'"id":"501"'), "differs in id"),
        (lambda folder: swap(folder, RESULTS, b'{"', b'x"'), "results.jsonl line 1 is not JSON"),
        (lambda folder: doubled(folder, RESULTS), "results.jsonl has 1 rows that the journal does not know"),
        (lambda folder: OsDisk().truncate(_fd(folder / RESULTS), 0), "results.jsonl lacks the row of 'Name 0'"),
        (lambda folder: (folder / RESULTS).unlink(), "results.jsonl is missing"),
        (lambda folder: swap(folder, FAILURES, b'"message":"no"', b'"message":"na"'), "differs in message"),
        (lambda folder: doubled(folder, FAILURES), "failures.jsonl has 1 rows"),
        (lambda folder: (folder / FAILURES).unlink(), "failures.jsonl is missing"),
        (lambda folder: forge(folder, at=16, value=3), "the index is wrong about"),
        (forge, "the index is wrong about"),
        (lambda folder: forge(folder, key=b"\xff" * 16), "the index is wrong about ffff"),
        (lambda folder: forge(folder, at=20, value=77), "the index is wrong about"),
    ],
)
def test_verify_tells_what_was_tampered_with(folder: Path, tamper: Callable[[Path], None], said: str) -> None:
    """A change to any file of the ledger is told in a sentence."""
    assert verify(folder) == []
    tamper(folder)
    assert any(said in one for one in verify(folder)), verify(folder)


def test_verify_tells_that_the_index_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flipped bit among entries that the opening need not read is told when they are read."""
    monkeypatch.setattr(states_module, "UNSAVED_AT_CLOSE_MAX", 0)
    write(tmp_path / "l", life())
    assert verify(tmp_path / "l") == []
    damage(tmp_path / "l")
    assert ["index is damaged" in one for one in verify(tmp_path / "l")] == [True]


def _fd(path: Path) -> int:
    return OsDisk().open_append(path)


def test_verify_tells_a_campaign_that_stands_twice(tmp_path: Path) -> None:
    """One id in two results rows is told, though journal and ledgers agree about it."""
    entries = life()
    entries[6]["created"] = [(0, "500", None, "listing", None)]
    write(tmp_path / "l", entries)
    assert verify(tmp_path / "l") == ["campaign 500 stands in results.jsonl 2 times"]
