"""The few calls by which the ledger touches the disk, as one narrow seam.

The protocol of the ledger is only as good as these calls; tests replace them by disks that fail at the n-th call
or lose what was not synced. Everything here blocks and is meant for a worker thread.
"""

import os
from pathlib import Path
from typing import Protocol

from importer import platforms
from importer.errors import LedgerError

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700


class Disk(Protocol):
    """What the ledger asks of a file system. Every method may raise `OSError`."""

    def open_append(self, path: Path) -> int:
        """Open `path` for appending, made with mode 0600 if missing; never through a symbolic link."""
        ...

    def write(self, fd: int, data: bytes) -> int:
        """Write some of `data` at the end of the file; return how many bytes."""
        ...

    def sync(self, fd: int) -> None:
        """Return when what was written survives a power loss."""
        ...

    def truncate(self, fd: int, size: int) -> None:
        """Cut the file to `size` bytes."""
        ...

    def sync_folder(self, path: Path) -> None:
        """Return when the names in the folder survive a power loss."""
        ...

    def close(self, fd: int) -> None:
        """Close the file."""
        ...


class OsDisk:
    """The operating system's file system."""

    def open_append(self, path: Path) -> int:
        """Open for appending; refuse what is not a regular file of ours with one name."""
        flags = platforms.opening(os.O_RDWR | os.O_APPEND | os.O_CREAT)
        fd = os.open(path, flags, _FILE_MODE)
        status = os.fstat(fd)
        if status.st_nlink != 1 or not path.is_file():
            os.close(fd)
            raise LedgerError(
                f"{path.name} is not a plain file with one name", hint="Give the ledger a folder of its own."
            )
        return fd

    def write(self, fd: int, data: bytes) -> int:
        """Write some of `data`."""
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        """Sync data and size: `platforms.sync_data`."""
        platforms.sync_data(fd)

    def truncate(self, fd: int, size: int) -> None:
        """Cut the file."""
        os.ftruncate(fd, size)

    def sync_folder(self, path: Path) -> None:
        """Sync the folder itself: `platforms.sync_folder`."""
        platforms.sync_folder(path)

    def close(self, fd: int) -> None:
        """Close."""
        os.close(fd)


def write_whole(disk: Disk, fd: int, data: bytes) -> None:
    """Write all of `data`, however many calls it takes."""
    view = memoryview(data)
    while view:
        view = view[disk.write(fd, bytes(view) if len(view) < len(data) else data) :]


def make_folder(path: Path, disk: Disk) -> None:
    """Make the ledger's folder with mode 0700, durable with its name; an existing one is left as it is.

    Raises:
        LedgerError: it cannot be made, or the path is a symbolic link or no folder.
    """
    try:
        if path.is_symlink():
            raise LedgerError(f"{path} is a symbolic link", hint="Name the folder itself with --ledger.")
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        for folder in reversed(missing):
            disk.sync_folder(folder.parent)
    except FileExistsError as error:
        raise LedgerError(f"{path} exists and is not a folder", hint="Name another folder with --ledger.") from error
    except OSError as error:
        raise LedgerError(
            f"cannot make the ledger's folder {path}: {error.strerror}", hint="--ledger FOLDER puts it elsewhere."
        ) from error
