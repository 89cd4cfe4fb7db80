"""A simulated account, and a whole probe of it with short waits."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest

from importer.doubts import SettlePolicy
from importer.errors import ExitStatus
from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.inquiries import Inquiries
from importer.hubspot.throttle import WaitPolicy
from importer.hubspot.transport import HubSpotTransport
from importer.plan import Plan
from importer.preflight import Account
from importer.probing.findings import ASSUMPTIONS, Finding, Verdict, of_assumption
from importer.probing.running import run_probe
from importer.probing.writing import Probe
from importer.simulator.policy import SimulatorPolicy
from importer.simulator.server import Simulator
from importer.stopping import Stop

TOKEN = "canary-token-4713"


async def agrees(_account: Account) -> None:
    """Say yes."""


@dataclass(slots=True)
class Lab:
    """A simulated account and what is needed to probe it."""

    simulator: Simulator
    plan: Plan
    transport: HubSpotTransport
    stop: Stop = field(default_factory=Stop)
    said: list[str] = field(default_factory=list)

    @property
    def inquiries(self) -> Inquiries:
        """The probe's own questions."""
        return Inquiries(self.transport, self.plan.transport.api_version)

    async def probe(
        self,
        *,
        confirm: Callable[[Account], Awaitable[None]] = agrees,
        say: Callable[[str], Any] = lambda _: None,
    ) -> tuple[Probe, ExitStatus]:
        """Probe the account."""

        def heard(words: str) -> None:
            self.said.append(words)
            say(words)

        with anyio.fail_after(60):
            probe, status, _ = await run_probe(
                self.plan, self.transport, self.inquiries, stop=self.stop, confirm=confirm, say=heard
            )  # fmt: skip
        return probe, status

    @property
    def still_there(self) -> list[str]:
        """Names of the campaigns that are not archived."""
        return [each.properties.get("hs_name", "") for each in self.simulator.truth if not each.archived]


def verdicts(probe: Probe) -> dict[str, Verdict]:
    """Return what a probe says of each assumption."""
    return {name: of_assumption(probe.findings, name) for name in ASSUMPTIONS}


def about(probe: Probe, word: str) -> Finding:
    """Return the finding whose question holds `word`."""
    (found,) = [finding for finding in probe.findings if word in finding.question]
    return found


@pytest.fixture
def lab(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Lab]]:
    """Return `lab("switch=value", "fault:1", settle_s=0.1, api_version="v3")`, which starts an account to probe."""

    @asynccontextmanager
    async def started(*texts: str, settle_s: float = 0.05, api_version: str = "v3") -> AsyncIterator[Lab]:
        async with Simulator(SimulatorPolicy.from_strings(texts)) as simulator:
            plan = Plan(
                sources=(), ledger=tmp_path, token=lambda: TOKEN, waits=WaitPolicy(window_s=0.01, wait_min_s=0.01),
                transport=TransportPolicy(base_url=simulator.base_url, api_version=api_version, timeout_s=5.0),
                settling=SettlePolicy(settle_s=settle_s, looks_apart_s=0.01),
            )  # fmt: skip
            transport = HubSpotTransport(plan.token, plan.transport)
            try:
                yield Lab(simulator, plan, transport)
            finally:
                await transport.aclose()

    return started
