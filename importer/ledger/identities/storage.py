"""Where runs are written: files of the index's folder, durable, or nameless ones that end with the process."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Protocol

from importer import platforms
from importer.ledger.disk import Disk, write_whole

RUN: Final = ".run"
FILTER: Final = ".filter"


@dataclass(slots=True)
class Stored:
    """A file that was written once and is read at places."""

    name: str  #: in the index's folder; empty for a nameless one
    fd: int
    close: Callable[[], None]
    remove: Callable[[], None]  #: also closes it

    def read(self, size: int, offset: int) -> bytes:
        """Return `size` bytes from `offset`; fewer at the end. For one thread at a time."""
        return platforms.read_at(self.fd, size, offset)

    @property
    def size(self) -> int:
        """Bytes."""
        return os.fstat(self.fd).st_size


class Storage(Protocol):
    """Where new files come from. Every method may raise `OSError`."""

    def create(self, suffix: str) -> Stored:
        """Return a new, empty file, whose name, if it has one, ends in `suffix`."""
        ...

    def write(self, file: Stored, data: bytes) -> None:
        """Append all of `data`."""
        ...

    def finish(self, file: Stored) -> None:
        """Return when the file survives what this storage survives."""
        ...


class Folder:
    """The index's folder, in which files have numbers; what is finished survives a power loss."""

    def __init__(self, path: Path, disk: Disk, number: int = 0) -> None:
        """Take the folder; `number` is the next one that no file ever had."""
        self.path, self._disk, self.number = path, disk, number

    def create(self, suffix: str) -> Stored:
        """Return a new file with the next number."""
        path = self.path / f"{self.number:08}{suffix}"
        self.number += 1
        return self._stored(path, self._disk.open_append(path))

    def write(self, file: Stored, data: bytes) -> None:
        """Append all of `data`."""
        write_whole(self._disk, file.fd, data)

    def finish(self, file: Stored) -> None:
        """Sync file and folder."""
        self._disk.sync(file.fd)
        self._disk.sync_folder(self.path)

    def open(self, name: str, *, read_only: bool) -> Stored:
        """Open a file that is there; one that was opened for reading only is never removed."""
        path = self.path / name
        fd = os.open(path, platforms.opening(os.O_RDONLY))
        stored = self._stored(path, fd)
        if read_only:
            stored.remove = stored.close
        return stored

    def _stored(self, path: Path, fd: int) -> Stored:
        def remove() -> None:
            os.close(fd)
            path.unlink(missing_ok=True)

        return Stored(path.name, fd, lambda: os.close(fd), remove)


class Scratch:
    """Nameless files in the folder for temporary ones: nobody else sees them, and they end with the process."""

    def create(self, suffix: str) -> Stored:  # noqa: ARG002 - it has no name
        """Return a new nameless file."""
        file: IO[bytes] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - `close` does
        return Stored("", file.fileno(), file.close, file.close)

    def write(self, file: Stored, data: bytes) -> None:
        """Append all of `data`."""
        view = memoryview(data)
        while view:
            view = view[os.write(file.fd, view) :]

    def finish(self, file: Stored) -> None:
        """Do nothing: it ends with the process."""
