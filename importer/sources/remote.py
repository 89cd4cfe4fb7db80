"""Address → the stream that fetches it."""

from typing import Protocol

from importer.sources.addresses import SCHEMES, name_of, scheme_of
from importer.sources.http import HttpStream
from importer.sources.store import StoreStream


class RemoteStream(Protocol):
    """Bytes that come over the network, in order, each of them once, however often the connection breaks."""

    @property
    def size(self) -> int | None:
        """Bytes of the file; None when nobody says."""
        ...

    @property
    def modified(self) -> float | None:
        """When it was changed, in seconds since the epoch; None when nobody says."""
        ...

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most `size` of them, empty at the end. Raises `SourceError` when it breaks."""
        ...

    def changed(self) -> bool:
        """Tell whether there is another file now; False where that cannot be told."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


def open_remote(address: str) -> RemoteStream:
    """Return a stream of what an address names.

    Raises `UsageError` for an address that cannot be fetched or whose library is missing, `SourceError` for one that is
    not there, is refused or out of reach.
    """
    stream = HttpStream if SCHEMES[scheme_of(address)] is None else StoreStream
    return stream(address, name_of(address))
