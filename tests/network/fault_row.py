"""One row of the table of faults of the network and of the server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.network.tcp_proxy import Harm

IMPATIENT_S: Final = 0.25  #: a deadline that is to be met


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to the first request to create, unless said otherwise, and what comes of the run."""

    name: str
    what: str  #: what happens, one clause
    attempt: str  #: class of the attempt that is struck: not_sent, refused, answered, unknown
    records: str  #: where the 60 records are when the run ends
    status: int  #: exit status
    nth: int = 1  #: which attempt is struck
    simulator: tuple[str, ...] = ()  #: the simulator's switches
    harms: Mapping[int, Harm] = field(default_factory=dict)  #: n-th request → what the wire does to it
    struck: bytes = b"/batch/create"  #: which requests these are, by their first line
    proxy: Mapping[str, Any] = field(default_factory=dict)  #: other properties of the wire
    tls: str | None = None  #: what happens to the handshake, a name of `certificates.HANDSHAKES`
    url: str | None = None  #: where the run is sent instead of to the wire
    timeout_s: float = 5.0  #: of a connection and of an exchange; short where it is to be met
    late: bool = False  #: what was asked for is done later, and the run has to wait for that
