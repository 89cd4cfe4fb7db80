"""The client of the exploration: the protocol in plain code over the importer's own fold and matching."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from importer.ledger.fold import Fold
from importer.matching import Wanted, match
from importer.model import State
from tests.bodies import encode_batch
from tests.protocol.world import APART, FATES, LATE, SETTLE, START, Case, CrashError, Rules, Server, Tape


@dataclass
class Client:
    """The importer: its journal survives, everything else is made anew by each run."""

    case: Case
    rules: Rules
    tape: Tape
    server: Server
    crashes_left: int
    now: int = START
    journal: list[dict[str, Any]] = field(default_factory=list)
    synced: int = 0
    fates_left: int = 2
    trying: bool = True  #: whether anything may still go wrong

    def moment(self) -> None:
        """Perhaps crash here: killed, or with any part of what was not synced lost."""
        if not self.trying or self.crashes_left == 0:
            return
        kept = [None, *range(self.synced, len(self.journal) + 1)]  # keeping all is what a kill does
        keep = self.tape.choose(kept)
        if keep is not None:
            self.crashes_left -= 1
            del self.journal[keep:]
            self.synced = min(self.synced, keep)
            raise CrashError

    def append(self, entry: dict[str, Any]) -> int:
        """Append an entry; return its number."""
        self.journal.append(entry)
        return len(self.journal) - 1

    def sync(self) -> None:
        """Make durable what was appended."""
        self.moment()
        self.synced = len(self.journal)
        self.moment()

    # One run

    def run(self) -> None:
        """Run once, from opening to end."""
        fold = Fold()
        for n, entry in enumerate(self.journal):
            fold.apply(n, entry)
        fold.abandon()
        number = fold.run + 1
        self.append({"t": "run", "run": number, "scheme": {"key_space": ""}})
        self.settle(fold, number)
        fold = Fold()
        for n, entry in enumerate(self.journal):
            fold.apply(n, entry)
        self.send(self.unsent(), number)
        self.synced = len(self.journal)

    def known(self) -> tuple[set[str], set[tuple[int, int]]]:
        """Return the ids the journal knows, and the items (batch, place) that need not be sent."""
        ids: set[str] = set()
        settled: set[tuple[int, int]] = set()
        for entry in self.journal:
            if entry["t"] in {"outcome", "resolve"}:
                of = self.journal[entry["of"]]["items"]
                ids |= {created[1] for created in entry["created"]}
                at = [created[0] for created in entry["created"]] + [one[0] for one in entry.get("unresolved", ())]
                settled |= {(of[index][1] // 10, of[index][1] % 10) for index in at}
        return ids, settled

    def unsent(self) -> list[list[tuple[int, int]]]:
        """Return the batches that are to be sent: items which nothing is known of."""
        _, settled = self.known()
        places = [[(b, i) for i in range(len(names))] for b, names in enumerate(self.case.batches)]
        return [left for left in ([one for one in batch if one not in settled] for batch in places) if left]

    def send(self, batches: list[list[tuple[int, int]]], run: int) -> None:
        """Send batches side by side: intents, requests, outcomes."""
        numbers = [self.append(self.intent(batch, run)) for batch in batches] if self.rules.intents else []
        if self.rules.synced:
            self.sync()
        answers = []
        for batch in batches:
            self.moment()
            answers.append(self.request([self.case.batches[b][i] for b, i in batch]))
        again: list[list[tuple[int, int]]] = []
        for at, (batch, answer) in enumerate(zip(batches, answers, strict=True)):
            self.moment()
            of = numbers[at] if numbers else self.append(self.intent(batch, run))
            self.append(self.outcome(of, batch, answer))
            if answer == "refused":
                again.append(batch)
        if again:
            self.send(again, run)
        fold = Fold()
        for n, entry in enumerate(self.journal):
            fold.apply(n, entry)
        if self.settle(fold, run):
            self.send(self.unsent(), run)

    def intent(self, batch: Sequence[tuple[int, int]], run: int) -> dict[str, Any]:
        """Return the intent to send a batch."""
        names = [self.case.batches[b][i] for b, i in batch]
        items = [(0, 10 * b + i, None, f"{b:016x}{i:016x}", self.case.batches[b][i], "0" * 16) for b, i in batch]
        body = orjson.loads(encode_batch([{"hs_name": name} for name in names]))
        return {"t": "intent", "run": run, "a": 1, "srv": [self.now, self.now], "at": self.now, "src": ["a"],
                "items": items, "body": body}  # fmt: skip

    def request(self, names: list[str]) -> list[str] | str | None:
        """Send names; return ids, `refused`, or None for no answer."""
        fate = self.tape.choose(FATES) if self.trying and self.fates_left > 0 else "ok"
        self.fates_left -= 1
        match fate:
            case "lost":
                return None
            case "made, no answer":
                self.server.make(names, self.now)
                return None
            case "half made, no answer":
                self.server.make(names[:1], self.now)
                return None
            case "made late":
                self.server.late.append((self.now + LATE, names))
                return None
            case "refused":
                return "refused"
            case "answer lacks one":
                return self.server.make(names, self.now)[:-1]
        return self.server.make(names, self.now)

    def outcome(self, of: int, batch: Sequence[Any], answer: list[str] | str | None) -> dict[str, Any]:
        """Return the outcome of a batch."""
        ids = answer if isinstance(answer, list) else []
        rest = list(range(len(ids), len(batch)))
        refused = answer == "refused"
        return {"t": "outcome", "of": of, "class": "x", "status": None, "corr": None, "note": None,
                "created": [(n, one, None, "exact", None) for n, one in enumerate(ids)], "failed": [],
                "returned": rest if refused else [], "doubt": [] if refused else rest, "extra": [], "s": 0}  # fmt: skip

    def settle(self, fold: Fold, run: int) -> bool:
        """Settle what is in doubt; return whether anything was."""
        doubts = [(intent, intent.unsettled(State.IN_DOUBT)) for intent in fold.open.values()]
        doubts = [(intent, indices) for intent, indices in doubts if indices]
        if not doubts:
            return False
        if not self.rules.intents:  # nothing is remembered but what was answered
            for intent, indices in doubts:
                self.append(self.finding(intent.n, run, absent=indices))
            return True
        self.wait(SETTLE if self.rules.settling else 0)
        first = self.look(doubts)
        if self.rules.two_looks:
            self.wait(APART)
            second = self.look(doubts)
            first = second if len(second) >= len(first) else first
        for intent, indices in doubts:
            created = [(i, first[intent.n, i], None, "listing", None) for i in indices if (intent.n, i) in first]
            absent = [i for i in indices if (intent.n, i) not in first]
            self.append(self.finding(intent.n, run, created=created, absent=absent))
        self.sync()
        return True

    @staticmethod
    def finding(of: int, run: int, *, created: Sequence[Any] = (), absent: Sequence[int] = ()) -> dict[str, Any]:
        """Return a finding."""
        return {"t": "resolve", "of": of, "run": run, "evidence": {}, "created": list(created), "failed": [],
                "absent": list(absent), "unresolved": []}  # fmt: skip

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.now += seconds
        self.server.pass_time(self.now)

    def look(self, doubts: Sequence[Any]) -> dict[tuple[int, int], str]:
        """Return which items in doubt are found, with their campaigns' ids."""
        wanted = [
            Wanted((intent.n, i), intent.entry["items"][i][3], {"hs_name": intent.entry["items"][i][4]},
                   intent.entry["srv"][0] if self.rules.bound else 0)
            for intent, indices in doubts for i in indices
        ]  # fmt: skip
        shown = self.server.listing(self.now)
        ids, _ = self.known()
        if self.rules.by_id:
            found = match(wanted, shown, taken=frozenset(ids)).found
            return {key: campaign.id for key, campaign in found.items()}
        counts = Counter(campaign.properties["hs_name"] for campaign in shown if campaign.id >= "c")
        told: dict[tuple[int, int], str] = {}
        for record in wanted:  # as many as there are, whoever made them
            if counts[record.properties["hs_name"]]:
                counts[record.properties["hs_name"]] -= 1
                told[record.key] = f"counted {record.key}"
        return told
