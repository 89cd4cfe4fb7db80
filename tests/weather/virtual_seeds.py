"""Whole imports in weather drawn from a seed, with the waits of real life, in virtual time.

    python -m tests.weather.virtual_seeds --seeds 200 --records 2000 --first-seed 1 --jobs 2

Each seed draws a source (some rows alike, some of one name), an account (normalisers, lag, latency, neighbours), and
weather: 5 % of all requests are struck, by every fault that breaks no stated assumption. Some runs are cut off;
the import is run until it has ended well, and what could not be told is asked about once more, as a person would. Then
the ledger is compared with what was made. Prints what struck and what became of it; exit status 1 on any violation.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from random import Random
from typing import Final

import anyio

from importer.admission import AdmissionPolicy
from importer.errors import ExitStatus, ImporterError
from importer.inspecting import verify
from importer.pipeline import run_plan
from importer.plan import Plan
from importer.report.books import Summary, Tally
from importer.settling import settle_plan
from importer.simulator.faults import TABLE
from importer.simulator.properties import NORMALISERS
from importer.stopping import Stop
from tests.weather.reckoning import mark_of, reckon
from tests.weather.virtual import JumpingClock, Portal, portal, wall

SHARE: Final = 0.05  #: of all requests are struck
RUNS_MAX: Final = 300  #: one in a hundred requests stops a run: a token refused, a quota used up
UNRESOLVED_MAX: Final = 0.0001  #: share of all records
#: An equal campaign of somebody else's, made in the same moment: no API could tell it from one of ours.
CANNOT_BE_TOLD: Final = frozenset({"foreign_twin"})
_LATE: Final = frozenset({"late_commit", "late_commit_reset", "pending_then_commit"})
_REFUSALS: Final = tuple(f"create/{status}" for status in (207, 400, 409, 413, 422))  #: what may leave records failed
_WELL: Final = frozenset({ExitStatus.OK, ExitStatus.SOME_FAILED})


@dataclass(slots=True)
class Score:
    """What became of some seeds."""

    seeds: int = 0
    records: int = 0
    runs: int = 0
    killed: int = 0
    created: int = 0
    failed: int = 0
    unresolved: Counter[str] = field(default_factory=Counter)  #: by reason
    requests: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)  #: of runs, by status
    violations: list[str] = field(default_factory=list)

    def add(self, other: "Score") -> None:
        """Take in other seeds."""
        for name in ("seeds", "records", "runs", "killed", "created", "failed", "requests"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("unresolved", "struck", "ends"):
            getattr(self, name).update(getattr(other, name))
        self.violations += other.violations


def weather(rng: Random, share: float) -> Iterator[str]:
    """Yield rules: every fault of creates and of listings, each as likely as the others, `share` in all."""
    for operation in ("create", "list"):
        faults = [
            fault
            for fault in TABLE.values()
            if operation in fault.operations
            and "breaks assumption" not in fault.sentence
            and fault.name not in CANNOT_BE_TOLD
        ]
        rng.shuffle(faults)
        for fault in faults:
            number = f":{rng.uniform(1, 50):.1f}" if fault.name in _LATE else ""
            yield f"{operation}/{fault.name}:{share / len(faults):.6f}{number}"


def account(rng: Random) -> Iterator[str]:
    """Yield the switches of an account."""
    yield f"seed={rng.randrange(1 << 30)}"
    yield f"rate={rng.choice([100, 190, 250])}"
    yield f"latency={rng.choice(['fixed:0.1', 'uniform:0.05-0.4', 'longtail:0.2'])}"
    yield f"list_lag_s={rng.choice([0, 0, 5, 45])}"
    yield f"clock_skew_s={rng.choice([0, 0, -3600, 200])}"
    yield f"normalise={rng.choice(['', '', *NORMALISERS])}"


def rows(rng: Random, seed: int, count: int) -> Iterator[str]:
    """Yield the lines of a source: most rows differ, some are like an earlier one, some share only its name."""
    yield "hs_name,hs_notes,hs_start_date,hs_campaign_status\n"
    lines: list[str] = []
    for n in range(count):
        name, mark, kind = f"Campaign {seed} {n}", n, rng.random()
        if lines and kind < 0.02:
            line = rng.choice(lines[-200:])
        else:
            if lines and kind < 0.04:
                name = rng.choice(lines[-200:]).split(",")[0]
            line = f"{name},Cafe\u0301  <{mark}> ,2026-{n % 12 + 1:02d}-01,{rng.choice(['planned', 'active'])}\n"
        lines.append(line)
        yield line


async def one_seed(folder: Path, seed: int, records: int, share: float) -> Score:
    """Import until it has ended well, and reckon."""
    rng, score = Random(seed), Score(seeds=1, records=records)
    source = folder / "campaigns.csv"
    source.write_text("".join(rows(rng, seed, records)), encoding="utf-8")
    marks = [mark_of(line) for line in source.read_text(encoding="utf-8").splitlines()[1:]]
    plan = Plan(
        sources=(str(source),), ledger=folder / "ledger", token=lambda: "token", workers=rng.choice([2, 8, 25]),
        admission=AdmissionPolicy(duplicates="create"),
    )  # fmt: skip
    async with portal(*account(rng)) as hubspot:
        hubspot.weather(*weather(rng, share))
        await _runs(plan, hubspot, rng, score)
        await anyio.sleep(120.0)  # what is late has landed
        truth = list(hubspot.made())
        struck = [f"{one.operation}/{one.fault}" for one in hubspot.seen if one.fault]
        score.struck.update(struck)
        score.requests = len(hubspot.seen)
    result = reckon(plan.ledger, marks, truth)
    score.created, score.failed = result.created, result.failed
    score.unresolved.update("".join("#" if c.isdigit() else c for c in why)[:60] for why in result.unresolved)
    score.violations += [f"{sentence} (seed {seed})" for sentence in (*result.violations, *verify(plan.ledger))]
    if result.failed and not any(name.startswith(_REFUSALS) for name in struck):
        score.violations.append(f"failed: {result.failed} records, though HubSpot refused none (seed {seed})")
    return score


async def _runs(plan: Plan, hubspot: Portal, rng: Random, score: Score) -> None:
    """Run until a run ends well; when it ends with something unresolved, ask once more and run again."""
    asked = False
    for number in range(RUNS_MAX):
        score.runs += 1
        summary = await _run(plan, hubspot, rng if number < 3 else None, score)
        if summary is None:
            continue
        score.ends[summary.status.name] += 1
        if summary.books.read != summary.books.accounted:
            score.violations.append(f"books: {summary.books.line()}")
        if summary.status in _WELL or (summary.status == ExitStatus.UNRESOLVED and asked):
            return
        if summary.status == ExitStatus.UNRESOLVED:
            asked = await _ask(plan, hubspot)
    score.violations.append(f"unfinished: after {RUNS_MAX} runs")


async def _run(plan: Plan, hubspot: Portal, rng: Random | None, score: Score) -> Summary | None:
    """Run once, perhaps killed or stopped; return None where it was killed, or HubSpot let nothing begin."""
    stop, summary = Stop(), None
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as beside:
            if rng is not None and rng.random() < 0.7:
                kill = scope.cancel if rng.random() < 0.7 else stop.cancel_now
                beside.start_soon(_strike, rng.choice([rng.uniform(0.0, 4.0), rng.uniform(0.0, 400.0)]), kill)
            try:
                summary = await run_plan(plan, hubspot, tally=Tally(), stop=stop, wall=wall)
            except ImporterError as error:
                score.ends[f"not begun: {error.exit_status.name}"] += 1
            beside.cancel_scope.cancel()
    score.killed += scope.cancelled_caught
    return summary


async def _strike(after_s: float, kill: Callable[[], None]) -> None:
    await anyio.sleep(after_s)
    kill()


async def _ask(plan: Plan, hubspot: Portal) -> bool:
    """Look once more for what is unresolved, as `importer reconcile` does; tell whether that came to its end."""
    try:
        summary = await settle_plan(plan, hubspot, tally=Tally(), stop=Stop())
    except ImporterError:
        return False
    return summary.status in {ExitStatus.OK, ExitStatus.UNRESOLVED}


def run_seed(seed: int, records: int, share: float) -> Score:
    """Run one seed in a folder of its own, on a clock of its own."""
    with tempfile.TemporaryDirectory() as name:
        options = {"clock": JumpingClock()}
        return anyio.run(one_seed, Path(name), seed, records, share, backend="trio", backend_options=options)


def table(total: Score) -> Iterator[str]:
    """Yield the lines of the report."""
    names = sorted({name.split("/")[1] for name in total.struck})
    yield f"{'fault':<24}{'creates':>9}{'lists':>9}"
    yield from (f"{name:<24}{total.struck[f'create/{name}']:>9}{total.struck[f'list/{name}']:>9}" for name in names)
    yield ""
    kinds = Counter(sentence.split(":")[0] for sentence in total.violations)
    figures = [(name, getattr(total, name)) for name in ("seeds", "records", "runs", "killed", "requests")]
    figures += [("faults that struck", total.struck.total()), *sorted(total.ends.items())]
    figures += [("created", total.created), ("refused by HubSpot", total.failed)]
    figures += [("unresolved", total.unresolved.total())]
    figures += [(name, kinds.pop(name, 0)) for name in ("lost", "twice", "mispaired", "states")]
    figures += [("other violations", kinds.total())]
    yield from (f"{name:<28}{count:>9,}" for name, count in figures)
    yield from (f"unresolved {count} x {why}" for why, count in total.unresolved.items())
    yield from total.violations[:20]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the seeds, print the table, return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--records", type=int, default=2_000)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=SHARE, help="of all requests are struck")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args(argv)
    seeds, total, began = range(args.first_seed, args.first_seed + args.seeds), Score(), time.monotonic()
    with ProcessPoolExecutor(args.jobs) as pool:
        for score in pool.map(run_seed, seeds, repeat(args.records), repeat(args.share)):
            total.add(score)
    unresolved = total.unresolved.total() / max(1, total.records)
    if unresolved > UNRESOLVED_MAX:
        total.violations.append(f"unresolved: {unresolved:.4%} of all records")
    print(*table(total), f"{time.monotonic() - began:.0f} seconds", sep="\n")  # noqa: T201 - its output
    return int(bool(total.violations))


if __name__ == "__main__":
    sys.exit(main())
