"""The three ways in which the simulator meets time, so that tests can bring their own."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Wall clock, monotonic clock and sleep."""

    now: Callable[[], float] = time.time  #: seconds since 1970, for createdAt, Date and the list's lag
    monotonic: Callable[[], float] = anyio.current_time  #: seconds, for the rate limit
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep  #: for latency, slow replies and late commits
