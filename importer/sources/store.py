"""An object of a store (s3://, gs://, az://) → a stream of its bytes, in blocks, through fsspec and its libraries.

Credentials come from where each library looks for them (environment, profile, workload identity); none is taken here.
"""

import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from importer.errors import SourceError, UsageError
from importer.sources import extras
from importer.sources.addresses import SCHEMES, scheme_of
from importer.sources.policy import MIB

BLOCK_BYTES: Final = 4 * MIB  #: asked for at once
TRIES_MAX: Final = 4  #: in a row without a byte; the libraries try again below that
_PAUSES_S: Final = (1.0, 2.0, 4.0)
_DATES: Final = ("LastModified", "last_modified", "updated", "mtime", "created")
_MARKS: Final = ("ETag", "etag", "generation", "md5Hash", *_DATES)
_AGAIN: Final = "Run the same command again: what was imported is not sent twice."
_QUERY: Final = re.compile(r"\?\S*")
_REASON_CHARACTERS_MAX: Final = 200

Pause = Callable[[float], None]


class StoreStream:
    """The bytes of one object. Blocks; no cancellation reaches it."""

    def __init__(self, address: str, name: str, *, pause: Pause = time.sleep) -> None:
        """Ask what the object is.

        Raises `UsageError` when the library is missing or the address is a folder, `SourceError` when the object is not
        there or may not be read.
        """
        scheme = scheme_of(address)
        fsspec = extras.load("fsspec", extra="remote", what=f"{scheme}://")
        extras.load(SCHEMES[scheme] or "fsspec", extra="remote", what=f"{scheme}://")
        self._name = name
        self._pause = pause
        self._taken = 0
        try:
            # Nothing is remembered from one source to the next: an object may have changed meanwhile.
            self._store, self._path = fsspec.core.url_to_fs(address, use_listings_cache=False, skip_instance_cache=True)
            self._info: dict[str, Any] = self._store.info(self._path)
        except Exception as error:
            raise self._explained(error) from error
        if self._info.get("type") == "directory":
            raise UsageError(f"{name} is a folder", hint="Name the objects in it.")
        size = self._info.get("size")
        if not isinstance(size, int):
            raise SourceError(f"{name}: the store does not say how large it is")
        self.size: int = size
        self._ahead = memoryview(b"")

    @property
    def modified(self) -> float | None:
        """When it was changed, in seconds since the epoch; None when the store does not say."""
        found = next((self._info[key] for key in _DATES if isinstance(self._info.get(key), datetime)), None)
        return None if found is None else found.timestamp()

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size` of them, empty at the end. Raises `SourceError` when it breaks."""
        if not self._ahead and self._taken < self.size:
            self._ahead = memoryview(self._block())
            self._taken += len(self._ahead)
        data, self._ahead = bytes(self._ahead[:size]), self._ahead[size:]
        return data

    def changed(self) -> bool:
        """Tell whether the store now has another object; False where it does not tell any more."""
        try:
            self._store.invalidate_cache()
            now = self._store.info(self._path)
        except FileNotFoundError:
            return True
        except Exception:  # noqa: BLE001 - each library has its own; what was read was read whole
            return False
        return _marks(now) != _marks(self._info)

    def close(self) -> None:
        """Forget the block that was read ahead; connections are the library's."""
        self._ahead = memoryview(b"")

    def _block(self) -> bytes:
        """Return the bytes of the next block, all of them."""
        end = min(self._taken + BLOCK_BYTES, self.size)
        for number in range(TRIES_MAX):
            try:
                data: bytes = self._store.cat_file(self._path, start=self._taken, end=end)
            except Exception as error:
                failure = self._explained(error)
                if isinstance(error, FileNotFoundError | PermissionError):
                    raise failure from error
            else:
                if len(data) == end - self._taken:
                    return data
                failure = SourceError(
                    f"{self._name} is shorter than the store said: byte {self._taken + len(data):,} of {self.size:,}"
                    " is its last",
                    hint=_AGAIN,
                )
            if number < len(_PAUSES_S):
                self._pause(_PAUSES_S[number])
        raise failure

    def _explained(self, error: Exception) -> SourceError:
        if isinstance(error, FileNotFoundError):
            return SourceError(f"{self._name} is not there", hint="Check the address.")
        if isinstance(error, PermissionError):
            return SourceError(f"{self._name} is refused", hint="Check the credentials, and what they may read.")
        said = _QUERY.sub("?…", str(error).strip().partition("\n")[0])[:_REASON_CHARACTERS_MAX]
        where = f" at byte {self._taken:,}" if self._taken else ""
        return SourceError(
            f"{self._name} cannot be read{where}: {said or type(error).__name__}",
            hint="Check the credentials and the network." if not self._taken else _AGAIN,
        )


def _marks(info: dict[str, Any]) -> tuple[Any, ...]:
    """Return what tells one version of an object from another."""
    return info.get("size"), *(str(info.get(key)) for key in _MARKS)
