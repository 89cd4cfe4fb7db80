"""Every history of a small import: each crash, each fate of each request, walked to its end.

    python -m tests.protocol.explorer

The client is the protocol in plain code over the importer's own fold (what a journal says) and its own matching. A
history is a sequence of choices; all of them are walked by running the client again with the next sequence. After each
history a last, undisturbed run ends it, and then every item must have been made once, or be told to be unresolved.

Rules can be left out, to show that each is needed.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from tests.protocol.client import Client
from tests.protocol.world import LATE, SETTLE, START, Case, CrashError, Rules, Server, Tape


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
            except CrashError:
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
