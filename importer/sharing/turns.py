"""A turn from its wish to what it gives: the state is read, changed and kept by a store that lets one in at a time."""

import secrets
import time
from collections.abc import Callable
from typing import Protocol

from importer.errors import ImporterError, UsageError
from importer.pacing import RatePolicy
from importer.sharing.book import BrokenStateError, OtherSchemaError, new_state, packed, unpacked
from importer.sharing.clock import SharedClock
from importer.sharing.window import Granted, Wish, take_turn

Act = Callable[[bytes | None, float], bytes]  #: what is kept (None: nothing) and its clock → what is to be kept


class StoreError(Exception):
    """The store cannot be asked now; says why. Nothing was granted."""


class Store(Protocol):
    """Where the state is kept."""

    name: str  #: for people, without secrets
    forgets: bool  #: what is not there may have been there, as after a restart

    def turn(self, act: Act) -> None:
        """Let `act` change what is kept, with nobody between. Blocks; `act` may be called more than once.

        Raises:
            StoreError: what is kept cannot be read or written now.
            UsageError: it never can.
        """
        ...

    def refusal(self, why: str) -> ImporterError:
        """Return what a run ends in that finds at its start that the store cannot be asked."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


class Turns:
    """The turns of one process. For one thread at a time."""

    def __init__(
        self, store: Store, policy: RatePolicy, *, host: str | None, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        """Take turns at `store` under `policy`; `elapsed` gives monotonic seconds, the same to all of `host`."""
        self.store = store
        self._policy, self._elapsed = policy, elapsed
        self._clock = SharedClock(host)
        self.broken = 0  #: times that the state was found damaged

    def take(self, wish: Wish) -> Granted:
        """Do one turn. Blocks. Raises `StoreError`: nothing was granted, and what was handed over may be so again."""
        granted: Granted
        elapsed = 0.0

        def act(kept: bytes | None, wall: float) -> bytes:
            nonlocal granted, elapsed
            elapsed = self._elapsed()
            state, lost = self._state(kept)
            now = self._clock.read(state, wall, elapsed)
            granted = take_turn(state, wish, self._policy, now, lost=lost)
            return packed(state)

        self.store.turn(act)
        self._clock.note(granted.book, granted.since, elapsed)
        return granted

    def _state(self, kept: bytes | None) -> tuple[dict[str, object], bool]:
        """Return the state, and whether it is a new one in place of another that somebody may know."""
        if kept is not None:
            try:
                return unpacked(kept), False
            except OtherSchemaError:
                raise UsageError(
                    f"{self.store.name} is not a limit's state of this version of the importer",
                    hint="Let all processes of an account run one version, or name another file.",
                ) from None
            except BrokenStateError:
                self.broken += 1
        return new_state(secrets.token_hex(8)), kept is not None or self.store.forgets
