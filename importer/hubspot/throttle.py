"""How long to wait when HubSpot says not now (429, 423, 477), and what says that it has too much to do. Pure.

HubSpot documents `Retry-After` for 477 only (seconds, up to a day) and, for calls that its workflows make, in
milliseconds; a 429 names the limit in its body (`policyName`, or words in the message) and its window in a header.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from importer.hubspot.error_body import POLICY_NAME
from importer.hubspot.exchange import Exchange, Reply
from importer.model import RemoteError


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitPolicy:
    """What is waited when HubSpot does not say, and what is never slept through."""

    window_s: float = 10.0  #: after a 429 that names no time: the length of HubSpot's rolling window
    secondly_s: float = 1.0  #: after a 429 of a limit per second
    locked_s: float = 2.0  #: after a 423, which HubSpot says lasts 2 s
    wait_min_s: float = 1.0  #: no named wait is taken as shorter, so that a zero cannot make a busy loop
    wait_max_s: float = 900.0  #: a longer one ends the run, resumable
    seconds_max: float = 86_400.0  #: a larger bare number cannot be seconds and is read as milliseconds


LOCKED: Final = 423
SERVER_ERROR: Final = 500


def is_overload(exchange: Exchange) -> bool:
    """Return whether fewer requests at once may help: a 423, a 5xx, or no answer. A 429 is the rate limit's."""
    return not isinstance(exchange, Reply) or exchange.status == LOCKED or exchange.status >= SERVER_ERROR


def limit_name(reply: Reply, errors: tuple[RemoteError, ...]) -> str:
    """Return the lower-case name of the limit that was hit, or the words that tell it: `daily`, `ten_secondly_…`."""
    named = [name for error in errors for name in error.context.get(POLICY_NAME, ())]
    words = " ".join(named or [error.message for error in errors[:1]]).casefold()
    if "secondly" not in words and reply.headers.get("x-hubspot-ratelimit-daily-remaining") == "0":
        return "daily"
    return words


def is_daily(reply: Reply, errors: tuple[RemoteError, ...]) -> bool:
    """Return whether a 429 is about the quota of the day."""
    return "daily" in limit_name(reply, errors)


def asked_wait(reply: Reply, policy: WaitPolicy) -> float | None:
    """Return the seconds that `Retry-After` asks for; None when it is missing or makes no sense.

    A date is compared with the answer's own `Date`, so that our clock does not matter. A bare number too large for
    seconds is read as milliseconds, and then never as more than the longest wait.
    """
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        number = float(text[:18])
        if number > policy.seconds_max:
            return min(number / 1000, policy.wait_max_s)
        return max(number, policy.wait_min_s)
    until, now = _http_date(text), _http_date(reply.headers.get("date", ""))
    if until is None or now is None or until < now:
        return None
    return max((until - now).total_seconds(), policy.wait_min_s)


def throttled_wait(reply: Reply, errors: tuple[RemoteError, ...], policy: WaitPolicy) -> float:
    """Return the seconds to wait after a 429 that is not about the day."""
    asked = asked_wait(reply, policy)
    if asked is not None:
        return asked
    name = limit_name(reply, errors)
    return policy.secondly_s if "secondly" in name and "ten_secondly" not in name else policy.window_s


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter for numbers no date can hold
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
