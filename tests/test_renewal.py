"""Another token after a refusal: asked for once for all who were refused with the old one."""

import anyio
import anyio.from_thread
import pytest
from trio.testing import MockClock

from importer.beside import beside, keep_fresh
from importer.plan import Plan
from importer.renewal import Renewal


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run in virtual time, which stands still a moment for the thread that asks: trio does not see it at work."""
    return "trio", {"clock": MockClock(autojump_threshold=0.2)}


class Vault:
    """Gives another token each time, or the same."""

    def __init__(self, *, changes: bool = True) -> None:
        self.asked, self.changes = 0, changes

    def renew(self) -> bool:
        """Ask."""
        self.asked += 1
        return self.changes


async def test_many_who_were_refused_ask_once() -> None:
    """Ten workers whose requests began before the renewal: one asking, and all may send again."""
    vault, told = Vault(), []
    renewal = Renewal(vault.renew)
    began = anyio.current_time()

    async def worker() -> None:
        told.append(await renewal.renewed(began))

    await anyio.sleep(1)
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(worker)
    assert told == [True] * 10
    assert vault.asked == 1


async def test_a_new_token_that_is_refused_as_well_ends_it() -> None:
    """Nothing was made with the second token: no third is asked for, so that a run cannot go on for ever."""
    vault = Vault()
    renewal = Renewal(vault.renew)
    assert await renewal.renewed(anyio.current_time())
    await anyio.sleep(1)
    renewal.heard(401)
    renewal.heard(None)
    assert not await renewal.renewed(anyio.current_time())
    assert vault.asked == 1


async def test_a_token_that_served_may_be_renewed_again() -> None:
    """A vault whose tokens end every hour serves a night: each refusal after progress asks again."""
    vault = Vault()
    renewal = Renewal(vault.renew)
    for _ in range(5):
        renewal.heard(201)
        await anyio.sleep(3_600)
        assert await renewal.renewed(anyio.current_time())
    assert vault.asked == 5


async def test_the_same_token_again_is_no_other() -> None:
    """A file that still holds the refused token helps nobody."""
    vault = Vault(changes=False)
    assert not await Renewal(vault.renew).renewed(anyio.current_time())


class Lease:
    """A token that lives for 30 minutes and is due 5 minutes before."""

    def __init__(self, *, failures: int = 0) -> None:
        self.renewed_at: list[float] = []
        self.failures = failures
        self.due_at = anyio.current_time() + 1_500

    def due(self) -> float:
        """Return the seconds until it should be renewed."""
        return self.due_at - anyio.current_time()

    def renew(self) -> bool:
        """Give another, unless the server is away."""
        now = anyio.from_thread.run_sync(anyio.current_time)
        self.renewed_at.append(now)
        if self.failures:
            self.failures -= 1
            return False
        self.due_at = now + 1_500
        return True


async def renewals(lease: Lease, tmp_path: object, hours: float) -> list[float]:
    """Return when a run of so many hours renewed, in seconds since its begin."""
    began = anyio.current_time()
    plan = Plan(sources=(), ledger=tmp_path, token=str, renew_token=lease.renew, renew_in=lease.due)  # type: ignore[arg-type]
    await beside(lambda: anyio.sleep(hours * 3_600), lambda: keep_fresh(plan))
    return [at - began for at in lease.renewed_at]


async def test_a_token_is_renewed_before_its_end_as_often_as_it_takes(tmp_path: object) -> None:
    """Two hours, 30-minute tokens: four renewals, each five minutes early."""
    assert await renewals(Lease(), tmp_path, 2) == pytest.approx([1_500, 3_000, 4_500, 6_000], abs=5)


async def test_a_renewal_that_fails_is_tried_again_in_time(tmp_path: object) -> None:
    """The token endpoint is away for two askings: half a minute apart, and still before the old token's end."""
    found = await renewals(Lease(failures=2), tmp_path, 0.5)
    assert found == pytest.approx([1_500, 1_531, 1_562], abs=5)


async def test_what_goes_on_beside_ends_with_the_work() -> None:
    """The result and the error of the work are passed on as they are, without a group around them."""
    assert await beside(lambda: _give(7), anyio.sleep_forever) == 7
    with pytest.raises(ValueError, match="as it is"):
        await beside(_fail, anyio.sleep_forever)


async def _give(value: int) -> int:
    await anyio.sleep(1)
    return value


async def _fail() -> None:
    raise ValueError("as it is")
