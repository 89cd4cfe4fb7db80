"""Whether a ledger can live where it is to be: written, synced and locked there, in a folder that is removed again."""

import shutil
import tempfile
from pathlib import Path

from importer.doctor import findings
from importer.doctor.findings import Finding
from importer.errors import ExitStatus, LedgerError, LedgerHeldError
from importer.ledger.disk import Disk, OsDisk, write_whole
from importer.ledger.lock import LedgerLock

_REMEDY = "Name a folder on a local disk that you may write to with --ledger."


def examine(folder: Path, disk: Disk | None = None) -> Finding:
    """Try out the disk of `folder`, which need not exist yet. Blocking; nothing is left behind."""
    there = next(one for one in (folder, *folder.absolute().parents) if one.is_dir())
    try:
        with tempfile.TemporaryDirectory(prefix=".importer-doctor-", dir=there) as made:
            _write(Path(made), disk or OsDisk())
            _lock(Path(made))
        return findings.disk(shutil.disk_usage(there).free, str(folder))
    except (OSError, LedgerError) as error:
        why = error.message if isinstance(error, LedgerError) else error.strerror or str(error)
        return Finding("ledger disk", "bad", f"no ledger can be kept here: {why}", _REMEDY, ExitStatus.LEDGER)


def _write(made: Path, disk: Disk) -> None:
    fd = disk.open_append(made / "journal.jsonl")
    try:
        write_whole(disk, fd, b"{}\n")
        disk.sync(fd)
    finally:
        disk.close(fd)
    disk.sync_folder(made)


def _lock(made: Path) -> None:
    """Take a lock; raise `LedgerError` when it keeps nobody else out."""
    held, other = LedgerLock(made), LedgerLock(made)
    held.take()
    try:
        other.take()
    except LedgerHeldError:
        return
    else:
        other.release()
        raise LedgerError("locks keep nobody out on this disk (a network share?)")
    finally:
        held.release()
