"""Path, standard input or stream → raw bytes, counted, with what is needed to see that the file changed."""

import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from importer import platforms
from importer.errors import SourceError, UsageError
from importer.near_miss import did_you_mean
from importer.sources.addresses import is_remote, name_of
from importer.sources.policy import KIB, MIB
from importer.sources.remote import RemoteStream, open_remote

_BESIDE_MAX: Final = 1_000  #: files of a folder that are looked at for a near miss
READ_BYTES: Final = 128 * KIB  #: asked for at once; what a pipe holds may be less
_KINDS: Final = (
    (stat.S_ISDIR, "directory"),
    (stat.S_ISFIFO, "named pipe (FIFO)"),
    (stat.S_ISCHR, "character device"),
    (stat.S_ISBLK, "block device"),
    (stat.S_ISSOCK, "socket"),
)


class RawInput:
    """The bytes of a source as they lie on the disk or come through a pipe."""

    def __init__(
        self,
        stream: BinaryIO | RemoteStream,
        *,
        name: str,
        path: Path | None = None,
        remote: RemoteStream | None = None,
    ) -> None:
        """Take an open stream; as a `path`'s or `remote` it is closed by `close`, and its changes are noticed."""
        self.name = name
        self.bytes_read = 0
        self._ended = False
        self._stream = stream
        self._path = path
        self._remote = remote
        self._read = getattr(stream, "read1", stream.read)  # read1 does not wait until a pipe has filled a block
        self._hash = hashlib.sha256()  # of a regular file all of it, else of the first MiB
        self._file = cast("BinaryIO", stream) if path is not None else None
        self._at_opening = _regular(os.fstat(self._file.fileno())) if self._file is not None else None
        self._digest: str | None = None
        if self._file is not None and self._at_opening is not None:
            self._digest = hashlib.sha256(platforms.read_at(self._file.fileno(), MIB, 0)).hexdigest()

    @property
    def size_bytes(self) -> int | None:
        """Size at the opening, of a regular file or as a server says; None for streams."""
        if self._remote is not None:
            return self._remote.size
        return self._at_opening.st_size if self._at_opening is not None else None

    def read(self) -> bytes:
        """Return the next bytes, empty at the end. Raises `SourceError` when the disk or the stream fails."""
        try:
            data = self._read(READ_BYTES)
        except (OSError, ValueError) as error:  # ValueError: the stream was closed by its owner
            raise SourceError(f"{self.name} cannot be read at byte {self.bytes_read}: {_reason(error)}") from error
        if not isinstance(data, bytes):
            raise SourceError(f"{self.name} is not a blocking stream of bytes")
        if self._at_opening is not None:
            self._hash.update(data)
        elif self.bytes_read < MIB:
            self._hash.update(data[: MIB - self.bytes_read])
        self.bytes_read += len(data)
        self._ended = not data
        return data

    def direct(self, head: bytes) -> BinaryIO | None:
        """Return the file itself if it can be sought in and begins with `head`; None for streams and packed files."""
        if self._file is None or self._at_opening is None:
            return None
        at = self._file.tell()
        self._file.seek(0)
        if self._file.read(len(head)) == head:
            return self._file
        self._file.seek(at)
        return None

    def changed(self) -> bool:
        """Tell whether the file at the path differs in size, time or inode from the one that was opened.

        A server is asked for size, tag and date.
        """
        if self._remote is not None:
            return self._remote.changed()
        if self._path is None or self._at_opening is None:
            return False
        try:
            now = self._path.stat()
        except OSError:
            return True
        return _marks(now) != _marks(self._at_opening)

    def fingerprint(self) -> dict[str, Any]:
        """Return size in bytes, mtime in seconds and SHA-256 of the first MiB.

        Size and time are None for streams; the hash is None while a stream has not come that far.
        """
        then = self._at_opening
        digest = self._digest
        if digest is None and (self._ended or self.bytes_read >= MIB):
            digest = self._hash.hexdigest()
        return {
            "size": self.size_bytes,
            "mtime": then.st_mtime if then is not None else self._remote.modified if self._remote is not None else None,
            "sha256": digest,
        }

    @property
    def contents(self) -> str | None:
        """SHA-256 of a regular file, all of it, once `read` has come to its end; else None."""
        return self._hash.hexdigest() if self._ended and self._at_opening is not None else None

    def blocks_of_file(self) -> Iterator[bytes]:
        """Yield all of a regular file, leaving its position; nothing of a stream. Raises `SourceError`."""
        at = 0
        while self._file is not None and self._at_opening is not None:
            try:
                block = platforms.read_at(self._file.fileno(), MIB, at)
            except (OSError, ValueError) as error:
                raise SourceError(f"{self.name} cannot be read at byte {at}: {_reason(error)}") from error
            if not block:
                return
            yield block
            at += len(block)

    def close(self) -> None:
        """Close what `open_raw` opened; streams of others stay open."""
        if self._path is not None or self._remote is not None:
            self._stream.close()


def open_raw(where: str | Path | BinaryIO, *, allow_special: bool) -> RawInput:
    """Open a path, an address (`https://…`), "-" (standard input) or a binary stream.

    Raises `UsageError` for directories, and for FIFOs and devices unless `allow_special`; `SourceError` for what
    does not exist or may not be read.
    """
    if not isinstance(where, str | Path):
        name = getattr(where, "name", None)
        return RawInput(where, name=name if isinstance(name, str) else "<stream>")
    if where == "-":
        if sys.stdin is None:  # the process was started without one
            raise SourceError("- cannot be read: standard input is closed", hint="Pipe the rows in, or name a file.")
        return RawInput(sys.stdin.buffer, name="-")
    if isinstance(where, str) and is_remote(where):
        remote = open_remote(where)
        return RawInput(remote, name=name_of(where), remote=remote)
    name, path = str(where), Path(where)
    try:
        _refuse_special(path.stat(), name, allow_special=allow_special)  # before opening: that of a FIFO would block
        stream = path.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        near = _near(path) if isinstance(error, FileNotFoundError) else ""
        raise SourceError(f"{name} cannot be opened: {_reason(error)}{near}", hint="Check the path.") from error
    try:
        _refuse_special(os.fstat(stream.fileno()), name, allow_special=allow_special)
        return RawInput(stream, name=name, path=path)
    except UsageError:
        stream.close()
        raise
    except OSError as error:
        stream.close()
        raise SourceError(f"{name} cannot be read: {_reason(error)}") from error


def _refuse_special(found: os.stat_result, name: str, *, allow_special: bool) -> None:
    kind = next((words for holds, words in _KINDS if holds(found.st_mode)), None)
    if kind == "directory":
        raise UsageError(f"{name} is a directory", hint="Name the files in it.")
    if kind is not None and not allow_special:
        raise UsageError(
            f"{name} is a {kind}, not a regular file",
            hint="Pipe it in and name - as the source, or allow it with --allow-special.",
        )


def _regular(found: os.stat_result) -> os.stat_result | None:
    return found if stat.S_ISREG(found.st_mode) else None


def _marks(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev


def _near(path: Path) -> str:
    """Return which file beside it may be meant by a name that no file has."""
    try:
        beside = [one.name for one in islice(path.parent.iterdir(), _BESIDE_MAX) if one.is_file()]
    except OSError:
        return ""
    return did_you_mean(path.name, beside)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
