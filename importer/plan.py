"""Everything a run is told, as one frozen value made of the stations' own policies."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from importer.admission import AdmissionPolicy
from importer.canary import Judge
from importer.concurrency import ConcurrencyPolicy
from importer.doubts import SettlePolicy
from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.exchange import Transport
from importer.hubspot.throttle import WaitPolicy
from importer.limits import RunLimits
from importer.mapping import CampaignMapping
from importer.outage import OutagePolicy
from importer.pacing import Pacer, RatePolicy, RollingWindow
from importer.records import RecordPolicy
from importer.renewal import Renewal, never_another
from importer.sharing.pacer import SharedPacer
from importer.sharing.redis_address import RedisAddress
from importer.simulator.policy import SimulatorPolicy
from importer.sources.policy import ReadPolicy
from importer.stopping import Stop


def nothing_more() -> Iterable[str]:
    """Know of no secret besides the token."""
    return ()


def never_due() -> float | None:
    """Know of no end of the token."""
    return None


def unobserved(transport: Transport) -> Transport:
    """Let nobody look on."""
    return transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is to do."""

    sources: tuple[str | BinaryIO, ...]  #: paths, "-" for standard input, or binary streams
    ledger: Path  #: its folder
    token: Callable[[], str] = field(repr=False)  #: called for each request
    renew_token: Callable[[], bool] = never_another  #: asks anew for it, in a thread; whether it is another one
    secrets: Callable[[], Iterable[str]] = nothing_more  #: what else must stand in no log, as it is now
    renew_in: Callable[[], float | None] = never_due  #: seconds until it should be renewed; None: when it is refused
    reading: ReadPolicy = field(default_factory=ReadPolicy)
    mapping: CampaignMapping | None = None  #: None: the columns carry the names of properties
    ready: tuple[CampaignMapping, ...] = ()  #: ready mappings, for hints
    records: RecordPolicy = field(default_factory=RecordPolicy)
    admission: AdmissionPolicy = field(default_factory=AdmissionPolicy)
    transport: TransportPolicy = field(default_factory=TransportPolicy)
    rate: RatePolicy = field(default_factory=RatePolicy)
    waits: WaitPolicy = field(default_factory=WaitPolicy)
    settling: SettlePolicy = field(default_factory=SettlePolicy)
    workers: int | None = None  #: requests that create on their way at once; None: as many as are borne and needed
    grace_s: float = 8.0  #: what is on its way may take so long to come home after a wish to stop
    outage: OutagePolicy = field(default_factory=OutagePolicy)
    observe: Callable[[Transport], Transport] = unobserved  #: puts somebody who looks on around the transport
    limits: RunLimits = field(default_factory=RunLimits)
    dry_run: bool = False  #: everything but the requests
    account_lock: Path | None = None  #: held while a run is connected; None: the account is not locked
    limit: Path | RedisAddress | None = None  #: where processes share the rate limit; None: this one has it alone
    shared: SharedPacer | None = None  #: once connected, who takes the slots of a shared limit
    canary: Judge | None = None  #: sends the first batch alone, and is asked before the second
    untold: str | None = "nothing is asked of HubSpot"  #: why a dry run may not ask for limits; None: it may
    simulator: SimulatorPolicy | None = None  #: rehearse against an embedded simulator with these switches
    simulator_state: Path | None = None  #: where the simulator keeps its campaigns between runs

    @property
    def concurrency(self) -> ConcurrencyPolicy:
        """How many workers there are."""
        return ConcurrencyPolicy(workers=self.workers)

    def pacer(self, stop: Stop, told: Callable[[int | None, int | None], None] | None = None) -> Pacer:
        """Return who gives out the slots of the rate limit in one run; `told` hears what is left of the day."""
        if self.shared is None:
            return Pacer(RollingWindow(self.rate), told)
        self.shared.told, self.shared.failed = told, stop.request_for
        return self.shared

    def renewal(self) -> Renewal:
        """Return who asks for another token in one run."""
        return Renewal(self.renew_token)
