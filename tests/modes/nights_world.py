"""Nights of any kind in virtual time, and what must hold in each: a feed, a portal, other hands, weather and kills.

The portal is the simulator's desk without a network. The laws are held where they can be broken: on the body of every
update as it leaves, and on the portal after every night.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.lowlevel
import orjson

from importer.admission import AdmissionPolicy
from importer.hubspot.exchange import Exchange
from importer.inspecting import status, verify
from importer.ledger.replay import JOURNAL
from importer.pipeline import run_plan
from importer.plan import Plan
from importer.report.books import Summary, Tally
from importer.stopping import Stop
from tests.modes.expected import Decision
from tests.modes.test_adopt import BY_NAME
from tests.weather.virtual import Portal, wall

FED: Final = ("hs_notes", "hs_audience")  #: what the feed says of a campaign, beside its name
_ANNOUNCED: Final = (b'"t":"intent"', b'"t":"update"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One night, and what others did in the portal on the day before it."""

    rows: dict[str, tuple[str, str]]  #: name → notes and audience
    twins: tuple[str, ...] = ()  #: rows that stand in the feed twice
    clashes: tuple[str, ...] = ()  #: rows of which the feed says something else further down
    edits: tuple[tuple[str, str, str], ...] = ()  #: name, property and value that somebody gave it
    deletions: tuple[str, ...] = ()  #: campaigns that somebody deleted
    decision: Decision = "skip"
    recreates: bool = False
    checks: bool = False
    retries: bool = False
    weather: tuple[str, ...] = ()
    dies_at: int | None = None  #: the request at which the process dies, from 1
    dies_after: bool = False  #: whether HubSpot has done that request
    lost: int = 0  #: lines at the journal's end that did not reach the disk; no announcement is among them


@dataclass(slots=True)
class _Way:
    """The way to the portal: holds the laws of updates, and dies when it is to."""

    portal: Portal
    world: "NightsWorld"
    night: Night
    died: anyio.CancelScope
    requests: int = 0

    def __getattr__(self, name: str) -> Any:
        """Pass on what is asked of the portal, counted."""
        method = getattr(self.portal, name)

        async def asked(*args: Any, **named: Any) -> Exchange:
            self.requests += 1
            dies = self.requests == self.night.dies_at
            if dies and not self.night.dies_after:
                await self._die()
            if name == "update":
                self.world.hold_update(orjson.loads(args[0]), self.night.decision)
            if name == "create":
                self.world.note_create(orjson.loads(args[0]))
            exchange: Exchange = await method(*args, **named)
            if dies:
                await self._die()
            return exchange

        return asked

    async def _die(self) -> None:
        self.died.cancel()
        await anyio.lowlevel.checkpoint()


@dataclass(slots=True)
class NightsWorld:
    """One ledger, one portal, and what is known of both from outside."""

    folder: Path
    portal: Portal
    #: name → property → all values that were ever sent from here; "" is none
    ours: dict[str, dict[str, set[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(lambda: {""})))
    touched: set[str] = field(default_factory=set)  #: names that somebody edited or deleted since they were as fed
    troubled: set[str] = field(default_factory=set)  #: names fed in a night that was cut off, or in weather

    @property
    def ledger(self) -> Path:
        """The ledger's folder."""
        return self.folder / "ledger"

    def standing(self) -> dict[str, list[dict[str, str]]]:
        """Return name → properties of each campaign of ours that stands."""
        found: dict[str, list[dict[str, str]]] = defaultdict(list)
        for one in self.portal.hubspot.store:
            if not one.archived:
                found[one.properties["hs_name"]].append(one.properties)
        return found

    async def have(self, night: Night) -> Summary | None:
        """Have one night and hold all laws; None where it died."""
        self._by_hand(night)
        self.portal.weather(*night.weather)
        admission = AdmissionPolicy(
            mode="upsert", on_conflict=night.decision, recreate_missing=night.recreates,
            check_unchanged=night.checks, retry_failed=night.retries,
        )  # fmt: skip
        plan = Plan(
            sources=(str(self._feed(night)),), ledger=self.ledger, token=lambda: "token", workers=2,
            records=BY_NAME, admission=admission,
        )  # fmt: skip
        summary: Summary | None = None
        with anyio.CancelScope() as scope:
            way: Any = _Way(self.portal, self, night, scope)
            summary = await run_plan(plan, way, tally=Tally(), stop=Stop(), wall=wall)
        if summary is None:
            self._lose(night.lost)
        self._hold(night, summary)
        return summary

    def _feed(self, night: Night) -> Path:
        rows = [(name, *said) for name, said in night.rows.items()]
        rows += [(name, *night.rows[name]) for name in night.twins]
        rows += [(name, "clash", night.rows[name][1]) for name in night.clashes]
        path = self.folder / "feed.csv"
        path.write_text("\n".join([",".join(("hs_name", *FED)), *(",".join(row) for row in rows)]) + "\n")
        return path

    def _by_hand(self, night: Night) -> None:
        store = self.portal.hubspot.store
        at = {one.properties["hs_name"]: position for position, one in enumerate(store) if not one.archived}
        for name, changed, value in night.edits:
            if name in at:
                self.portal.hubspot.update(at[name], {changed: value})
                self.touched.add(name)
        for name in night.deletions:
            if name in at:
                self.portal.hubspot.archive(at[name])
                self.touched.add(name)

    def _lose(self, lines: int) -> None:
        """Let the last lines of the journal not have reached the disk, up to what announces a request."""
        journal = self.ledger / JOURNAL
        if not journal.exists():
            return
        whole = journal.read_bytes().splitlines(keepends=True)
        while lines and len(whole) > 1 and not any(kind in whole[-1][:48] for kind in _ANNOUNCED):
            whole.pop()
            lines -= 1
        journal.write_bytes(b"".join(whole))

    # The laws

    def note_create(self, body: dict[str, Any]) -> None:
        """Take in what a create sends."""
        for one in body["inputs"]:
            for name, value in one["properties"].items():
                self.ours[one["properties"]["hs_name"]][name].add(value)

    def hold_update(self, body: dict[str, Any], decision: Decision) -> None:
        """Hold that an update writes only what differs, and over nobody's value unless told so."""
        store = self.portal.hubspot.store
        for one in body["inputs"]:
            position = store.find(one["id"])
            assert position is not None
            there = store.properties(position)
            ours = self.ours[there["hs_name"]]
            for name, value in one["properties"].items():
                assert there.get(name, "") != value, "a property that is so already is written"
                assert decision == "overwrite" or there.get(name, "") in ours[name], "somebody's edit is written over"
                assert name in FED, "a property that is not fed is written"
            for name, value in one["properties"].items():
                ours[name].add(value)

    def _hold(self, night: Night, summary: Summary | None) -> None:
        standing = self.standing()
        assert all(len(there) == 1 for there in standing.values()), "a campaign was made twice"
        calm = summary is not None and not night.weather
        self.troubled = set() if calm else self.troubled | set(night.rows)
        if summary is None:
            return
        books = summary.books
        assert books.read == books.accounted == len(night.rows) + len(night.twins) + len(night.clashes)
        assert verify(self.ledger) == []
        if calm:
            self._hold_portal(night, standing)

    def _hold_portal(self, night: Night, standing: dict[str, list[dict[str, str]]]) -> None:
        """Hold that the portal is as the feed for every row that is neither in conflict nor failed nor untold."""
        left = {row["name"] for row in self._rows("conflicts.jsonl") if row["did"] != "overwrite"}
        run = status(self.ledger)["runs"]
        left |= {row["name"] for row in self._rows("failures.jsonl") if row["run"] == run and row["code"] != _CLASH}
        left |= {one["name"] for one in status(self.ledger)["unsettled"]}
        for name, said in night.rows.items():
            same = [{key: one.get(key, "") for key in FED} for one in standing.get(name, ())]
            if same == [dict(zip(FED, said, strict=True))]:
                self.touched.discard(name)
            elif name not in left:
                assert name in self.touched, f"{name} is not as fed, and nobody touched it"
                assert not night.checks, f"{name} was checked, is not as fed, and is not told"

    def _rows(self, name: str) -> Sequence[dict[str, Any]]:
        path = self.ledger / name
        return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


_CLASH: Final = "conflicting_duplicate"


def spent(portal: Portal) -> Counter[str]:
    """Return how many requests of each operation the portal has seen."""
    return Counter(one.operation for one in portal.seen)
