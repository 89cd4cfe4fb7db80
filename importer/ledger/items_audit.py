"""What a journal says of budget and spend items, checked from its beginning: none is made twice. Pure."""

from dataclasses import dataclass, field
from typing import Any

from importer.model import Event


@dataclass(slots=True)
class ItemsAudit:
    """Takes entry after entry; `found` are the contradictions, one sentence each."""

    found: list[str] = field(default_factory=list)
    _more: dict[int, list[Any]] = field(default_factory=dict)
    _sent: dict[int, tuple[int, int]] = field(default_factory=dict)  #: item → intent and place
    _busy: set[tuple[int, int]] = field(default_factory=set)  #: announced and not settled
    _made: set[tuple[int, int]] = field(default_factory=set)
    _ids: dict[str, int] = field(default_factory=dict)

    def take(self, n: int, entry: Any) -> None:
        """Take entry number `n`."""
        if entry["t"] == "intent" and "more" in entry:
            self._more[n] = entry["more"]
        elif entry["t"] == "item":
            self._announced(n, entry)
        elif entry["t"] == "item_outcome":
            self._closed(n, entry)

    def _announced(self, n: int, entry: Any) -> None:
        place = entry["of"], entry["k"]
        more = self._more.get(entry["of"], ())
        if entry["k"] >= len(more):
            self.found.append(f"journal entry {n} makes an item which the intent {entry['of']} does not hold")
        elif not _is_as_planned(more[entry["k"]], entry):
            self.found.append(f"journal entry {n} makes another item than the intent {entry['of']} holds")
        if place in self._made or place in self._busy:
            self.found.append(f"journal entry {n} makes an item once more")
        self._sent[n] = place
        self._busy.add(place)

    def _closed(self, n: int, entry: Any) -> None:
        place = self._sent[entry["of"]]
        if entry["event"] in {Event.CREATED, Event.FOUND}:
            self._made.add(place)
            first = self._ids.setdefault(entry["id"], n)
            if first != n:
                self.found.append(f"the item {entry['id']} of journal entry {n} is that of entry {first}")
        if entry["event"] not in {Event.DOUBTED, Event.UNDECIDABLE}:
            self._busy.discard(place)


def _is_as_planned(more: Any, entry: Any) -> bool:
    _at, kind, name, amount, order, _description = more
    body = entry["body"]
    same = (entry["kind"], body["name"], body["order"]) == (kind, name, order)
    return same and float(body["amount"]) == float(amount)
