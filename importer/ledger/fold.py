"""What the journal says: entries folded into states, one after the other.

The same fold runs live (each entry as it is appended) and in replay (each entry as it is read back), so a live run
and a resumed one cannot disagree about what an entry means. It keeps in memory only what is open: intents of
which some record is sent, in doubt or unresolved. Everything else leaves as an `Effect`: changes for the index and
rows for the two ledgers. This module is pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import orjson

from importer import problems
from importer.errors import LedgerError
from importer.ledger import items_fold, modes_fold
from importer.ledger.archives import OpenArchive
from importer.ledger.effects import Change, Effect
from importer.ledger.entries import FailedItem, Intent, Item
from importer.model import Event, IllegalTransitionError, State, advance
from importer.moments import epoch

#: States in which a record keeps its intent open.
UNSETTLED = frozenset({State.SENT, State.IN_DOUBT, State.UNRESOLVED, State.UPDATING})


@dataclass(slots=True)
class OpenIntent:
    """An intent with records that are not settled."""

    n: int
    entry: Intent
    states: list[State]
    offset: int  #: of its line in the journal, bytes

    def unsettled(self, *states: State) -> list[int]:
        """Return the indices of the records in one of `states` (default: all that are not settled)."""
        wanted = frozenset(states) or UNSETTLED
        return [index for index, state in enumerate(self.states) if state in wanted]


@dataclass(slots=True)
class Fold:
    """The state of a ledger, but for what the index holds."""

    open: dict[int, OpenIntent] = field(default_factory=dict)
    header: dict[str, Any] | None = None
    run: int = 0  #: number of the latest run
    schemes: dict[str, dict[str, Any]] = field(default_factory=dict)  #: key space → scheme that made something
    run_schemes: dict[int, dict[str, Any]] = field(default_factory=dict)  #: run → its scheme
    refusals: str | None = None  #: "atomic", "partial", None before the first finding
    skew_s: float | None = None  #: by how much createdAt was seen to precede our bound of the server's clock
    newest: tuple[str, str] | None = None  #: id and createdAt of the campaign known to be created last
    ended: bool = True  #: whether the latest run wrote its end
    last_pass: dict[str, Any] | None = None  #: a pass that left nothing to do, while nothing has happened since
    books: dict[int, dict[str, Any]] = field(default_factory=dict)  #: run → its end entry (the latest few)
    archiving: dict[int, OpenArchive] = field(default_factory=dict)  #: what an undo began and did not close
    items: dict[int, items_fold.OpenItem] = field(default_factory=dict)  #: announced and not settled
    items_due: int = 0  #: budget and spend items of campaigns that exist, not made, refused or unresolved yet
    items_failed: int = 0

    def apply(self, n: int, entry: Any, offset: int = 0) -> Effect:
        """Take entry number `n` (at `offset` of the journal) and return what follows from it.

        Raises:
            LedgerError: the entry contradicts what was read before.
        """
        effect = Effect()
        try:
            if entry["t"] != "run" or not self.ended:  # a run that died may have told the index where it met rows
                self.last_pass = None
            if (handler := modes_fold.HANDLERS.get(entry["t"])) is not None:
                handler(self, n, entry, offset, effect)
            else:
                getattr(self, f"_{entry['t']}")(n, entry, offset, effect)
        except (KeyError, IndexError, TypeError, AttributeError, IllegalTransitionError) as error:
            raise LedgerError(f"journal entry {n} contradicts what stands before it: {error!r}") from error
        return effect

    def snapshot(self) -> dict[str, Any]:
        """Return everything but the open intents, JSON-able, for `restored`; what comes later does not change it."""
        kept = ("header", "run", "refusals", "skew_s", "newest", "ended", "items_due", "items_failed", "last_pass")
        runs = {str(run): value for run, value in self.run_schemes.items()}
        return {name: getattr(self, name) for name in kept} | {"schemes": dict(self.schemes), "run_schemes": runs}

    @classmethod
    def restored(cls, snapshot: dict[str, Any]) -> "Fold":
        """Return a fold as `snapshot` found it, without open intents."""
        runs = {int(run): value for run, value in snapshot["run_schemes"].items()}
        newest = tuple(snapshot["newest"]) if snapshot["newest"] else None
        return cls(**(snapshot | {"run_schemes": runs, "newest": newest}))

    def reopen(self, n: int, entry: Intent, offset: int, states: list[State]) -> None:
        """Put back an intent which was open when the snapshot was taken."""
        self.open[n] = OpenIntent(n=n, entry=entry, states=states, offset=offset)

    def abandon(self) -> Effect:
        """Read every record that is still `sent` as in doubt: the process that sent it is gone."""
        effect = Effect()
        for intent in self.open.values():
            for index in intent.unsettled(State.SENT):
                self._move(intent, index, Event.DOUBTED, effect)
        return effect

    def _header(self, n: int, entry: Any, _offset: int, _effect: Effect) -> None:
        if n != 0:
            raise LedgerError("a second header in the journal")
        self.header = entry

    def _run(self, _n: int, entry: Any, _offset: int, effect: Effect) -> None:
        effect.changes += self.abandon().changes
        self.run, self.ended = entry["run"], False
        needed = {intent.entry["run"] for intent in self.open.values()}
        self.run_schemes = {run: scheme for run, scheme in self.run_schemes.items() if run in needed}
        self.run_schemes[self.run] = entry["scheme"]

    def _intent(self, n: int, entry: Intent, offset: int, _effect: Effect) -> None:
        states = [advance(State.OPEN, Event.INTENT)] * len(entry["items"])
        self.open[n] = OpenIntent(n=n, entry=entry, states=states, offset=offset)

    def _outcome(self, n: int, entry: Any, _offset: int, effect: Effect) -> None:
        intent = self.open[entry["of"]]
        for index in entry["returned"]:
            self._move(intent, index, Event.RETURNED, effect)
        for index in entry["doubt"]:
            self._move(intent, index, Event.DOUBTED, effect)
        for failed in entry["failed"]:
            self._move(intent, failed["i"], Event.REFUSED, effect)
            effect.failures.append(self.failure_row(n, intent, failed, entry["corr"]))
        if not self._all_created(n, intent, entry["created"], effect):
            for created in entry["created"]:
                self._move(intent, created[0], Event.CREATED, effect)
                effect.results.append(self._result_row(n, intent, created, via="reply"))
        items_fold.fall_due(self, intent, entry["created"])
        self._learn(intent, entry["created"])
        self.settle(intent)

    def _all_created(self, n: int, intent: OpenIntent, created: Sequence[Any], effect: Effect) -> bool:
        """Move all records of an intent to created at once, when each is sent, told once, and shown as it was sent."""
        states, items = intent.states, intent.entry["items"]
        if not (created and len(states) == len(created) == states.count(State.SENT)):
            return False
        # By the column, and straight to the tuples: the named constructor costs as much again.
        indices, campaigns, moments, pairings, normalised = zip(*created, strict=True)
        if len({*indices}) < len(indices) or any(normalised):
            return False
        places, ordinals, lines, identities, names, contents = zip(*map(items.__getitem__, indices), strict=True)
        sources = list(map(intent.entry["src"].__getitem__, places))
        state, attempts = advance(State.SENT, Event.CREATED), intent.entry["a"]
        intent.states = [state] * len(states)
        effect.changes += map(tuple.__new__, repeat(Change), zip(identities, repeat(state), contents, names, sources))
        effect.results += [
            {"schema": 1, "n": n, "source": source, "ordinal": ordinal, "line_number": line, "identity": identity,
             "name": name, "id": campaign, "created_at": created_at, "via": "reply", "pairing": pairing,
             "attempts": attempts, "run": self.run}
            for source, ordinal, line, identity, name, campaign, created_at, pairing
            in zip(sources, ordinals, lines, identities, names, campaigns, moments, pairings, strict=True)
        ]  # fmt: skip
        self._remember_scheme(intent)
        return True

    def _resolve(self, n: int, entry: Any, _offset: int, effect: Effect) -> None:
        intent = self.open[entry["of"]]
        for index in entry["absent"]:
            self._move(intent, index, Event.ABSENT, effect)
        for failed in entry["failed"]:
            self._move(intent, failed["i"], Event.REFUSED, effect)
            effect.failures.append(self.failure_row(n, intent, failed, entry["evidence"].get("corr")))
        for index, why in entry["unresolved"]:
            self._move(intent, index, Event.UNDECIDABLE, effect)
            effect.failures.append(self._unresolved_row(n, intent, index, why))
        for created in entry["created"]:
            was_unresolved = intent.states[created[0]] is State.UNRESOLVED
            self._move(intent, created[0], Event.FOUND, effect)
            row = self._result_row(n, intent, created, via="reconcile")
            effect.results.append(row | ({"supersedes": "unresolved"} if was_unresolved else {}))
        if self.refusals != "partial":  # one refusal that made something is enough never to trust one again
            self.refusals = entry.get("refusal") or self.refusals
        items_fold.fall_due(self, intent, entry["created"])
        self._learn(intent, entry["created"])
        self.settle(intent)

    def _decision(self, n: int, entry: Any, _offset: int, effect: Effect) -> None:
        intent, index = self.open[entry["of"]], entry["i"]
        if intent.entry["items"][index][3] != entry["identity"]:
            raise LedgerError(f"journal entry {n} decides about a record that is not there")
        event = Event.FOUND if entry["decision"] == "created" else Event.ABSENT
        was_unresolved = intent.states[index] is State.UNRESOLVED
        self._move(intent, index, event, effect)
        if event is Event.FOUND:
            row = self._result_row(n, intent, (index, entry["id"], None, "operator", None), via="operator")
            items_fold.fall_due(self, intent, [(index,)])
            effect.results.append(row | ({"supersedes": "unresolved"} if was_unresolved else {}))
        self.settle(intent)

    def _archive(self, n: int, entry: Any, offset: int, _effect: Effect) -> None:
        self.archiving[n] = OpenArchive.of(n, entry, offset)

    def _archived(self, _n: int, entry: Any, _offset: int, effect: Effect) -> None:
        archive = self.archiving.pop(entry["of"])
        effect.changes += [Change(*told) for told in archive.closed(entry)]
        items_fold.drop(self, {archive.items[index][2] for index in entry["gone"]})

    def _reject(self, n: int, entry: Any, _offset: int, effect: Effect) -> None:
        effect.failures += [_rejected_row(n, entry["run"], item) for item in entry["items"]]

    def _end(self, _n: int, entry: Any, _offset: int, _effect: Effect) -> None:
        self.ended = True
        if (repeat := entry.get("repeat")) is not None:
            self.last_pass = {**repeat, "run": entry["run"], "rows": entry["books"]["read"]}
        self.books[entry["run"]] = entry

    _stop = _end

    def _move(self, intent: OpenIntent, index: int, event: Event, effect: Effect) -> None:
        intent.states[index] = state = advance(intent.states[index], event)
        item = intent.entry["items"][index]
        source = intent.entry["src"][item[0]]
        effect.changes.append(Change(identity=item[3], state=state, content=item[5], name=item[4], source=source))
        if state in {State.CREATED, State.IN_DOUBT}:
            self._remember_scheme(intent)

    def _remember_scheme(self, intent: OpenIntent) -> None:
        scheme = self.run_schemes[intent.entry["run"]]
        self.schemes[scheme["key_space"]] = scheme

    def settle(self, intent: OpenIntent) -> None:
        """Forget an intent of which all is settled."""
        if not intent.unsettled():
            del self.open[intent.n]

    def _learn(self, intent: OpenIntent, created: list[Any]) -> None:
        """Keep the newest campaign, and how far createdAt lay before our lower bound of the server's clock."""
        bounds = intent.entry["srv"]
        for _index, campaign, created_at, *_rest in created[:1]:
            if created_at is None:
                continue
            if self.newest is None or created_at > self.newest[1]:
                self.newest = (campaign, created_at)
            seconds = epoch(created_at)
            if bounds is not None and seconds is not None:
                self.skew_s = max(self.skew_s or 0.0, bounds[0] - seconds)

    def place(self, n: int, intent: OpenIntent, item: Item) -> dict[str, Any]:
        """Return the fields that say which record a row is about."""
        place = {"schema": 1, "n": n, "source": intent.entry["src"][item[0]], "ordinal": item[1]}
        return place | {"line_number": item[2], "identity": item[3], "name": item[4]}

    def _result_row(self, n: int, intent: OpenIntent, created: Any, *, via: str) -> dict[str, Any]:
        index, campaign, created_at, pairing, normalised = created
        source, ordinal, line, identity, name, _content = intent.entry["items"][index]
        row = {
            "schema": 1, "n": n, "source": intent.entry["src"][source], "ordinal": ordinal, "line_number": line,
            "identity": identity, "name": name, "id": campaign, "created_at": created_at, "via": via,
            "pairing": pairing,
        }  # fmt: skip
        if normalised:
            row["normalised"] = normalised
        row["attempts"], row["run"] = intent.entry["a"], self.run
        return row

    def failure_row(self, n: int, intent: OpenIntent, failed: FailedItem, corr: str | None) -> dict[str, Any]:
        """Return the failures row of a record that HubSpot refused."""
        index = failed["i"]
        row = self.place(n, intent, intent.entry["items"][index])
        row |= {key: failed[key] for key in ("code", "message", "column", "attribution")}
        row |= {"state": "failed", "fix": failed["fix"] or problems.CODES[failed["code"]].fix, "correlation_id": corr}
        row |= {"attempts": intent.entry["a"], "row": failed["row"], "run": self.run}
        return row | ({"properties": properties_of(intent.entry, index)} if failed["row"] is None else {})

    def _unresolved_row(self, n: int, intent: OpenIntent, index: int, why: str) -> dict[str, Any]:
        row = self.place(n, intent, intent.entry["items"][index])
        row |= {"state": "unresolved", "code": "unresolved", "message": why}
        row |= {"fix": problems.CODES["unresolved"].fix, "correlation_id": None, "attempts": intent.entry["a"]}
        return row | {"row": None, "properties": properties_of(intent.entry, index), "run": self.run}


def _rejected_row(n: int, run: int, item: Any) -> dict[str, Any]:
    """Return the failures row of a rejected row: the first problem on top, all of them in `problems`."""
    first = item["problems"][0]
    fix = first.get("fix") or problems.CODES[first["code"]].fix
    row = {"schema": 1, "n": n, "source": item["source"], "ordinal": item["ordinal"], "line_number": item["line"]}
    row |= {"identity": item["identity"], "name": item["name"], "state": item["state"], "code": first["code"]}
    row |= {"message": first["message"], "column": first.get("column"), "fix": fix, "correlation_id": None}
    return row | {"attempts": 0, "problems": item["problems"], "row": item["row"], "run": run}


def properties_of(entry: Intent, index: int) -> dict[str, str]:
    """Return the properties sent for the record at `index` of an intent that was read back from the journal."""
    body = entry["body"]
    if isinstance(body, bytes):  # appended live: the bytes that were sent
        body = orjson.loads(body)
    properties: dict[str, str] = body["inputs"][index]["properties"]
    return properties
