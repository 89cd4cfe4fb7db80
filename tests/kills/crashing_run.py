"""The importer's `run`, whose process kills itself at a named moment: a call to the disk or to the network.

A point is `CALL/PHASE/N`: before, in the half of, or after the N-th such call of the process, say
`write:journal.jsonl/half/3`. The seams of the product (its disk, its transport) are wrapped here; the product
itself has no hooks. `CRASH_AT` names the point; `CRASH_LOG` names a file that gets every point the process passed.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from importer.cli import session
from importer.cli.planning import build_plan
from importer.cli.screen import Screen
from importer.hubspot.exchange import Exchange
from importer.hubspot.transport import HubSpotTransport
from importer.ledger.disk import OsDisk
from importer.pipeline import run_plan
from importer.plan import Plan
from importer.report.books import Summary, Tally
from importer.settings import load
from importer.stopping import Stop


class Points:
    """The moments that a process passes."""

    def __init__(self, at: str | None, log: str | None) -> None:
        self._at, self._counts = at, Counter[str]()
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if log else None

    def next(self, call: str) -> str:
        """Count a call and return its name."""
        self._counts[call] += 1
        return f"{call}/{{}}/{self._counts[call]}"

    def here(self, name: str, phase: str) -> None:
        """Die, if this is the moment."""
        point = name.format(phase)
        if self._log is not None:
            os.write(self._log, point.encode() + b"\n")
        if point == self._at:
            os.kill(os.getpid(), signal.SIGKILL)


class CrashingDisk(OsDisk):
    """The real disk, with a moment before, in the half of and after each call."""

    def __init__(self, points: Points) -> None:
        self._points, self._names = points, dict[int, str]()

    def _around(self, call: str, work: Callable[[], Any]) -> Any:
        name = self._points.next(call)
        self._points.here(name, "before")
        done = work()
        self._points.here(name, "after")
        return done

    def open_append(self, path: Path) -> int:
        """Open."""
        name = "torn" if path.name.startswith("journal.torn") else path.name
        fd: int = self._around(f"open:{name}", lambda: super(CrashingDisk, self).open_append(path))
        self._names[fd] = name
        return fd

    def write(self, fd: int, data: bytes) -> int:
        """Write; in the half of it, half of the data is there."""
        name = self._points.next(f"write:{self._names[fd]}")
        self._points.here(name, "before")
        half = len(data) // 2
        written = super().write(fd, data[:half]) if half else 0
        self._points.here(name, "half")
        written += super().write(fd, data[half:])
        self._points.here(name, "after")
        return written

    def sync(self, fd: int) -> None:
        """Sync."""
        self._around(f"sync:{self._names[fd]}", lambda: super(CrashingDisk, self).sync(fd))

    def truncate(self, fd: int, size: int) -> None:
        """Cut."""
        self._around(f"truncate:{self._names[fd]}", lambda: super(CrashingDisk, self).truncate(fd, size))

    def sync_folder(self, path: Path) -> None:
        """Sync the folder."""
        self._around("sync:folder", lambda: super(CrashingDisk, self).sync_folder(path))

    def close(self, fd: int) -> None:
        """Close."""
        self._around(f"close:{self._names[fd]}", lambda: super(CrashingDisk, self).close(fd))


class CrashingTransport:
    """The real transport, with a moment before and after each request."""

    def __init__(self, real: HubSpotTransport, points: Points) -> None:
        self._real, self._points = real, points

    async def _around(self, call: str, work: Awaitable[Exchange]) -> Exchange:
        name = self._points.next(call)
        self._points.here(name, "before")
        done = await work
        self._points.here(name, "after")
        return done

    async def create(self, body: bytes) -> Exchange:
        """Create."""
        return await self._around("create", self._real.create(body))

    async def list_page(self, **asked: Any) -> Exchange:
        """List."""
        return await self._around("list", self._real.list_page(**asked))

    async def read(self, ids: Sequence[str], properties: Sequence[str]) -> Exchange:
        """Read."""
        return await self._around("read", self._real.read(ids, properties))

    async def account(self) -> Exchange:
        """Ask for the account."""
        return await self._around("account", self._real.account())

    async def aclose(self) -> None:
        """Close."""
        await self._real.aclose()


def main(source: str, flags: dict[str, Any]) -> int:
    """Run as `importer run` does, over the wrapped seams; return the exit status."""
    points = Points(os.environ.get("CRASH_AT"), os.environ.get("CRASH_LOG"))

    async def work(plan: Plan, *, tally: Tally, stop: Stop, confirm: session.Confirm) -> Summary:
        transport = CrashingTransport(HubSpotTransport(plan.token, plan.transport), points)
        try:
            return await run_plan(plan, transport, tally=tally, stop=stop, confirm=confirm, disk=CrashingDisk(points))
        finally:
            await transport.aclose()

    loaded = load(flags)
    plan = build_plan(loaded, [source])
    return session.run(work, plan, loaded.settings, screen=Screen(quiet=True), argv=["run", source])


if __name__ == "__main__":
    words = dict(word.split("=", 1) for word in sys.argv[2:])
    sys.exit(main(sys.argv[1], {**words, "yes": True, "quiet": True}))
