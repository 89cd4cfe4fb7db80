"""The accounts that one simulator serves: one for any token, or many, each with a token of its own.

An account is made when its token is first shown, so that those which nobody uses cost nothing.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

from importer.simulator.account import Account
from importer.simulator.clock import Clock
from importer.simulator.desk import Desk, Log

_TOKEN: Final = re.compile(r"account-([1-9][0-9]{0,6})")


class Portal(NamedTuple):
    """One account, and who answers for it."""

    token: str | None  #: the one that leads to it; None where it is the only account
    account: Account
    log: Log
    desk: Desk

    @property
    def id(self) -> str:
        """The portal id, as `account-info` tells it."""
        return str(self.account.policy.portal_id)

    def stats(self) -> dict[str, Any]:
        """Return counts, ready for JSON."""
        store = self.account.store
        return {
            **self.log.stats(),
            "campaigns": len(store),
            "foreign": store.foreign_count,
            "archived": store.archived_count,
            "tokens_given": self.desk.tokens.given,
        }


class Portals:
    """All accounts. With `policy.accounts` N the tokens `account-1` to `account-N` lead to one account each.

    `later` puts an action off: it takes seconds and the action.
    """

    def __init__(
        self,
        first: Account,
        log: Log,
        clock: Clock,
        *,
        base_url: str,
        later: Callable[[float, Callable[[], object]], None],
    ) -> None:
        """Serve `first`, which has the policy of them all; where they are many, it refuses the unknown tokens."""
        self._policy, self._clock, self._base_url, self._later = first.policy, clock, base_url, later
        self._count = first.policy.accounts or 0
        self._made: dict[str, Portal] = {}
        self.first = self._portal(None, first, log)

    def _portal(self, token: str | None, account: Account, log: Log) -> Portal:
        desk = Desk(account, self._clock, log, base_url=self._base_url, later=self._later)
        return Portal(token, account, log, desk)

    def __iter__(self) -> Iterator[Portal]:
        """Yield those that were used, in the order of their first use."""
        return iter(list(self._made.values()) if self._count else [self.first])

    def of_token(self, token: str) -> Portal:
        """Return the account that `token` leads to, or the one that refuses it."""
        if not self._count:
            return self.first
        if token not in self._made:
            found = _TOKEN.fullmatch(token)
            if found is None or int(found[1]) > self._count:
                return self.first
            number = int(found[1])
            policy = replace(
                self._policy, token=token, portal_id=self._policy.portal_id + number, seed=self._policy.seed + number
            )
            self._made[token] = self._portal(token, Account(policy, self._clock, None), Log(None, 0))
        return self._made[token]

    def named(self, name: str) -> Portal | None:
        """Return the account with this token or portal id; None where there is none that was used."""
        return next((portal for portal in self if name in {portal.token, portal.id}), None)

    def stats(self) -> dict[str, Any]:
        """Return the counts of all accounts together."""
        total: dict[str, Any] = self.first.stats()
        for portal in self if self._count else ():
            for name, value in portal.stats().items():
                total[name] = dict(Counter(total[name]) + Counter(value)) if isinstance(value, dict) \
                    else total[name] + value  # fmt: skip
        return total
