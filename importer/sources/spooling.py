"""Blocks of bytes → a file that can be sought in, for formats that are not read front to back."""

import tempfile
from collections.abc import Iterator
from typing import IO, Final

from importer.errors import SourceError
from importer.sources.policy import MIB, ReadPolicy

_IN_MEMORY_BYTES: Final = 8 * MIB  #: more than that goes to the disk


def spooled(blocks: Iterator[bytes], name: str, policy: ReadPolicy) -> IO[bytes]:
    """Return a temporary file that holds `blocks`, at its beginning; it is gone when it is closed.

    Nobody else can open it: on the disk it has no name, or a random one that only this user may read. Raises
    `SourceError` when the blocks break off, when there are too many, or when there is no room.
    """
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - handed out open
    try:
        for block in blocks:
            _check_room(file.tell() + len(block), name, policy)
            file.write(block)
        file.seek(0)
    except OSError as error:
        file.close()
        raise SourceError(
            f"{name} cannot be put aside in {tempfile.gettempdir()}: {error.strerror or error}",
            hint="Make room there, or name another folder with the variable TMPDIR.",
        ) from error
    except BaseException:
        file.close()
        raise
    return file


def _check_room(size: int, name: str, policy: ReadPolicy) -> None:
    if size > policy.spool_bytes_max:
        raise SourceError(
            f"{name} holds more than {policy.spool_bytes_max:,} bytes, too many to put aside",
            hint="Fetch it to a file of your own, and name that.",
        )
