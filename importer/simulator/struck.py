"""What a fault may do with the request that it strikes. Pure."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Protocol

from importer.simulator.replies import Detail, Reply

Result = dict[str, Any]


class Struck(Protocol):
    """The request that a fault strikes, and what the fault may do with it."""

    rng: Random
    parameter: float  #: the fault's number; its meaning stands in the fault's sentence

    def answer(self) -> Reply:
        """Do what was asked for, all of it, and return the ordinary reply."""
        ...

    def make(self, *, only: Sequence[int] | None = None, created_skew_s: float = 0.0) -> list[Result]:
        """Make the campaigns, or those of the inputs `only`; raise `RefusedError` if the batch is at fault."""
        ...

    def created(self, results: Sequence[Any], *, state: str = "COMPLETE") -> Reply:
        """Return the reply to a create with these results."""
        ...

    def partly(self, results: Sequence[Any], errors: Sequence[Detail], *, errors_told: int | None = None) -> Reply:
        """Return the reply to a create that made only some."""
        ...

    def refusal(self, status: int, message: str, *, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
        """Return an error in HubSpot's form."""
        ...

    def throttled(self, policy_name: str) -> Reply:
        """Return HubSpot's 429."""
        ...

    def stranger(self, *, twin: bool) -> Result:
        """Let somebody else make a campaign now: a twin of one of ours, or one of their own."""
        ...

    def sent(self) -> list[Mapping[str, str]]:
        """Return the properties of the inputs."""
        ...

    def earlier(self) -> Reply:
        """Return the latest ordinary reply to a create before this one, or one that fits nothing."""
        ...

    def page(self, change: Callable[[dict[str, Any]], None]) -> Reply:
        """Return the ordinary reply to a listing, after `change` to its body."""
        ...

    def elsewhere(self) -> str:
        """Return the URL of a place that no redirect should lead to."""
        ...

    def later(self, action: Callable[[], object]) -> None:
        """Do `action` after `parameter` seconds, or when the simulator stops, whichever is first."""
        ...
