"""Whether the locks of a folder exclude between two hosts: what each does in turn, and sees of the other's doings."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from importer import platforms
from importer.doctor import shared_findings
from importer.doctor.findings import Finding
from importer.doctor.meeting import Meeting, NobodyCameError, PartnerLostError
from importer.doctor.shared_findings import Look
from importer.doctor.shared_locks import Lock, MakeLock, TriedLock
from importer.doctor.two_processes import excluded_alone
from importer.errors import ImporterError, UsageError
from importer.sharing.account_lock import NOT_MADE

_SEEN_S: Final = 30.0  #: so long something may take to be seen
_OLD: Final = b"old" * 1000  #: of a file that is replaced
_NEW: Final = b"new" * 2000
_LINE: Final = b"appended\n"


def examine(
    meeting: Meeting, *, waiting: Callable[[], None], lost: Callable[[], None], make_lock: MakeLock = TriedLock
) -> list[Finding]:
    """Try a folder alone, then with whoever comes. Blocks; nothing of this process is left behind, unless it is killed.

    `waiting` is called while nobody is there, `lost` when somebody who had come is gone again.

    Raises:
        UsageError: there is no such folder.
    """
    if not meeting.shared.is_dir():
        raise UsageError(f"the folder {meeting.shared} is not there", hint=NOT_MADE)
    tried = meeting.shared / f".importer-doctor-{secrets.token_hex(8)}.lock"
    found = _usable(lambda: [shared_findings.alone(excluded_alone(tried, make_lock))])
    if found[0].state == "bad":
        return found
    return [*found, *examine_together(meeting, waiting=waiting, lost=lost, make_lock=make_lock)]


def examine_together(
    meeting: Meeting, *, waiting: Callable[[], None], lost: Callable[[], None], make_lock: MakeLock = TriedLock
) -> list[Finding]:
    """Try a folder with whoever comes; as `examine`."""
    try:
        return _usable(lambda: _together(meeting, waiting, lost, make_lock))
    finally:
        meeting.leave()


def _usable(work: Callable[[], list[Finding]]) -> list[Finding]:
    """Return what the work finds, or that the folder cannot be used."""
    try:
        return work()
    except ImporterError as error:
        return [shared_findings.no_lock(error.message, error.hint)]
    except OSError as error:
        return [shared_findings.no_lock(f"it cannot be used: {error.strerror or error}", "")]


def _together(
    meeting: Meeting, waiting: Callable[[], None], lost: Callable[[], None], make_lock: MakeLock
) -> list[Finding]:
    while True:
        try:
            meeting.meet(waiting)
            mine = _look(meeting, make_lock)
            meeting.tell(look=asdict(mine))
            other = Look(**meeting.hear("look"))
        except NobodyCameError:
            return [shared_findings.nobody(meeting.wait_s)]
        except PartnerLostError:
            lost()
            continue
        with suppress(PartnerLostError):  # it has all it needs, and so have we
            meeting.tell(bye=True)
            meeting.hear("bye")
        return shared_findings.between(mine, other)


def _look(meeting: Meeting, make_lock: MakeLock) -> Look:
    """Hold the lock, let the other try, and the other way round; then write, and look at what the other writes."""
    assert meeting.other is not None
    first, second = sorted((meeting.me, meeting.other))
    path = meeting.folder / f"{first}-{second}.lock"
    lock = make_lock(path)
    if meeting.me == first:
        _hold(meeting, lock, "1")
        got, freed = _try(meeting, lock, "2")
    else:
        got, freed = _try(meeting, lock, "1")
        _hold(meeting, lock, "2")
    _begin(meeting)
    renamed_s, size_s, torn = _watch(meeting)
    return Look(
        host=meeting.host, machine=meeting.machine, got=got, freed=freed, torn=torn + meeting.torn,
        renamed_s=renamed_s, size_s=size_s, skew_s=_skew(meeting),
    )  # fmt: skip


def _hold(meeting: Meeting, lock: Lock, turn: str) -> None:
    """Hold the lock until the other has tried it, and let the other have it."""
    held = meeting.until(lock.take, _SEEN_S) is not None
    meeting.tell(**{f"held{turn}": held})
    try:
        meeting.hear(f"tried{turn}")
    finally:
        lock.release()
    meeting.tell(**{f"released{turn}": True})
    meeting.hear(f"freed{turn}")


def _try(meeting: Meeting, lock: Lock, turn: str) -> tuple[bool, bool]:
    """Try the lock that the other holds; return whether that went, and whether it went once it was given back."""
    held = meeting.hear(f"held{turn}")
    got = bool(held and lock.take())
    if got:
        lock.release()
    meeting.tell(**{f"tried{turn}": got})
    meeting.hear(f"released{turn}")
    freed = bool(held) and meeting.until(lock.take, _SEEN_S) is not None
    if freed:
        lock.release()
    meeting.tell(**{f"freed{turn}": freed})
    return got, freed


def _begin(meeting: Meeting) -> None:
    """Write two files, let the other read them, so that it may have them in its cache, and change both."""
    swapped, grown = _files(meeting, meeting.me)
    swapped.write_bytes(_OLD)
    _append(grown)
    meeting.tell(written=True)
    meeting.hear("written")
    for path in _files(meeting, meeting.other):
        with suppress(OSError):  # seen late: that is looked at below
            path.read_bytes()
    meeting.tell(read=True)
    meeting.hear("read")
    half = swapped.with_suffix(".half")
    half.write_bytes(_NEW)
    platforms.replace(half, swapped)
    _append(grown)
    meeting.tell(changed=True)
    meeting.hear("changed")


def _watch(meeting: Meeting) -> tuple[float | None, float | None, int]:
    """Return after how long the other's two changes were seen, and how often the replaced file was not whole."""
    swapped, grown = _files(meeting, meeting.other)
    torn = 0

    def renamed() -> bool:
        nonlocal torn
        found = _read(swapped)
        torn += found not in {_OLD, _NEW}
        return found == _NEW

    def has_grown() -> bool:
        with suppress(OSError):  # its name is seen late
            return grown.stat().st_size == 2 * len(_LINE) and _read(grown) == 2 * _LINE
        return False

    return meeting.until(renamed, _SEEN_S), meeting.until(has_grown, _SEEN_S), torn


def _skew(meeting: Meeting) -> float:
    """Return by how much the storage's clock is ahead of this host's, in seconds."""
    path, _ = _files(meeting, meeting.me)
    before = meeting.clock.wall()
    os.utime(path)  # without a time: now, by the clock of whoever keeps the file
    after = meeting.clock.wall()
    there = path.stat().st_mtime
    return round(there - min(max(there, before), after), 3)  # nothing, where it lies between the two


def _files(meeting: Meeting, name: str | None) -> tuple[Path, Path]:
    return meeting.folder / f"{name}.swapped", meeting.folder / f"{name}.grown"


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(_LINE)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
