"""Which tokens the simulated HubSpot takes, and those it gives to an installed app."""

import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from importer.simulator.policy import SimulatorPolicy


class Tokens:
    """The tokens of one account; `now` gives monotonic seconds."""

    def __init__(self, policy: SimulatorPolicy, now: Callable[[], float]) -> None:
        self._policy, self._now = policy, now
        self._ends: dict[str, float] = {}
        self._uses: Counter[str] = Counter()

    @property
    def given(self) -> int:
        """How many were given."""
        return len(self._ends)

    def accepts(self, token: str) -> bool:
        """Whether a request with `token` is let in."""
        if token in self._ends:
            self._uses[token] += 1
            most = self._policy.token_uses
            return self._now() < self._ends[token] and (most is None or self._uses[token] <= most)
        if self._policy.refresh_token is not None:
            return token == self._policy.token
        if self._policy.accounts is not None and self._policy.token is None:
            return False  # the door of many accounts
        return bool(token) and self._policy.token in {None, token}

    def give(self, form: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return status and body of the answer to a form that asks for a token."""
        policy = self._policy
        if form.get("grant_type") != "refresh_token" or not form.get("client_id"):
            return 400, {"status": "BAD_GRANT_TYPE", "message": "missing or unknown grant type or client"}
        if policy.client_secret is not None and form.get("client_secret") != policy.client_secret:
            return 400, {"status": "BAD_CLIENT_SECRET", "message": "missing or invalid client secret"}
        if policy.refresh_token is None or form.get("refresh_token") != policy.refresh_token:
            return 400, {"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid refresh token"}
        token = f"CSIM{secrets.token_hex(20)}"
        self._ends[token] = self._now() + policy.token_life_s
        lasts = policy.token_life_s if policy.token_life_s % 1 else int(policy.token_life_s)
        given = {"token_type": "bearer", "access_token": token, "expires_in": lasts}
        return 200, {**given, "refresh_token": policy.refresh_token}
