"""The limit of an account that several processes keep together, from the setting to the pacer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import anyio.to_thread

from importer.pacing import RatePolicy
from importer.sharing.limit_file import LimitFile
from importer.sharing.limit_redis import LimitRedis
from importer.sharing.pacer import SharedPacer
from importer.sharing.redis_address import RedisAddress
from importer.sharing.turns import Store

#: Processes may disagree by that much about the time: one that has not taken a turn for so long marks what has ended
#: too early by at most the time between two turns.
MARGIN_S: Final = 0.25


@asynccontextmanager
async def limit_shared(
    place: Path | RedisAddress | None, rate: RatePolicy, *, outage_max_s: float
) -> AsyncIterator[SharedPacer | None]:
    """Take part in the limit kept in a file or in Redis for the block; None shares nothing.

    Raises `UsageError` where it cannot be used, `PausedError` where Redis is away. Cancellation: what is held is given
    back.
    """
    if place is None:
        yield None
        return
    store = await anyio.to_thread.run_sync(_store, place)
    async with SharedPacer(store, replace(rate, margin_s=MARGIN_S), outage_max_s=outage_max_s) as pacer:
        yield pacer


def _store(place: Path | RedisAddress) -> Store:
    return LimitFile(place) if isinstance(place, Path) else LimitRedis(place)
