"""What goes on beside a run and ends with it: a token that is renewed before its end, a clock that calls time."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

import anyio
import anyio.to_thread

from importer.plan import Plan

T = TypeVar("T")

_AGAIN_S: Final = 30.0  #: before asking again for a token that could not be renewed
_LEAST_S: Final = 1.0  #: between two renewals, whatever the server says of how long a token lives


async def beside(work: Callable[[], Awaitable[T]], *tasks: Callable[[], Coroutine[Any, Any, None]]) -> T:
    """Return what `work` returns while `tasks` are at work too; they end with it.

    Raises what `work` raises. Cancellation: passes through to all.
    """
    outcome: T | Exception
    async with anyio.create_task_group() as group:
        for task in tasks:
            group.start_soon(task)
        try:
            outcome = await work()
        except Exception as error:  # noqa: BLE001 - raised below, outside the group, which would wrap it
            outcome = error
        group.cancel_scope.cancel()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def keep_fresh(plan: Plan) -> None:
    """Renew the token before its end, once for all who use it, for as long as the run lasts.

    A renewal that fails is tried again: the old token serves until HubSpot refuses it. Cancellation: nothing left.
    """
    while (due_s := plan.renew_in()) is not None:
        await anyio.sleep(max(due_s, _LEAST_S))
        if not await anyio.to_thread.run_sync(plan.renew_token):
            await anyio.sleep(_AGAIN_S)
