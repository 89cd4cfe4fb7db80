"""`doctor --shared`: two meet in a folder and tell whether its locks exclude; either may come first, or die."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from importer.doctor import shared_findings, two_hosts
from importer.doctor.findings import Finding, status_of
from importer.doctor.meeting import FOLDER, Clock, Meeting
from importer.doctor.shared_locks import MakeLock, TriedLock
from importer.doctor.two_processes import excluded_alone
from importer.errors import ExitStatus, UsageError
from tests import warm

COMMAND = (sys.executable, "-m", "importer", "doctor")


class FreeForAll:
    """A lock of a storage that knows no locks: whoever asks gets it."""

    def __init__(self, _path: Path) -> None:
        """Take any file."""

    def take(self) -> bool:
        """Let everybody have it."""
        return True

    def release(self) -> None:
        """Nothing was held."""


class Sticky(TriedLock):
    """A lock that the storage never lets go again, once it was held."""

    def release(self) -> None:
        """Forget to give it back."""


def meeting(shared: Path, host: str, *, wait_s: float = 60.0) -> Meeting:
    """Return the meeting of one host, whose partner counts as gone after a second."""
    return Meeting(shared, host, f"machine of {host}", wait_s, lost_s=1.0)


def examined(shared: Path, hosts: Sequence[str], make_lock: MakeLock, *, wait_s: float = 60.0) -> list[list[Finding]]:
    """Return what hosts find that come at once, each a thread."""
    found: dict[str, list[Finding]] = {}

    def examine(host: str) -> None:
        one = meeting(shared, host, wait_s=wait_s)
        found[host] = two_hosts.examine_together(one, waiting=lambda: None, lost=lambda: None, make_lock=make_lock)

    crew = [threading.Thread(target=examine, args=(host,)) for host in hosts]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return [found[host] for host in hosts]


def states(found: list[Finding]) -> dict[str, str]:
    """Return the state of each finding."""
    return {one.name: one.state for one in found}


def begun(shared: Path, *more: str) -> subprocess.Popen[str]:
    """Start the command on a folder."""
    command = [*COMMAND, "--shared", str(shared), "--json", *more]
    return warm.Warm(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any], str]:
    """Return status, object and talk of a command."""
    out, talk = process.communicate(timeout=60)
    return process.returncode, json.loads(out), talk


@pytest.mark.slow
def test_two_real_processes_prove_it_to_one_another(tmp_path: Path) -> None:
    """The first waits and says what to type; both end with 0, say the same, and leave nothing behind.

    Being of one machine they find nothing wrong, and prove nothing of two hosts.
    """
    first = begun(tmp_path)
    assert first.stderr is not None
    assert "waiting 600 s for another host" in first.stderr.readline()
    assert first.stderr.readline() == f"importer doctor --shared {tmp_path}\n"
    second = ended(begun(tmp_path))
    for status, told, _ in (ended(first), second):
        assert status == told["status"] == ExitStatus.OK
        assert told["proved"] is False
        found = {one["name"]: one["state"] for one in told["findings"]}
        assert found == {"this host": "ok", "two hosts": "warn", "locks": "ok", "files": "ok", "clocks": "ok"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_alone_it_tells_what_could_be_proved(tmp_path: Path) -> None:
    """Nobody comes: status 7, two processes of this host were tried, and nothing is left behind."""
    status, told, _ = ended(begun(tmp_path, "--shared-wait", "1s"))
    assert status == ExitStatus.PAUSED
    assert told["proved"] is None
    assert [one["state"] for one in told["findings"]] == ["ok", "bad"]
    assert "nobody came in 1 s" in told["findings"][1]["says"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_one_that_is_killed_in_the_middle_is_replaced_by_the_next(tmp_path: Path) -> None:
    """Killed while it holds the lock: the other notices, waits anew, proves it with a third one, and cleans up."""
    script = (
        "import os, pathlib, signal, sys; from importer.doctor.meeting import Meeting;"
        "from importer.doctor.shared_locks import TriedLock;"
        "one = Meeting(pathlib.Path(sys.argv[1]), 'doomed', 'its', 60.0); one.meet(lambda: None);"
        "TriedLock(one.folder / f'{min(one.me, one.other)}-{max(one.me, one.other)}.lock').take();"
        "one.tell(held1=True, held2=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    doomed = warm.Warm([sys.executable, "-c", script, str(tmp_path)])
    third: list[threading.Thread] = []
    found: dict[str, list[Finding]] = {}

    def examine(host: str) -> None:
        one = meeting(tmp_path, host)
        found[host] = two_hosts.examine_together(one, waiting=lambda: None, lost=another)

    def another() -> None:
        third.append(threading.Thread(target=examine, args=("third",)))
        third[-1].start()

    examine("second")
    third[0].join()
    assert doomed.wait() == -9
    assert states(found["second"]) == states(found["third"])
    assert shared_findings.proved(found["second"]) is True
    left = [path.name.partition(".")[2] for path in (tmp_path / FOLDER).iterdir()]
    assert left == ["peer"]  # of the one that was killed


def test_a_storage_whose_locks_do_not_exclude_is_found_out(tmp_path: Path) -> None:
    """Both get the lock at once: both say that it is not proved, with status 5."""
    for found in examined(tmp_path, ("a", "b"), FreeForAll):
        assert states(found) == {"two hosts": "ok", "locks": "bad", "files": "ok", "clocks": "ok"}
        assert "both had the lock at once" in found[1].says
        assert status_of(found) is ExitStatus.LEDGER
        assert shared_findings.proved(found) is False
        assert shared_findings.verdict(found).startswith("not proved")
    assert excluded_alone(tmp_path / "alone.lock", FreeForAll) == "two processes had the lock at once"


def test_a_lock_that_is_never_free_again_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was given back and cannot be had does not serve either."""
    monkeypatch.setattr(two_hosts, "_SEEN_S", 0.5)
    for found in examined(tmp_path, ("a", "b"), Sticky):
        assert "not free for the other" in found[1].says
        assert shared_findings.proved(found) is False


def test_four_who_come_at_once_find_two_partners(tmp_path: Path) -> None:
    """Nobody waits in a ring: every one of four ends with a proof, and the folder is empty."""
    for found in examined(tmp_path, ("a", "b", "c", "d"), TriedLock):
        assert shared_findings.proved(found) is True
        assert shared_findings.verdict(found) == "proved: locks in this folder exclude"
    assert list(tmp_path.iterdir()) == []


def test_who_comes_while_others_leave_finds_the_folder(tmp_path: Path) -> None:
    """Whoever is the last one out removes the folder, again and again, just as somebody else begins to write."""
    over = threading.Event()

    def leave() -> None:
        removed = 0
        while not over.is_set():
            with suppress(OSError):
                (tmp_path / FOLDER).rmdir()
                removed += 1
                over.wait(0.01 if removed % 3 == 0 else 0.0)

    leaving = threading.Thread(target=leave)
    leaving.start()
    try:
        for number in range(50):
            comer = meeting(tmp_path, "a")
            comer.me = f"{number:x}"
            comer.tell(here=True)
            comer.leave()
    finally:
        over.set()
        leaving.join()


def test_what_others_left_behind_is_ignored_and_cleaned(tmp_path: Path) -> None:
    """The file of a dead process is no partner; what has lain there for hours is removed, what is newer stays."""
    folder = tmp_path / FOLDER
    folder.mkdir()
    told: dict[str, Any] = {"count": 7, "other": None, "host": "dead", "machine": None, "facts": {}}
    for name in ("0dead.peer", "0older.peer", "0older.lock"):
        (folder / name).write_text(json.dumps(told))
    (folder / "half.peer").write_text('{"count": ')
    (folder / "list.peer").write_text("[]")
    for name in ("0older.peer", "0older.lock"):
        os.utime(folder / name, (1_000_000, 1_000_000))
    (found,) = examined(tmp_path, ("a",), TriedLock, wait_s=0.5)
    assert found[0].status is ExitStatus.PAUSED
    assert sorted(path.name for path in folder.iterdir()) == ["0dead.peer", "half.peer", "list.peer"]


def test_a_folder_that_cannot_serve_is_refused(tmp_path: Path) -> None:
    """One that is not there is a usage error; where the meeting's folder cannot be made, it says so with status 5."""
    with pytest.raises(UsageError, match="is not there"):
        two_hosts.examine(meeting(tmp_path / "away", "a"), waiting=lambda: None, lost=lambda: None)
    (tmp_path / FOLDER).touch()
    (found,) = examined(tmp_path, ("a",), TriedLock)
    assert "it cannot be used" in found[0].says
    assert status_of(found) is ExitStatus.LEDGER


LOOK: dict[str, Any] = {
    "host": "a", "machine": "1", "got": False, "freed": True, "torn": 0, "renamed_s": 0.1, "size_s": 0.2, "skew_s": 0.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "name", "state", "says"),
    [
        ({"torn": 1}, "files", "bad", "seen by half"),
        ({"renamed_s": None}, "files", "bad", "did not see"),
        ({"size_s": 12.0}, "files", "warn", "within 12.0 s"),
        ({"skew_s": 7.04}, "clocks", "warn", r"+7.0 s"),
        ({"skew_s": -0.004}, "clocks", "ok", r"+0.0 s"),
        ({"machine": "1"}, "two hosts", "warn", "one machine"),
        ({"machine": None}, "two hosts", "ok", " and "),
    ],
)
def test_both_sides_tell_the_same(change: dict[str, Any], name: str, state: str, says: str) -> None:
    """Whichever of the two saw it, both say it, in the same words or mirrored."""
    mine, other = shared_findings.Look(**LOOK), shared_findings.Look(**{**LOOK, "host": "b", "machine": "2", **change})
    for one, two in ((mine, other), (other, mine)):
        found = {finding.name: finding for finding in shared_findings.between(one, two)}[name]
        assert found.state == state
        assert says in found.says


def test_only_two_machines_prove_it() -> None:
    """Two processes of one machine prove nothing of two, and that is no fault of the folder."""
    here, same, there = (shared_findings.Look(**{**LOOK, "machine": machine}) for machine in "112")
    one, two = shared_findings.between(here, same), shared_findings.between(here, there)
    assert [shared_findings.proved(found) for found in (one, two)] == [False, True]
    assert [status_of(found) for found in (one, two)] == [ExitStatus.OK, ExitStatus.OK]
    assert "of two hosts nothing is known" in shared_findings.verdict(one)


def test_where_machines_do_not_tell_one_name_is_one_machine() -> None:
    """MacOS and Windows have no number of their start: two processes of one host are not taken for two."""
    here, there = (shared_findings.Look(**{**LOOK, "machine": None, "host": host}) for host in "ab")
    assert [shared_findings.between(here, other)[0].state for other in (here, there)] == ["warn", "ok"]


def test_a_file_whose_name_is_seen_late_is_waited_for(tmp_path: Path) -> None:
    """A storage that is slow to tell of a new file is slow, and no more."""
    one = meeting(tmp_path, "a")
    one.me, one.other = "one", "other"
    one.folder.mkdir()
    swapped, grown = two_hosts._files(one, "other")
    swapped.write_bytes(two_hosts._NEW)

    def appear(_seconds: float) -> None:
        grown.write_bytes(2 * two_hosts._LINE)

    one.clock = Clock(sleep=appear)
    _, seen_s, torn = two_hosts._watch(one)
    assert (seen_s is not None, torn) == (True, 0)
