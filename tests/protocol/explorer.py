"""Every history of a small import: each crash, each fate of each request, walked to its end.

    python -m tests.protocol.explorer

The client is the protocol in plain code over the importer's own fold (what a journal says) and its own matching. A
history is a sequence of choices; all of them are walked by running the client again with the next sequence. After each
history a last, undisturbed run ends it, and then every item must have been made once, or be told to be unresolved.

Rules can be left out, to show that each is needed.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar

import orjson

from importer.hubspot.wire import encode_batch
from importer.ledger.fold import Fold
from importer.matching import Wanted, match
from importer.model import Result, State
from importer.simulator.replies import iso

T = TypeVar("T")
LATE: Final = 5  #: when a request that is applied late lands
SETTLE: Final = 10  #: after that nothing lands
APART: Final = 10  #: between two looks
START: Final = 1_000_000  #: epoch seconds at which a history begins
FATES: Final = ("ok", "lost", "made, no answer", "half made, no answer", "made late", "refused", "answer lacks one")


class Rules(NamedTuple):
    """The rules of the protocol; each can be left out."""

    intents: bool = True
    synced: bool = True
    settling: bool = True
    by_id: bool = True  #: else by count of equal values
    bound: bool = True  #: of createdAt
    two_looks: bool = True


class Case(NamedTuple):
    """What is imported."""

    batches: tuple[tuple[str, ...], ...]  #: names; equal names are equal campaigns
    before: tuple[str, ...] = ()  #: campaigns that were there before
    lag: int = 0  #: seconds until a campaign shows in a listing
    crashes: int = 1


class _CrashError(Exception):
    """The process is gone."""


class Tape:
    """A sequence of choices, played again with its last choice advanced until all are walked."""

    def __init__(self) -> None:
        self._tape: list[list[int]] = []  # choice, number of options
        self._at = 0

    def choose(self, options: Sequence[T]) -> T:
        """Return the option of this history."""
        if self._at == len(self._tape):
            self._tape.append([0, len(options)])
        choice = self._tape[self._at][0]
        self._at += 1
        return options[choice]

    def next(self) -> bool:
        """Go to the next history; return whether there is one."""
        self._at = 0
        while self._tape and self._tape[-1][0] + 1 == self._tape[-1][1]:
            self._tape.pop()
        if not self._tape:
            return False
        self._tape[-1][0] += 1
        return True


@dataclass
class Server:
    """An account."""

    lag: int
    campaigns: list[tuple[str, str, int]] = field(default_factory=list)  #: id, name, created at
    late: list[tuple[int, list[str]]] = field(default_factory=list)

    def make(self, names: Sequence[str], now: int) -> list[str]:
        """Make campaigns; return their ids."""
        ids = [f"c{len(self.campaigns) + n}" for n in range(len(names))]
        self.campaigns += [(one, name, now) for one, name in zip(ids, names, strict=True)]
        return ids

    def pass_time(self, now: int) -> None:
        """Let what is late land."""
        for at, names in [one for one in self.late if one[0] <= now]:
            self.make(names, at)
        self.late = [one for one in self.late if one[0] > now]

    def listing(self, now: int) -> list[Result]:
        """Return what shows."""
        shown = [one for one in self.campaigns if one[2] + self.lag <= now]
        return [Result(one, {"hs_name": name}, iso(at * 1000)) for one, name, at in shown]


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
            raise _CrashError

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


def walk(case: Case, rules: Rules, visit: Callable[[Server], None]) -> int:
    """Walk all histories of a case; hand the account of each to `visit`; return how many."""
    tape, count = Tape(), 0
    while True:
        server = Server(case.lag)
        server.campaigns = [(f"b{n}", name, START - 1_000) for n, name in enumerate(case.before)]
        client = Client(case, rules, tape, server, case.crashes)
        while True:
            try:
                client.run()
                break
            except _CrashError:
                client.now += 1
        client.trying = False
        client.now += 1
        client.run()
        server.pass_time(client.now + 1_000)
        visit(server)
        count += 1
        if not tape.next():
            return count


def judge(case: Case, server: Server) -> tuple[int, int]:
    """Return how many items were lost, and how many made twice."""
    wanted = Counter(name for batch in case.batches for name in batch)
    made = Counter(name for one, name, _ in server.campaigns if one.startswith("c"))
    return sum((wanted - made).values()), sum((made - wanted).values())


def explore(case: Case, rules: Rules) -> tuple[int, int, int]:
    """Return histories, histories with a loss, histories with a twin."""
    totals = [0, 0]

    def visit(server: Server) -> None:
        lost, twice = judge(case, server)
        totals[0] += lost > 0
        totals[1] += twice > 0

    return walk(case, rules, visit), totals[0], totals[1]


CASES: Final = {
    "distinct items": Case((("a", "b"),), crashes=2),
    "identical items": Case((("a", "a"),), crashes=2),
    "a twin existed before": Case((("a", "b"),), before=("a",), crashes=2),
    "two batches at once": Case((("a", "b"), ("c", "d"))),
    "two batches of equals": Case((("a", "b"), ("a", "a"))),
    "the listing lags": Case((("a", "b"),), lag=SETTLE + LATE - 1),
}
FULL: Final = Rules()
LEFT_OUT: Final = {
    "all rules": FULL,
    "no intents": FULL._replace(intents=False),
    "intents not synced": FULL._replace(synced=False),
    "no settling": FULL._replace(settling=False, two_looks=False),
    "matched by count": FULL._replace(by_id=False),
    "no bound of createdAt": FULL._replace(bound=False),
    "one look": FULL._replace(two_looks=False),
}


def table() -> Iterator[str]:
    """Yield the lines of the table: rule left out, case, histories, lost, twice."""
    yield f"{'protocol':<24}{'case':<24}{'histories':>10}{'lost':>8}{'twice':>8}"
    for left_out, rules in LEFT_OUT.items():
        for name, case in CASES.items():
            histories, lost, twice = explore(case, rules)
            yield f"{left_out:<24}{name:<24}{histories:>10,}{lost:>8,}{twice:>8,}"


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)  # noqa: T201 - its output
    sys.exit(0)
