"""What a run would do, in numbers: records, requests, seconds at the permitted rate, share of the day's quota."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeVar

import anyio

from importer.hubspot import steps, verdicts
from importer.hubspot.exchange import Exchange, Reply, Transport
from importer.hubspot.inquiries import Inquiries
from importer.hubspot.token_told import parse_usage
from importer.pacing import RatePolicy
from importer.report.books import Books

T = TypeVar("T")

_ASKED_FIRST: Final = 2  #: requests of every run before it sends: a listing, and whose account it is
_ASKING_S: Final = 10.0  #: a dry run waits no longer for what only adds to its figures
_WINDOW_S: Final = 10.0
_HEADER: Final = "x-hubspot-ratelimit-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What the account permits, as far as it has been told."""

    per_10_s: float | None = None  #: requests in any 10 s
    quota: int | None = None  #: requests a day
    left: int | None = None  #: of those
    untold: str | None = None  #: why the quota is not known


async def ask_allowance(transport: Transport, inquiries: Inquiries) -> Allowance:
    """Ask what the account permits, in two requests that read. Cancellation: nothing left behind."""
    with anyio.move_on_after(_ASKING_S):
        listed = await transport.list_page(properties=["hs_name"], limit=1)
        if not isinstance(listed, Reply):
            return Allowance(untold=f"HubSpot is out of reach: {listed.detail}")
        if listed.status == 401:
            return Allowance(untold="HubSpot does not take the token")
        most, interval = (_number(listed, name) for name in ("max", "interval-milliseconds"))
        per_10_s = most * _WINDOW_S * 1000 / interval if most and interval else None
        quota, left = (_number(listed, name) for name in ("daily", "daily-remaining"))
        if left is None and (usage := _data(await inquiries.daily_usage(), parse_usage)) is not None:
            quota, left = usage[1], max(0, usage[1] - usage[0])
        untold = "HubSpot does not tell it to this token" if left is None else None
        return Allowance(per_10_s=per_10_s, quota=quota, left=left, untold=untold)
    return Allowance(untold=f"HubSpot did not answer in {_ASKING_S:.0f} s")


def _number(reply: Reply, name: str) -> int | None:
    text = reply.headers.get(_HEADER + name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _data(exchange: Exchange, parse: Callable[[bytes], T]) -> T | None:
    step = verdicts.judge_read(exchange, parse).step
    return step.data if isinstance(step, steps.Use) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run would do; exact but for the rows that HubSpot would refuse and what would have to be sent again."""

    create: int  #: records that would be sent
    skip: int  #: rows that exist already, or come twice
    reject: int  #: rows that would fail before anything is sent
    open: int  #: rows whose campaign earlier runs left in doubt or unresolved
    items: int  #: of budget and spend, each a request of its own; those that earlier runs left included
    requests: int  #: all requests: those that create, one for each item, and two before them
    seconds: float  #: how long they take at the permitted rate
    per_10_s: int  #: requests in any 10 s that this was reckoned with
    rate_told: bool  #: whether the account named that rate; else it is what a run begins with, or --rate
    quota: int | None  #: requests that the account permits in a day; null where that is not known
    quota_left: int | None  #: those that are left today; null where that is not known
    #: part of the day's quota that the run would use, 1 being all; null where that is not known
    quota_share: float | None
    untold: str | None  #: why the quota is not known; null when it is

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, for the summary."""
        return asdict(self)


def estimate(
    books: Books, batches: int, rate: RatePolicy, allowance: Allowance, *, items: int = 0
) -> Estimate:  # fmt: skip
    """Return what the rows of `books`, in so many `batches`, with so many `items`, come to."""
    told = allowance.per_10_s if not rate.fixed else None
    most = min(rate.requests, allowance.per_10_s or rate.requests) if rate.fixed else told or rate.requests
    per_window = max(1, int(most * rate.share))
    requests = batches + items + _ASKED_FIRST
    waits = max(requests - per_window, 0) / per_window * _WINDOW_S
    return Estimate(
        create=books.not_sent,
        skip=books.skipped,
        reject=books.failed,
        open=books.in_doubt + books.unresolved,
        items=items,
        requests=requests,
        seconds=round(waits + 1, 1),
        per_10_s=per_window,
        rate_told=told is not None,
        quota=allowance.quota,
        quota_left=allowance.left,
        quota_share=math.ceil(requests / allowance.quota * 10_000) / 10_000 if allowance.quota else None,
        untold=allowance.untold,
    )
