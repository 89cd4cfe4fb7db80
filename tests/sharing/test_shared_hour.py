"""An hour of a shared limit in simulated time: latencies with tails of 3 s, a neighbour that dies with slots."""

from random import Random

import pytest

from importer.sharing.window import LEASE_S
from tests.depth import DEEP, share
from tests.rate_world import Server, law
from tests.sharing.redis_ground import FakeRedisStore
from tests.sharing.shared_world import Process, World

LIMIT = 190
#: An hour takes half a minute of CPU, so with every change it is a shorter one.
SECONDS = 3_600.0 if DEEP else 150.0
DEATH_S = SECONDS / 3
#: With every change, the first and the last.
KINDS = list(share([("tail", "file"), ("tail", "Redis"), ("wide tail", "file"), ("wide tail", "Redis")], one_of=3))


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "store"), KINDS)
def test_an_hour_of_four_processes_one_of_which_dies_with_slots(kind: str, store: str) -> None:
    """No window holds too many, no answer is 429, at least 0.9 of the rate is used, and the three others go on."""
    one = World(Server(LIMIT), law(kind, Random(kind)), seed=f"{kind} {store}")
    if store == "Redis":
        one.store = FakeRedisStore(clock=lambda: one.wall(0.0))
    crew: list[Process] = [one.process(name) for name in "abcd"]
    one.run(DEATH_S)
    while crew[1].held < 10:
        one.run(one.now + 0.05)
    one.kill(crew[1])
    sent = [process.sent for process in crew]
    one.run(one.now + LEASE_S + 12.0)
    assert all(process.sent > before for process, before in zip(crew, sent, strict=True) if process.alive)
    one.run(SECONDS)
    assert one.most() <= LIMIT
    assert one.refused == 0
    assert one.use(LIMIT) >= 0.9
