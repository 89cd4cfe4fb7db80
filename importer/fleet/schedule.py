"""Whose turn it is: one import per account at a time, in the order of the file. Pure.

An account that another process holds, or that HubSpot paused, waits as a whole; the slots are for the others.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Mapping

from importer.errors import ExitStatus
from importer.fleet.model import Ended, Import
from importer.fleet.standing import Standing, State, begun, blocked, followed, over


class Schedule:
    """The imports of one round."""

    def __init__(self, imports: Iterable[Import], *, retries: int, wait_max_s: float) -> None:
        """Take the imports that are to run, all of them waiting."""
        self.imports: dict[str, Import] = {one.name: one for one in imports}
        self.standings: dict[str, Standing] = dict.fromkeys(self.imports, Standing())
        self._retries, self._wait_max_s = retries, wait_max_s
        self._queues: dict[str, deque[str]] = {}
        for one in self.imports.values():
            self._queues.setdefault(one.account, deque()).append(one.name)
        self._free = deque(self._queues)  # accounts which may begin their next import
        self._waiting: list[tuple[float, str]] = []  # accounts, by the time at which they may
        self.running = 0

    def begin(self, now: float) -> str | None:
        """Return the next import to begin, which counts as running from now on; None when there is none yet."""
        while self._waiting and self._waiting[0][0] <= now:
            self._free.append(heapq.heappop(self._waiting)[1])
        if not self._free:
            return None
        name = self._queues[self._free.popleft()].popleft()
        self.standings[name] = begun(self.standings[name])
        self.running += 1
        return name

    def end(self, name: str, ended: Ended, now: float) -> Mapping[str, Standing]:
        """Take the end of a running import; return every standing that it changed, its own first."""
        account = self.imports[name].account
        queue = self._queues[account]
        new = followed(self.standings[name], ended, now=now, retries=self._retries, wait_max_s=self._wait_max_s)
        changed = {name: new}
        self.running -= 1
        if new.state is State.FAILED and new.status == ExitStatus.ACCESS:
            changed |= {other: blocked(self.standings[other], account) for other in queue}
            queue.clear()
        if not over(new):
            queue.appendleft(name)
        if queue and new.until is not None and new.until > now:
            heapq.heappush(self._waiting, (new.until, account))
        elif queue:
            self._free.append(account)
        self.standings |= changed
        return changed

    def due(self) -> float | None:
        """Return when the next account may go on that has to wait; None when none does."""
        return self._waiting[0][0] if self._waiting else None

    @property
    def over(self) -> bool:
        """Whether nothing is at work and nothing will be."""
        return not (self.running or self._free or self._waiting)
