"""What the doctor finds, as values: one line each, with a remedy, free of the token and of personal data. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from importer.errors import PRECEDENCE, ExitStatus
from importer.hubspot.wire import Account

READ: Final = "marketing.campaigns.read"
WRITE: Final = "marketing.campaigns.write"

_SKEW_S: Final = 30.0  #: of the clocks, from which it is worth a word
_SKEW_BAD_S: Final = 300.0  #: from which `createdAt` and our times can no longer be compared (A2)
_FREE_LOW_BYTES: Final = 100 * 1024 * 1024
_LOW_SHARE: Final = 0.05

_KINDS: Final[Mapping[str, str]] = {
    "SANDBOX": "sandbox", "DEVELOPER_TEST": "developer test account", "APP_DEVELOPER": "app developer account",
    "STANDARD": "production",
}  # fmt: skip

#: Shape of a token → what it is. The token itself is never shown, nor a part of it.
_SHAPES: Final = (
    (re.compile(r"pat-[a-z]+\d*-[0-9a-fA-F-]{36}"), "a private app's or service key's token (pat-…)"),
    (re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), "an API key of the old kind (hapikey)"),
    (re.compile(r"C[A-Za-z0-9_+/=-]{49,}"), "an OAuth access token"),
)

State = Literal["ok", "warn", "bad", "untold"]


class Finding(NamedTuple):
    """One thing that was looked at."""

    name: str  #: one word or two
    state: State  #: `untold`: HubSpot does not say it to this token
    says: str  #: a clause
    remedy: str = ""  #: a sentence, where something is to be done
    status: ExitStatus = ExitStatus.OK  #: exit status that a bad one stands for


def status_of(findings: Iterable[Finding]) -> ExitStatus:
    """Return the exit status: that of the worst bad finding."""
    bad = [finding.status for finding in findings if finding.state == "bad"]
    return min(bad, key=PRECEDENCE.index, default=ExitStatus.OK)


def token(held: str) -> Finding:
    """Return what kind of token it is, by its shape."""
    kind = next((kind for shape, kind in _SHAPES if shape.fullmatch(held)), None)
    if kind is None:
        return Finding("token", "ok", "set, of a shape that tells no kind (a service key, as like as not)")
    if "hapikey" in kind:
        return Finding("token", "bad", kind, "HubSpot has given these up: make a service key.", ExitStatus.ACCESS)
    if "OAuth" in kind:
        remedy = "It lives for 30 minutes: --token-command can give a new one when it ends."
        return Finding("token", "warn", kind, remedy)
    return Finding("token", "ok", kind)


def account(found: Account) -> list[Finding]:
    """Return whose account it is, and its time zone and currencies."""
    kind = _KINDS.get(found.kind or "", "of a kind that HubSpot does not tell: taken for production")
    domain = f", {found.ui_domain}" if found.ui_domain else ""
    careful = found.kind not in {"SANDBOX", "DEVELOPER_TEST"}
    remedy = "Real campaigns will be made here: a run asks once." if careful else ""
    known = ", ".join(one for one in (found.currency, *found.more_currencies) if one)
    return [
        Finding("account", "warn" if careful else "ok", f"{found.id} ({kind}{domain})", remedy),
        _told("time zone", found.time_zone),
        _told("currencies", known or None),
    ]


def _told(name: str, value: str | None) -> Finding:
    return Finding(name, "ok", value) if value else untold(name, "HubSpot does not say")


def untold(name: str, why: str) -> Finding:
    """Return that something could not be learnt."""
    return Finding(name, "untold", f"not told ({why})")


def scopes(held: Sequence[str] | None, *, can_list: bool, why: str) -> list[Finding]:
    """Return whether the token may read and write campaigns; `held` is None where HubSpot does not list its scopes."""
    add = "Add the scope {} to the service key or app, and make a new token where that is asked for."
    if can_list:
        read = Finding("read scope", "ok", f"{READ} (campaigns were listed)")
    else:
        read = Finding("read scope", "bad", f"{READ} is missing", add.format(READ), ExitStatus.ACCESS)
    if held is None:
        write = untold("write scope", f"{why}; only a run, or importer probe, shows it")
    elif WRITE in held:
        write = Finding("write scope", "ok", WRITE)
    else:
        write = Finding("write scope", "bad", f"{WRITE} is missing", add.format(WRITE), ExitStatus.ACCESS)
    return [read, write]


def quota(headers: Mapping[str, str], used: tuple[int, int] | None) -> Finding:
    """Return what is left of the day's quota: by the headers of an answer, else by `used` (used, limit)."""
    limit = _number(headers.get("x-hubspot-ratelimit-daily"))
    left = _number(headers.get("x-hubspot-ratelimit-daily-remaining"))
    if left is None and used is not None:
        limit, left = used[1], max(0, used[1] - used[0])
    if left is None:
        return untold("daily quota", "no header and no answer speaks of one")
    of = f" of {limit:,}" if limit else ""
    says = f"{left:,}{of} requests left today, which make up to {left * 50:,} campaigns"
    if left == 0:
        remedy = "It begins anew at midnight in the account's time zone."
        return Finding("daily quota", "bad", says, remedy, ExitStatus.PAUSED)
    if limit and left < _LOW_SHARE * limit:
        return Finding("daily quota", "warn", says, "A run stops when it is used up, and goes on tomorrow.")
    return Finding("daily quota", "ok", says)


def rate(headers: Mapping[str, str]) -> Finding:
    """Return the rate limit that the headers of an answer name."""
    most = _number(headers.get("x-hubspot-ratelimit-max"))
    interval = _number(headers.get("x-hubspot-ratelimit-interval-milliseconds"))
    if most is None or interval is None:
        return untold("rate limit", "no header speaks of one: a run begins at 100 in 10 s and learns")
    return Finding("rate limit", "ok", f"{most:,} requests in {interval / 1000:g} s")


def clock(skew_s: float | None) -> Finding:
    """Return how far our clock is from HubSpot's; `skew_s` is server time minus ours."""
    if skew_s is None:
        return untold("clock", "answers hold no Date")
    away = abs(skew_s)
    says = f"{away:.0f} s {'behind' if skew_s > 0 else 'ahead of'} HubSpot's" if away >= 1 else "as HubSpot's"
    remedy = "Set this machine's clock (NTP): waits after a kill are counted with it." if away >= _SKEW_S else ""
    return Finding("clock", "warn" if away >= _SKEW_S else "ok", says, remedy)


def disk(free_bytes: int, where: str) -> Finding:
    """Return that the ledger's disk can be used, and what is free there."""
    says = f"writable, syncs, locks; {free_bytes / 1e9:,.1f} GB free"
    if free_bytes < _FREE_LOW_BYTES:
        return Finding("ledger disk", "warn", says, f"Free some space where {where} is: a full disk stops the run.")
    return Finding("ledger disk", "ok", says)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
