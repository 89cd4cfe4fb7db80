"""Files that only their owner may read, written whole or not at all."""

import os
from pathlib import Path

from importer import platforms


def write_private(path: Path, content: bytes) -> None:
    """Write `content` to `path`, 0600, whole or not at all; what was there is replaced. Raises `OSError`."""
    half = path.with_name(f".{path.name}.{os.getpid()}.half")
    flags = platforms.opening(os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    half.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(half, flags, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        platforms.replace(half, path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
