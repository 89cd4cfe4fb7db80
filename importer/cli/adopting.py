"""The bodies of adopt and setup; loaded when one of them is called."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import anyio

from importer import runs
from importer.adopting import adopt_plan
from importer.cli import session
from importer.cli.commands import plan_of_ledger, with_settings
from importer.cli.planning import build_plan
from importer.cli.screen import Screen
from importer.cli.session import plain_error
from importer.errors import ExitStatus
from importer.hubspot.inquiries import Inquiries
from importer.ledger.replay import JOURNAL
from importer.lookup import Lookup
from importer.pacing import Pacer, RollingWindow
from importer.plan import Plan
from importer.preflight import ask_account
from importer.report.books import Summary, Tally
from importer.server_clock import ServerClock
from importer.setting_up import set_up
from importer.settings import Loaded
from importer.stopping import Stop

CORRELATION: Final = "import_key"  #: what setup makes where nothing else is named


def adopt(ledger: str, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """List the account's campaigns into `ledger`; return the exit status."""

    def begin(loaded: Loaded, screen: Screen) -> int:
        folder = Path(ledger)
        has = (folder / JOURNAL).exists()
        plan = plan_of_ledger(loaded, folder) if has else build_plan(loaded, (), ledger=folder)
        return session.run(_adopt, plan, loaded.settings, screen=screen, argv=argv, origins=loaded.origins)

    return with_settings(flags, begin)


async def _adopt(plan: Plan, *, tally: Tally, stop: Stop, confirm: session.Confirm) -> Summary:
    async with runs.connected(plan) as (real, transport):
        return await adopt_plan(real, transport, tally=tally, stop=stop, confirm=confirm)


def setup(argument: None, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Make the correlation property, or say how; return the exit status."""
    del argument, argv

    def begin(loaded: Loaded, screen: Screen) -> int:
        plan = replace(build_plan(loaded, (), ledger=Path()), simulator_state=None)
        name = loaded.settings.correlation_property or CORRELATION
        try:
            done = anyio.run(_set_up, plan, name)
        except Exception as error:  # noqa: BLE001 - a task group wraps what it raises
            raise plain_error(error) from None
        screen.data(done)
        screen.notice(f"let every run fill it: importer run --correlation-property {name} …")
        return int(ExitStatus.OK)

    return with_settings(flags, begin)


async def _set_up(plan: Plan, name: str) -> str:
    async with runs.connected(plan) as (real, transport):
        lookup = Lookup(
            transport=transport, pacer=Pacer(RollingWindow(plan.rate)), clock=ServerClock(), wall=time.time,
            tally=Tally(), stop=Stop(), waits=plan.waits, folder=plan.ledger,
        )  # fmt: skip
        await ask_account(lookup, base_url=real.transport.base_url, simulated=plan.simulator is not None)
        return await set_up(lookup, Inquiries(transport, real.transport.api_version), name)
