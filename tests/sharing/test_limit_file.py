"""The limit in a real file: turns exclude one another, a kill or damage leaves what the next one can go on from."""

import os
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from importer.errors import UsageError
from importer.pacing import RatePolicy
from importer.sharing.book import new_state, packed, unpacked
from importer.sharing.limit_file import LimitFile
from importer.sharing.turns import StoreError, Turns
from importer.sharing.window import Wish

POLICY = RatePolicy(requests=10)


def turns(path: Path) -> Turns:
    """Return the turns of one process at a file."""
    return Turns(LimitFile(path), POLICY, host=None)


def test_two_processes_share_the_slots_of_one_window(tmp_path: Path) -> None:
    """What one has taken the other does not get; what is returned unsent it does."""
    path = tmp_path / "acme.limit"
    one, two = turns(path), turns(path)
    first = one.take(Wish(me="one", book=None, held=0, wanted=7))
    second = two.take(Wish(me="two", book=None, held=0, wanted=7))
    assert (first.slots, second.slots) == (7, 3)
    assert second.wait_s is not None
    one.take(Wish(me="one", book=first.book, held=7, returned=4))
    assert two.take(Wish(me="two", book=first.book, held=3, wanted=7)).slots == 4
    assert path.stat().st_mode & 0o777 == 0o600


def test_who_leaves_holds_nothing_any_more(tmp_path: Path) -> None:
    """After its last turn a process is not on the list, and its slots count as sent just then."""
    path = tmp_path / "acme.limit"
    one = turns(path)
    granted = one.take(Wish(me="one", book=None, held=0, wanted=10))
    one.take(Wish(me="one", book=granted.book, held=10, leaving=True))
    assert unpacked(path.read_bytes())["members"] == {}
    assert turns(path).take(Wish(me="two", book=None, held=0, wanted=1)).slots == 0


_MANY = """
import sys, pathlib
from tests.sharing.test_limit_file import turns
from importer.sharing.window import Wish
mine = turns(pathlib.Path(sys.argv[1]))
book, held = None, 0
for _ in range(60):
    granted = mine.take(Wish(me=sys.argv[2], book=book, held=held, returned=held, wanted=1))
    book, held = granted.book, granted.held
print(held)
"""


def test_turns_of_real_processes_exclude_one_another(tmp_path: Path) -> None:
    """Three processes take 60 turns each at once: no turn is lost, the state adds up, one is killed on the way."""
    path = tmp_path / "acme.limit"
    crew = [
        subprocess.Popen([sys.executable, "-c", _MANY, str(path), name], stdout=subprocess.PIPE)
        for name in ("a", "b", "c")
    ]
    doomed = subprocess.Popen([sys.executable, "-c", _MANY.replace("60", "1000000"), str(path), "doomed"])
    held = [int(process.communicate()[0]) for process in crew]
    doomed.kill()
    doomed.wait()
    state = unpacked(path.read_bytes())
    names = [name for name in state["members"] if name != "doomed"]
    assert sorted(names) == ["a", "b", "c"]
    assert [state["members"][name]["held"] for name in ("a", "b", "c")] == held
    all_held = sum(member["held"] for member in state["members"].values())
    assert state["window"]["own"]["_taken"] - state["window"]["arrivals"]["answered"] == all_held
    assert turns(path).take(Wish(me="next", book=None, held=0)).book == state["book"]


@pytest.mark.parametrize("damage", [b"", b"{", b"\0" * 4096])
def test_a_damaged_file_begins_anew(tmp_path: Path, damage: bytes) -> None:
    """Torn, empty or zeroed, as after a power loss: another book, told as lost to who knew the old one, who pauses."""
    path = tmp_path / "acme.limit"
    one = turns(path)
    before = one.take(Wish(me="one", book=None, held=0, wanted=2))
    path.write_bytes(damage)
    after = one.take(Wish(me="one", book=before.book, held=2, wanted=1))
    assert (after.lost, after.slots, after.held) == (True, 0, 2)
    assert after.book != before.book
    assert one.broken == 1


def test_a_half_written_state_is_not_looked_at(tmp_path: Path) -> None:
    """What a process that was killed while it wrote leaves beside the file is written over."""
    path = tmp_path / "acme.limit"
    before = turns(path).take(Wish(me="one", book=None, held=0, wanted=2))
    (tmp_path / "acme.limit.new").write_bytes(b"half")
    after = turns(path).take(Wish(me="two", book=None, held=0, wanted=10))
    assert (after.book, after.slots) == (before.book, 8)


def test_a_folder_that_is_gone_is_an_error_for_now(tmp_path: Path) -> None:
    """The share is away: nothing is granted; back again, the next turn goes on."""
    path = tmp_path / "share" / "acme.limit"
    path.parent.mkdir()
    one = turns(path)
    before = one.take(Wish(me="one", book=None, held=0, wanted=2))
    path.parent.rename(tmp_path / "away")
    with pytest.raises(StoreError, match="not there"):
        one.take(Wish(me="one", book=before.book, held=2, wanted=1))
    (tmp_path / "away").rename(path.parent)
    assert one.take(Wish(me="one", book=before.book, held=2, wanted=1)).held == 3


def test_a_lock_that_nobody_gives_back_is_an_error_for_now(tmp_path: Path) -> None:
    """A process frozen in its turn makes the others fail after a while, instead of hanging for ever."""
    path = tmp_path / "acme.limit"
    one = turns(path)
    frozen = filelock.FileLock(f"{path}.lock", thread_local=False)
    assert isinstance(one.store, LimitFile)
    one.store.wait_s = 0.01
    with frozen, pytest.raises(StoreError, match="held for"):
        one.take(Wish(me="one", book=None, held=0))


def test_what_is_no_limit_file_is_refused(tmp_path: Path) -> None:
    """Another version's state, a link, a folder, something huge: a usage error, and the file is left alone."""
    other = tmp_path / "other.limit"
    other.write_bytes(packed({**new_state("b"), "schema": 99}))
    with pytest.raises(UsageError, match="this version"):
        turns(other).take(Wish(me="one", book=None, held=0))
    (tmp_path / "link").symlink_to(other)
    for path in (tmp_path / "link", tmp_path):
        with pytest.raises(UsageError, match="not a plain file"):
            LimitFile(path)
    with pytest.raises(UsageError, match="is not there"):
        LimitFile(other / "acme.limit")
    huge = tmp_path / "huge"
    huge.touch()
    os.truncate(huge, 1 << 23)
    with pytest.raises(UsageError, match="too large"):
        turns(huge).take(Wish(me="one", book=None, held=0))
    assert huge.stat().st_size == 1 << 23


def test_the_clock_is_that_of_the_file(tmp_path: Path) -> None:
    """The shared time starts where the file system's clock is, and never goes back when somebody sets that back."""
    path = tmp_path / "acme.limit"
    one = turns(path)
    first = one.take(Wish(me="one", book=None, held=0))
    assert abs(first.since - (tmp_path / "acme.limit.lock").stat().st_mtime) < 1e-3
    state = unpacked(path.read_bytes())
    path.write_bytes(packed({**state, "last": first.since + 3_600}))
    second = one.take(Wish(me="one", book=first.book, held=0))
    assert second.since == first.since + 3_600
