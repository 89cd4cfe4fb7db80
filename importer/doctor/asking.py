"""What the doctor asks of HubSpot: each question once, and an endpoint that refuses is only not told of."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from importer.doctor import findings
from importer.doctor.findings import Finding
from importer.errors import ExitStatus
from importer.hubspot import steps, verdicts, wire
from importer.hubspot.exchange import Exchange, Reply, Transport
from importer.hubspot.inquiries import Inquiries
from importer.hubspot.token_told import parse_scopes, parse_usage
from importer.server_clock import ServerClock

T = TypeVar("T")

_REFUSED_STATUS = 401


async def ask(transport: Transport, inquiries: Inquiries, *, token: str, wall: Callable[[], float]) -> list[Finding]:
    """Ask HubSpot whatever matters to an import; `wall` gives epoch seconds. Cancellation: nothing left behind."""
    clock = ServerClock()
    sent = wall()
    first = await transport.account()
    if not isinstance(first, Reply):
        remedy = "Look for a proxy, a firewall or a typing error in --base-url, and try again."
        return [Finding("HubSpot", "bad", f"out of reach: {first.detail}", remedy, ExitStatus.PAUSED)]
    clock.observe(first.headers.get("date"), sent, wall())
    if first.status == _REFUSED_STATUS:
        remedy = "Copy the token again, or make a new one; importer doctor tells when it is taken."
        return [Finding("HubSpot", "bad", "does not take the token (401)", remedy, ExitStatus.ACCESS)]
    found = _data(first, wire.parse_account)
    told = findings.account(found) if found is not None else [findings.untold("account", _why(first))]
    listed = await transport.list_page(properties=["hs_name"], limit=1)
    told += await _scopes(listed, inquiries, token)
    usage = _data(await inquiries.daily_usage(), parse_usage)
    headers = {**first.headers, **(listed.headers if isinstance(listed, Reply) else {})}
    return [*told, findings.quota(headers, usage), findings.rate(headers), findings.clock(_skew(clock, wall()))]


async def _scopes(listed: Exchange, inquiries: Inquiries, token: str) -> Iterable[Finding]:
    told = await inquiries.token_info(token)
    page = _data(listed, wire.parse_page)
    held = _data(told, parse_scopes)
    found = findings.scopes(held, can_list=page is not None, why=_why(told))
    if page is None and not (isinstance(listed, Reply) and listed.status == 403):
        remedy = "Check --base-url and --api-version; the account needs Marketing Hub Professional or higher."
        found[0] = Finding("campaigns", "bad", f"cannot be listed: {_why(listed)}", remedy, ExitStatus.ACCESS)
    return found


def _data(exchange: Exchange, parse: Callable[[bytes], T]) -> T | None:
    """Return what `parse` finds in a good answer, or None."""
    step = verdicts.judge_read(exchange, parse).step
    return step.data if isinstance(step, steps.Use) else None


def _why(exchange: Exchange) -> str:
    return f"HubSpot answers {exchange.status}" if isinstance(exchange, Reply) else exchange.detail


def _skew(clock: ServerClock, now: float) -> float | None:
    """Return server time minus ours, in seconds: nothing while the bounds allow for none."""
    bounds = clock.bounds(now)
    if bounds is None:
        return None
    least, most = bounds[0] - now, bounds[1] - now
    return 0.0 if least <= 0.0 <= most else least if least > 0 else most
