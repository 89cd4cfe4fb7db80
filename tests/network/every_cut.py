"""The connection cut at every byte of a request and of a reply: `python -m tests.network.every_cut [--step N]`.

Each place is one whole run, which has to look up what became of the struck request. Two ways to end (RST and FIN) and
three streams: the request, the reply, and a reply that has no length, so that only its JSON tells that it is cut.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import anyio

from importer.inspecting import verify
from tests.network.canned import with_headers
from tests.network.staging import once_each, proxied, run_once
from tests.network.tcp_proxy import End, Harm
from tests.pipeline.conftest import World, made

COUNT: Final = 2  #: records of a run
AT_ONCE: Final = 6  #: runs, which mostly wait
STREAMS: Final = ("request", "reply", "reply without length")


class Cut(NamedTuple):
    """One place."""

    stream: str
    at: int  #: bytes that come through
    end: End

    def harm(self) -> Harm:
        """Return what the wire has to do."""
        if self.stream == "request":
            return Harm(forward=self.at, end=self.end)
        edit = with_headers(without=b"content-length") if self.stream == STREAMS[2] else None
        return Harm(reply=edit, cut=self.at, end=self.end)


@dataclass(slots=True)
class Score:
    """What was seen."""

    attempts: Counter[tuple[str, str]] = field(default_factory=Counter)  #: stream, class of the attempt
    violations: list[str] = field(default_factory=list)


async def lengths(folder: Path) -> dict[str, int]:
    """Return the length of each stream, from an exchange that nobody harms."""
    world = World(folder)
    async with world.simulator("seed=1") as simulator, proxied(simulator) as proxy:
        await run_once(world, proxy.url, count=COUNT)
    at = next(at for at, request in enumerate(proxy.requests) if b"/batch/create" in request)
    request, reply = proxy.requests[at], proxy.replies[at]
    shorter = with_headers(without=b"content-length")(reply)
    return {"request": len(request), "reply": len(reply), "reply without length": len(shorter)}


def cuts(ends_at: dict[str, int], step: int) -> Iterator[Cut]:
    """Yield every place, or every `step`-th; the last is behind the last byte."""
    for stream, length in ends_at.items():
        for at in [*range(0, length, step), length]:
            for end in (End.RESET, End.CLOSE):
                yield Cut(stream, at, end)


def expected(cut: Cut, length: int) -> set[str]:
    """Return the classes that an attempt cut there may have."""
    whole = cut.stream != "request" and cut.at >= length
    if not whole:
        return {"unknown"}
    return {"answered", "unknown"} if cut.end is End.RESET else {"answered"}  # RST may throw away what is not read yet


async def strike(folder: Path, cut: Cut, length: int, score: Score) -> None:
    """Make one run and note what is wrong with it."""
    world = World(folder)
    async with world.simulator("seed=1") as simulator:
        async with proxied(simulator, harms={1: cut.harm()}) as proxy:
            seen = await run_once(world, proxy.url, count=COUNT)
        wrong = once_each(world, made(simulator), COUNT) + verify(world.ledger)
    if seen.attempts[0] not in expected(cut, length):
        wrong.append(f"the attempt is called {seen.attempts[0]}")
    if (seen.records, seen.status) != (f"{COUNT} created", 0):
        wrong.append(f"{seen.records}, exit {seen.status}")
    score.attempts[cut.stream, seen.attempts[0]] += 1
    score.violations += [f"{cut.stream}, byte {cut.at}, {cut.end.value}: {words}" for words in wrong]


async def cut_everywhere(step: int, folder: Path, told: Callable[[int], None] = lambda _done: None) -> Score:
    """Cut at every `step`-th byte and return the score."""
    score, limiter, done = Score(), anyio.CapacityLimiter(AT_ONCE), 0
    ends_at = await lengths(folder)

    async def one(number: int, cut: Cut) -> None:
        nonlocal done
        async with limiter:
            place = folder / str(number)
            place.mkdir()
            await strike(place, cut, ends_at[cut.stream], score)
            done += 1
            told(done)

    async with anyio.create_task_group() as tasks:
        for number, cut in enumerate(cuts(ends_at, step)):
            tasks.start_soon(one, number, cut)
    return score


def main() -> int:
    """Run and print the counts; 1 on any violation."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--step", type=int, default=1, help="cut at every STEP-th byte")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        score = anyio.run(cut_everywhere, parser.parse_args().step, Path(folder))
    for (stream, attempt), count in sorted(score.attempts.items()):
        print(f"{stream:22} {attempt:10} {count:6}")  # noqa: T201 -- a command's output
    runs = sum(score.attempts.values())
    print(f"{runs} runs in {time.monotonic() - began:.0f} s, {len(score.violations)} violations")  # noqa: T201 -- as above
    print("\n".join(score.violations))  # noqa: T201 -- as above
    return 1 if score.violations or not runs else 0


if __name__ == "__main__":
    sys.exit(main())
