"""Several processes that share a limit, in simulated time: each with its own clock, workers, and a way to die."""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from random import Random

from importer.errors import ImporterError, UsageError
from importer.pacing import RatePolicy
from importer.sharing.limit import MARGIN_S
from importer.sharing.turns import Act, StoreError, Turns
from importer.sharing.window import HEARTBEAT_S, Ended, Granted, Wish
from tests.rate_world import Latency, Server


@dataclass(slots=True)
class MemoryStore:
    """A store in memory, whose clock is the one that the process in its turn sees."""

    name: str = "the limit in memory"
    kept: bytes | None = None
    wall: Callable[[], float] = lambda: 0.0
    broken: bool = False
    forgets: bool = False

    def turn(self, act: Act) -> None:
        """Let `act` change what is kept."""
        if self.broken:
            raise StoreError("Input/output error")
        self.kept = act(self.kept, self.wall())

    def refusal(self, why: str) -> ImporterError:
        """Return an error of the start."""
        return UsageError(why)

    def close(self) -> None:
        """Nothing is open."""


@dataclass(slots=True)
class Process:
    """One process with its workers; all times are true ones."""

    world: "World"
    name: str
    skew_s: float
    workers: int
    host: str | None
    turns: Turns = field(init=False)
    alive: bool = True
    frozen_until: float = 0.0
    book: str | None = None
    held: int = 0
    flying: int = 0
    sent: int = 0
    unused: int = 0
    ended: list[Ended] = field(default_factory=list)
    due: float = 0.0
    granted: list[Granted] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start its own clock somewhere."""
        start = 0.0 if self.host else self.world.random.uniform(0, 1e6)
        self.turns = Turns(self.world.store, self.world.policy, host=self.host, elapsed=lambda: self.world.now + start)

    def turn(self) -> None:
        """Take one turn, and send what it grants."""
        if not self.alive:
            return
        if self.world.now < self.frozen_until:
            self.call(self.frozen_until)
            return
        if self.world.now < self.due:
            return
        self.world.store.wall = lambda: self.world.wall(self.skew_s)
        wanted = self.workers - self.flying
        wish = Wish(me=self.name, book=self.book, held=self.held, ended=tuple(self.ended), wanted=wanted)
        try:
            granted = self.turns.take(wish)
        except StoreError:
            self.call(self.world.now + 1.0)
            return
        self.ended.clear()
        self.world.turns += 1
        self.book, self.held = granted.book, granted.held
        for _ in range(granted.slots):
            self.send(granted)
        wait_s = granted.wait_s if granted.wait_s is not None else HEARTBEAT_S
        self.call(self.world.now + max(wait_s, 0.001))

    def call(self, at: float) -> None:
        """Take the next turn at that time, unless something happens before."""
        self.due = at
        self.world.at(at, self.turn)

    def send(self, granted: Granted) -> None:
        """Let one request go."""
        going, coming, through = self.world.latency()
        self.flying += 1
        self.sent += 1

        def arrive() -> None:
            refused, headers = self.world.server.arrive(self.world.now)
            self.world.arrived.append(self.world.now)
            self.world.refused += refused
            self.world.at(self.world.now + coming, lambda: answer(headers, refused))

        def answer(headers: dict[str, str], refused: bool) -> None:
            self.flying -= 1
            told = headers if through else None
            self.ended.append(Ended(book=granted.book, since=granted.since, headers=told, refused=refused))
            if self.world.now >= self.frozen_until:
                self.call(self.world.now + self.world.random.uniform(0.0002, 0.003))

        self.world.at(self.world.now + self.world.random.uniform(0.0002, 0.003) + going, arrive)


class World:
    """Processes, one store, one server."""

    def __init__(
        self, server: Server, latency: Latency, *, seed: str, policy: RatePolicy | None = None
    ) -> None:  # fmt: skip
        self.server, self.latency, self.random = server, latency, Random(seed)
        self.policy = policy or RatePolicy(margin_s=MARGIN_S)
        self.store = MemoryStore()
        self.now = 0.0
        self.clock_jump_s = 0.0
        self.turns = 0
        self.refused = 0
        self.arrived: list[float] = []
        self._order = count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def wall(self, skew_s: float) -> float:
        """Return the clock of the file system as a process sees it, in steps of 4 ms."""
        return 1.8e9 + (self.now + skew_s + self.clock_jump_s) // 0.004 * 0.004

    def at(self, time: float, act: Callable[[], None]) -> None:
        """Do `act` at `time`."""
        heappush(self._events, (time, next(self._order), act))

    def process(self, name: str, *, skew_s: float = 0.0, workers: int = 32, host: str | None = None) -> Process:
        """Start a process now; those of one `host` have one monotonic clock."""
        process = Process(self, name, skew_s, workers, host)
        process.call(self.now)
        return process

    def kill(self, process: Process) -> None:
        """Let a process die; what it has sent goes on its way."""
        process.alive = False

    def run(self, until: float) -> None:
        """Go on until then."""
        while self._events and self._events[0][0] <= until:
            self.now, _, act = heappop(self._events)
            act()
        self.now = until

    def most(self, window_s: float = 10.0) -> int:
        """Return the most requests that arrived in any window."""
        arrived = sorted(self.arrived)
        most, first = 0, 0
        for index, at in enumerate(arrived):
            while arrived[first] <= at - window_s:
                first += 1
            most = max(most, index - first + 1)
        return most

    def use(self, limit: int, skip: int = 3) -> float:
        """Return the part of the permitted rate that was used, counted as `rate_world.Drive.use` does."""
        arrived = sorted(self.arrived)
        first = skip * limit
        last = first + (len(arrived) - 1 - first) // limit * limit
        return (last - first) / limit * 10.0 / (arrived[last] - arrived[first])
