"""Opening a ledger: lock, check, mend the tail, bring ledgers and index up to date.

`open_ledger` is for a run: it makes what is missing and mends what a kill or power loss left. `look_at` is for those
who only look: nothing in the folder is changed, no lock is taken, and the index they get is a copy of their own.
"""

import uuid
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from importer.errors import AGAIN, AccessError, LedgerError
from importer.ledger import codec, entries
from importer.ledger.disk import Disk, OsDisk, make_folder, write_whole
from importer.ledger.effects import Change
from importer.ledger.fold import Fold
from importer.ledger.index import Index
from importer.ledger.index_opening import open_index
from importer.ledger.journal import Journal, in_thread
from importer.ledger.lock import LedgerLock
from importer.ledger.position import position_of
from importer.ledger.projecting import RunBlocking
from importer.ledger.projections import FAILURES, RESULTS, Projections
from importer.ledger.replay import JOURNAL, Replay, no_ledger

RESERVE: Final = "reserve"
_RESERVE_BYTES: Final = 1 << 20
_HEADER_BYTES_MAX: Final = 1 << 16
_HEADER_START: Final = b'{"n":0,"t":"header",'
_REPLAY_ROWS: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose ledger it is; another account or base URL is refused."""

    base_url: str
    account: str | None  #: portal id, None where it could not be told
    simulated: bool
    tool: str  #: version of the importer


@dataclass(slots=True, kw_only=True)
class Ledger:
    """An open ledger."""

    folder: Path
    journal: Journal
    index: Index
    warnings: list[str]  #: what the opening had to mend, for people
    closing: Callable[[], None]

    @property
    def fold(self) -> Fold:
        """What the journal says."""
        return self.journal.fold

    def close(self) -> None:
        """Seal and write the index, close the files, release the lock. Blocks. Call after the journal's task ended.

        Raises `LedgerError` when the index cannot be written or a file not be closed; all is closed even so.
        """
        try:
            # Else the next opening reads them again.
            if self.journal.poison is None and not self.journal.unfinished and self.index.broken is None:
                self.index.seal(self.journal.position())
                self.index.flush()
                self.index.save()
        finally:
            self.closing()


def open_ledger(
    folder: Path, owner: Owner, *, disk: Disk | None = None, run_blocking: RunBlocking = in_thread
) -> Ledger:
    """Open the ledger in `folder` for a run, made if missing. Blocks.

    Raises:
        LedgerHeldError: another run has it.
        LedgerError: it cannot be written, is damaged, or holds something that is no ledger.
        AccessError: it belongs to another account or base URL.
    """
    disk = disk or OsDisk()
    make_folder(folder, disk)
    lock = LedgerLock(folder)
    lock.take()
    try:
        return _open(folder, owner, disk, run_blocking, lock)
    except OSError as error:
        lock.release()
        raise LedgerError(f"the ledger {folder} cannot be opened: {error}", hint=AGAIN) from error
    except BaseException:
        lock.release()
        raise


def _open(folder: Path, owner: Owner, disk: Disk, run_blocking: RunBlocking, lock: LedgerLock) -> Ledger:
    with ExitStack() as opened:  # closes what is open when something fails; the lock is the caller's until then
        fd = disk.open_append(folder / JOURNAL)
        opened.callback(disk.close, fd)
        if not _is_begun(folder / JOURNAL):
            disk.truncate(fd, 0)
            _begin(folder, fd, owner, disk)
        check_owner(folder, owner)
        rows = Projections(folder, disk)
        opened.callback(rows.close)
        index, warnings = open_index(folder, rows, disk)
        opened.callback(index.close)
        replay = _bring_up_to_date(folder, index, rows)
        if replay.torn:
            _cut_tail(folder, fd, replay, disk)
            warnings.append(f"cut {len(replay.torn)} bytes of a torn line from the journal's end (kept in the ledger)")
        begun = sum(len(archive.items) for archive in replay.fold.archiving.values())
        if begun:
            warnings.append(
                f"an undo was cut off: {begun} campaigns may be archived, and count as made until it goes on"
            )
        _make_reserve(folder, disk)
        disk.sync_folder(folder)
        journal = Journal(
            fd,
            replay.tail,
            replay.fold,
            disk=disk,
            rows=rows,
            index=index,
            sizes=lambda: rows.sizes,
            reserve=folder / RESERVE,
            run_blocking=run_blocking,
        )
        index.note(replay.fold.abandon().changes, journal.position)
        index.seal(journal.position())
        index.flush()
        closing = opened.pop_all()

    def close() -> None:
        try:
            closing.close()
        except OSError as error:
            raise LedgerError(f"the ledger {folder} cannot be closed: {error}", hint=AGAIN) from error
        finally:
            lock.release()

    return Ledger(folder=folder, journal=journal, index=index, warnings=warnings, closing=close)


def _is_begun(journal: Path) -> bool:
    """Return whether there is more than the torn header of a run which died before it could send anything."""
    with journal.open("rb") as file:
        line = file.readline(_HEADER_BYTES_MAX)
    return line.endswith(b"\n") or not line.startswith(_HEADER_START[: len(line)])


def _begin(folder: Path, fd: int, owner: Owner, disk: Disk) -> None:
    """Write the header of a new journal, durable with its name."""
    strangers = [name for name in (RESULTS, FAILURES) if (folder / name).exists() and (folder / name).stat().st_size]
    if strangers:
        raise LedgerError(
            f"{folder} holds {strangers[0]} but no journal", hint="Name an empty or new folder with --ledger."
        )
    header: entries.Header = {
        "t": "header",
        "schema": entries.SCHEMA,
        "journal": uuid.uuid4().hex,
        "tool": owner.tool,
        "base_url": owner.base_url,
        "account": owner.account,
        "simulated": owner.simulated,
    }
    line, _crc = codec.seal(codec.encode(header), 0, codec.SEED)
    write_whole(disk, fd, line)
    disk.sync(fd)
    disk.sync_folder(folder)


def read_header(folder: Path) -> dict[str, Any]:
    """Return the header of the journal in `folder`.

    Raises:
        LedgerError: there is no journal, or its first line is not a header this version can read.
    """
    try:
        with (folder / JOURNAL).open("rb") as file:
            line = file.readline(_HEADER_BYTES_MAX)
        header, _crc = codec.unseal_line(line, 0, codec.SEED)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise no_ledger(folder) from error
    except codec.BrokenLineError as error:
        raise LedgerError(f"{folder / JOURNAL} does not begin with a ledger's header: {error}") from error
    except OSError as error:
        raise LedgerError(f"{folder / JOURNAL} cannot be read: {error.strerror or error}") from error
    if header.get("t") != "header" or header.get("schema") != entries.SCHEMA:
        raise LedgerError(f"{folder} was written by another version of the importer ({header.get('tool')})")
    return header


def check_owner(folder: Path, owner: Owner) -> None:
    """Raise `AccessError` when the ledger in `folder` belongs to another account or base URL."""
    header = read_header(folder)
    hint = "Use another --ledger for another account."
    if header["simulated"] != owner.simulated:
        kind = "a simulated" if header["simulated"] else "a real"
        raise AccessError(f"the ledger {folder} belongs to {kind} account", hint=hint)
    if not owner.simulated and header["base_url"] != owner.base_url:
        raise AccessError(f"the ledger {folder} belongs to {header['base_url']}, not to {owner.base_url}", hint=hint)
    if None not in {header["account"], owner.account} and header["account"] != owner.account:
        raise AccessError(
            f"the ledger {folder} belongs to account {header['account']}, not to {owner.account}", hint=hint
        )


def _bring_up_to_date(folder: Path, index: Index, rows: Projections) -> Replay:
    """Replay what the index has not seen, into the index and the ledgers."""
    position = index.position
    rows.cut(position["sizes"] if position else (0, 0))
    replay = Replay(folder / JOURNAL, position)
    catch_up(replay, index, rows)
    if position is None:
        replay.fold.last_pass = None  # where its rows were met last stood in the index alone
    return replay


def catch_up(replay: Replay, index: Index, rows: Any) -> None:
    """Replay to the end, with rows and index changes as they follow."""
    results: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    changes: list[Change] = []

    def hand_over() -> None:
        rows.write(results, failures)
        index.note(changes, lambda: position_of(replay.tail, replay.fold, rows.sizes))
        index.flush()
        results.clear()
        failures.clear()
        changes.clear()

    for step in replay.steps():
        results += step.effect.results
        failures += step.effect.failures
        changes += step.effect.changes
        if len(changes) + len(failures) >= _REPLAY_ROWS:
            hand_over()
    hand_over()


def _cut_tail(folder: Path, fd: int, replay: Replay, disk: Disk) -> None:
    aside = disk.open_append(folder / f"journal.torn-{replay.tail.n}")
    try:
        write_whole(disk, aside, replay.torn)
        disk.sync(aside)
    finally:
        disk.close(aside)
    disk.truncate(fd, replay.tail.offset)
    disk.sync(fd)


def _make_reserve(folder: Path, disk: Disk) -> None:
    """Keep a megabyte by, so that a full disk still takes the outcomes of what is on its way."""
    path = folder / RESERVE
    if path.exists() and path.stat().st_size == _RESERVE_BYTES:
        return
    with suppress(OSError):
        fd = disk.open_append(path)
        try:
            disk.truncate(fd, 0)
            write_whole(disk, fd, b"\0" * _RESERVE_BYTES)
        finally:
            disk.close(fd)
