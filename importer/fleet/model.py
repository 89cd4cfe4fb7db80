"""The nouns of a fleet: accounts, imports, what travels to a worker and what comes back. This module is pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

RETRIES: Final = 5
AT_ONCE: Final = 8
WAIT_MAX_S: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One HubSpot account that imports write to."""

    name: str
    token: str  #: where the token is: `env:NAME`, `file:PATH` or `command:COMMAND`; never the token itself
    limit: str = "file"  #: how processes share its rate limit: `file`, `none`, `redis://…`, or `env:NAME` of such
    base_url: str | None = None  #: None: where HubSpot is

    def variables(self) -> frozenset[str]:
        """Return the environment variables that its token and its limit are in."""
        told = (place.partition(":") for place in (self.token, self.limit))
        return frozenset(name for kind, _, name in told if kind == "env")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import: what `importer run` would be told."""

    name: str
    account: str  #: name of its account
    sources: tuple[str, ...]  #: absolute paths, or addresses
    ledger: str  #: absolute path of its folder
    mapping: str | None = None  #: name of a ready mapping, or absolute path
    mode: str = "create"
    options: Mapping[str, object] = field(default_factory=dict)  #: other settings of `importer run`, by name


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Certificates of a cluster: absolute paths of PEM files."""

    ca: str
    cert: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A fleet file, read."""

    directory: str  #: absolute path of what all hosts share: locks, limits, history, page
    accounts: Mapping[str, Account]
    imports: tuple[Import, ...]
    engine: str = "local"  #: or the address of a cluster, `tls://HOST:PORT`
    at_once: int = AT_ONCE  #: imports at work at once; a cluster has its workers' slots
    retries: int = RETRIES  #: how often an import whose process or worker was lost is begun again in one round
    wait_max_s: float = WAIT_MAX_S  #: longest pause that a round waits for; a longer one ends it, resumable
    tls: Tls | None = None
    worker_ttl_s: float = 60.0  #: seconds of silence after which a worker of a cluster counts as lost

    def variables(self) -> frozenset[str]:
        """Return the environment variables that the secrets of its accounts are in."""
        return frozenset[str]().union(*(one.variables() for one in self.accounts.values()))

    def variables_of_others(self, account: str) -> frozenset[str]:
        """Return those that hold nothing of the account named."""
        return self.variables() - self.accounts[account].variables()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that travels to a worker."""

    fleet_file: str  #: absolute path of the fleet file, the same on every host
    import_name: str
    version: str  #: of the importer that places it


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an import's process ended."""

    status: int | None  #: exit status; None where it was lost, and nobody knows how far it came
    pause_until: float | None = None  #: epoch seconds at which a pause ends, where that is known
    where: str = ""  #: host and process
    lost: str | None = None  #: why it counts as lost, one sentence
    said: str | None = None  #: what its last words were, for people
