"""The newest state entries, in memory: a layer that fills, and sealed ones that wait to be written. Not thread-safe."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

Layer = dict[str, bytes]  #: identity → entry


class Newest:
    """Layers of entries, each sealed at a position of the journal."""

    def __init__(self) -> None:
        """Begin empty."""
        self._filling: Layer = {}
        self.sealed: list[tuple[Layer, dict[str, Any]]] = []  #: oldest first

    def __len__(self) -> int:
        """Return how many entries are not sealed."""
        return len(self._filling)

    def add(self, entries: Iterable[tuple[str, bytes]]) -> None:
        """Take entries by their identities; the latest of each counts."""
        self._filling.update(entries)

    def seal(self, position: dict[str, Any]) -> None:
        """Begin a new layer; the one before is complete up to `position`."""
        self.sealed.append((self._filling, position))
        self._filling = {}

    def _layers(self) -> list[Layer]:
        """Return all layers, oldest first."""
        return [*(layer for layer, _position in self.sealed), self._filling]

    def holds(self, identities: Collection[str]) -> bool:
        """Return whether any of these identities has an entry."""
        return not all(layer.keys().isdisjoint(identities) for layer in self._layers())

    def find(self, identities: Collection[str]) -> Layer:
        """Return the newest entries of identities, as far as they have one."""
        found: Layer = {}
        for layer in self._layers():
            if not layer.keys().isdisjoint(identities):
                found |= {identity: layer[identity] for identity in identities if identity in layer}
        return found

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Yield all entries with their identities, the newest of each last."""
        for layer in self._layers():
            yield from layer.items()
