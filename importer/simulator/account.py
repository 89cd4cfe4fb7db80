"""The simulated account: makes, changes and archives campaigns, and keeps the truth about them."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import orjson

from importer.simulator.clock import Clock
from importer.simulator.policy import SimulatorPolicy
from importer.simulator.properties import stored
from importer.simulator.state import State
from importer.simulator.store import Store


class Account:
    """One HubSpot account in memory; with a `state`, one that later processes continue."""

    def __init__(self, policy: SimulatorPolicy, clock: Clock, state: State | None) -> None:
        self.policy = policy
        self.store = Store()
        self.made_properties: dict[
            str, Mapping[str, str]
        ] = {}  #: those made through the API, name → as they were given
        self._clock = clock
        self._state = state
        run = 1 + (self._replay(state) if state else 0)
        if state:
            state.truth.append([{"type": "run", "run": run}])
        self.source = f"{policy.seed}/{run}"  #: what all draws of this run are seeded with
        self._ids = self.rng("ids")
        self.used_today: Callable[[], int] = lambda: policy.daily_used  #: requests; the desk, which counts them, tells

    def rng(self, purpose: str) -> Random:
        """Return a source of chance of its own, so that one switch does not shift the draws of another."""
        return Random(f"{self.source}/{purpose}")

    def now_ms(self) -> int:
        """Return the server's time in epoch milliseconds."""
        return int((self._clock.now() + self.policy.clock_skew_s) * 1000)

    def new_id(self) -> str:
        """Return a fresh UUID."""
        digits = f"{self._ids.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def make(
        self, campaigns: Sequence[Mapping[str, str]], *, request: int, foreign: bool = False, skew_s: float = 0.0
    ) -> list[int]:
        """Make campaigns now, all or none on the disk, and return their positions; `skew_s` shifts `createdAt`."""
        now = self.now_ms()
        shown_ms = now + int(skew_s * 1000)
        policy, keep_goal = self.policy, self.policy.goal == "accept"
        kept = [
            stored(sent, normalise=policy.normalise, keep_goal=keep_goal, drop_empty=policy.drop_empty)
            for sent in campaigns
        ]
        texts = [orjson.dumps(properties).decode() for properties in kept]
        lines: list[dict[str, Any]] = [
            {
                "type": "campaign",
                "id": self.new_id(),
                "properties": orjson.Fragment(text),
                "name": properties.get("hs_name", ""),
                "made": now,
                "created": shown_ms,
                "request": request,
                "foreign": foreign,
            }
            for properties, text in zip(kept, texts, strict=True)
        ]
        if self._state:
            self._state.truth.append(lines)
        return [self._keep(line, text) for line, text in zip(lines, texts, strict=True)]

    def update(self, position: int, changes: Mapping[str, str]) -> None:
        """Change properties of a campaign; an empty value resets one."""
        policy = self.policy
        changed = stored(changes, normalise=policy.normalise, keep_goal=policy.goal == "accept", drop_empty=False)
        merged = {name: value for name, value in (self.store.properties(position) | changed).items() if value}
        now = self.now_ms()
        if self._state:
            line = {"type": "update", "id": self.store.ids[position], "properties": merged, "at": now}
            self._state.truth.append([line])
        self.store.update(position, merged, now)

    def add_item(self, position: int, kind: str, fields: Mapping[str, Any], *, request: int) -> dict[str, Any]:
        """Make an item of a campaign's budget or spend, and return it."""
        now, number = self.now_ms(), self.store.next_item
        times = {"createdAt": now, "updatedAt": now}
        item = {"id": str(number), "kind": kind, "request": request, **fields, **times}
        self.put_item(position, item)
        return item

    def put_item(self, position: int, item: dict[str, Any]) -> None:
        """Keep an item as it is now; one that says `removed` is gone from all replies."""
        if self._state:
            self._state.truth.append([{"type": "item", "id": self.store.ids[position], "item": item}])
        self.store.put_item(position, item)

    @property
    def custom_properties(self) -> tuple[str, ...] | None:
        """Return the custom properties which exist; None accepts any."""
        given = self.policy.custom_properties
        return None if given is None else (*given, *self.made_properties)

    def make_property(self, given: Mapping[str, str]) -> None:
        """Make a custom property; `given` names it, and may say more of it."""
        if self._state:
            self._state.truth.append([{"type": "property", "name": given["name"], "given": given}])
        self.made_properties[given["name"]] = given

    def archive(self, position: int) -> None:
        """Take a campaign out of the account."""
        if self._state:
            self._state.truth.append([{"type": "archive", "id": self.store.ids[position]}])
        self.store.archive(position)

    def _keep(self, line: Mapping[str, Any], text: str) -> int:
        return self.store.add(
            line["id"],
            text,
            line["name"],
            made_ms=line["made"],
            created_ms=line["created"],
            request=line["request"],
            foreign=line["foreign"],
        )

    def _replay(self, state: State) -> int:
        """Take over what earlier processes made; return how many they were."""
        runs = 0
        for line in state.truth.read():
            kind = line["type"]
            if kind == "campaign":
                self._keep(line, orjson.dumps(line["properties"]).decode())
            elif kind == "property":
                self.made_properties[line["name"]] = line.get("given", {})
            elif kind == "run":
                runs = line["run"]
            else:
                position = self.store.find(line["id"])
                assert position is not None
                if kind == "update":
                    self.store.update(position, line["properties"], line["at"])
                elif kind == "item":
                    self.store.put_item(position, line["item"])
                else:
                    self.store.archive(position)
        return runs
