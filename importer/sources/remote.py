"""Address → the stream that fetches it."""

from typing import Protocol

from importer.sources.addresses import SCHEMES, name_of, scheme_of
from importer.sources.http import HttpStream
from importer.sources.store import StoreStream


class RemoteStream(Protocol):
    """Bytes that come over the network, in order, each of them once, however often the connection breaks."""

    @property
    def size(self) -> int | None: ...
    @property
    def modified(self) -> float | None: ...
    def read(self, size: int, /) -> bytes: ...
    def changed(self) -> bool: ...
    def close(self) -> None: ...


def open_remote(address: str) -> RemoteStream:
    """Return a stream of what an address names.

    Raises `UsageError` for an address that cannot be fetched or whose library is missing, `SourceError` for one that is
    not there, is refused or out of reach.
    """
    stream = HttpStream if SCHEMES[scheme_of(address)] is None else StoreStream
    return stream(address, name_of(address))
