"""What is asked before anything is sent: whose account it is, whether it can be read, what time it is there.

The listing comes first of all: without the right to read, nothing in doubt could ever be settled, and the user must
know that before the first campaign is made. Its Date header gives the server's clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import anyio

from importer.doubts import Doubt, SettlePolicy
from importer.errors import PausedError
from importer.hubspot import steps, stops, verdicts, wire
from importer.ledger.fold import Fold, OpenIntent, properties_of
from importer.lookup import TRIES_MAX, Lookup
from importer.matching import Wanted
from importer.model import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whom the run writes to."""

    id: str | None  #: portal id; None where the token may not ask
    kind: str | None  #: STANDARD, SANDBOX, DEVELOPER_TEST, APP_DEVELOPER
    base_url: str
    can_read: bool  #: whether campaigns can be listed
    simulated: bool = False

    @property
    def production(self) -> bool:
        """Whether real campaigns are at stake, as far as can be told."""
        return not self.simulated and self.kind not in {"SANDBOX", "DEVELOPER_TEST"}


async def ask_account(lookup: Lookup, *, base_url: str, simulated: bool) -> Account:
    """Ask whose account it is and prove the right to read. Cancellation: nothing left behind.

    Raises:
        ImporterError: HubSpot does not let us in, or cannot be reached; what exactly is the verdict's.
    """
    can_read = await _can_read(lookup)
    exchange = await lookup.ask(lookup.transport.account)
    verdict = verdicts.judge_read(exchange, wire.parse_account, lookup.waits)
    details = verdict.step.data if isinstance(verdict.step, steps.Use) else None
    return Account(
        id=details.id if details else None,
        kind=details.kind if details else None,
        base_url=base_url,
        can_read=can_read,
        simulated=simulated,
    )


async def _can_read(lookup: Lookup) -> bool:
    """Return whether the token may list; only HubSpot's own word about scopes says that it may not."""
    for last in [False] * (TRIES_MAX - 1) + [True]:
        exchange = await lookup.ask(lambda: lookup.transport.list_page(properties=["hs_name"], limit=1))
        verdict = verdicts.judge_read(exchange, wire.parse_page, lookup.waits)
        match verdict.step:
            case steps.Use():
                return True
            case steps.Resend(after_s=after_s) if not last:
                await anyio.sleep(lookup.retry_s if after_s is None else after_s)
            case steps.Resend():
                break
            case steps.Pause(error=error) | steps.Stop(error=error):
                if verdict.status == 403 and stops.missing_scopes(verdict.errors) is not None:
                    return False
                raise error
    raise PausedError(f"HubSpot cannot be reached: {verdict.message}", hint=stops.UNREACHABLE)


def earlier_doubts(fold: Fold, policy: SettlePolicy, server_now: float | None, states: Sequence[State]) -> list[Doubt]:
    """Return what earlier runs left in `states`, each due when its request can no longer land.

    Elapsed time is told by the server's clock; where that is not known, the whole wait is counted from now.
    """
    now = anyio.current_time()
    allowance = policy.skew_s if fold.skew_s is None else max(policy.skew_least_s, fold.skew_s)
    doubts = []
    for intent in fold.open.values():
        indices = intent.unsettled(*states)
        if indices:
            wait = _wait_s(intent, policy, server_now)
            doubts.append(Doubt(n=intent.n, wanted=_wanted(intent, indices, allowance), due=now + wait))
    return doubts


def _wait_s(intent: OpenIntent, policy: SettlePolicy, server_now: float | None) -> float:
    whole = policy.timeout_s + policy.settle_s
    bounds = intent.entry["srv"]
    if bounds is None or server_now is None:
        return whole
    return min(whole, max(0.0, whole - (server_now - bounds[1])))


def _wanted(intent: OpenIntent, indices: Sequence[int], allowance_s: float) -> dict[int, Wanted]:
    bounds = intent.entry["srv"]
    low = bounds[0] if bounds else intent.entry["at"] - allowance_s
    items = intent.entry["items"]
    return {
        index: Wanted((intent.n, index), items[index][3], properties_of(intent.entry, index), low - allowance_s)
        for index in indices
    }
