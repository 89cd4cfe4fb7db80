"""`probe`: ask an account what the importer only assumes, write it down, and leave nothing behind."""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread

from importer.cli.combinations import refuse_impossible
from importer.cli.commands import with_settings
from importer.cli.interrupts import watch_signals
from importer.cli.planning import build_plan
from importer.cli.screen import Screen, is_terminal, one_line
from importer.cli.session import describe, plain_error
from importer.errors import ExitStatus, UsageError
from importer.hubspot.exchange import Transport
from importer.hubspot.inquiries import Inquiries
from importer.plan import Plan
from importer.preflight import Account
from importer.probing.bench import MADE_MAX
from importer.probing.findings import ASSUMPTIONS, of_assumption
from importer.probing.running import Confirm, run_probe
from importer.probing.writing import DATA, REPORT, Probe, prepare, write
from importer.settings import Loaded
from importer.stopping import Stop, StoppedError

_STOPPING: Final = "stopping: what was made is archived first; once more leaves it"


def probe(argument: None, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Probe an account and write the report; return the exit status."""
    del argument, argv
    folder = Path(flags.get("into") or ".")
    settings = {name: value for name, value in flags.items() if name != "into"}

    def begin(loaded: Loaded, screen: Screen) -> int:
        refuse_impossible(loaded, (), needs_ledger=False)
        plan = build_plan(loaded, (), ledger=folder)
        prepare(folder)
        try:
            told, status, account = anyio.run(_perform, plan, screen, loaded.settings.yes)
        except Exception as error:  # noqa: BLE001 - a task group wraps what it raises
            raise plain_error(error) from None
        _show(told, screen)
        try:
            write(folder, told, secrets=[plan.token(), account.id or ""])
        except OSError as error:
            raise UsageError(f"the report cannot be written into {folder}: {error.strerror or error}") from None
        screen.notice(f"the report: {folder / REPORT} and {folder / DATA}")
        return int(status)

    return with_settings(settings, begin)


def _show(probe: Probe, screen: Screen) -> None:
    """Say the verdicts on stdout, and on stderr what is left to do by hand."""
    for campaign, name in probe.left.items():
        screen.say(f"not archived, archive it in HubSpot: {campaign} {one_line(name, 60)}", style="red")
    if probe.ended:
        screen.say(f"ended early: {probe.ended}", style="yellow")
    screen.notice(f"{probe.made} campaigns made, {probe.archived} archived")
    for name, words in ASSUMPTIONS.items():
        screen.data(f"{name} {of_assumption(probe.findings, name)}: {words}")


async def _perform(plan: Plan, screen: Screen, yes: bool) -> tuple[Probe, ExitStatus, Account]:
    """Probe beside the signals; a cancellation goes to the probe."""
    stop = Stop()
    async with anyio.create_task_group() as beside:
        await beside.start(watch_signals, stop, lambda _name, _again: screen.say(_STOPPING))
        async with _connected(plan) as (real, transport, inquiries):
            confirm = _confirm(stop, screen, yes=yes)
            told = await run_probe(real, transport, inquiries, stop=stop, confirm=confirm, say=screen.notice)
        beside.cancel_scope.cancel()
    return told


@asynccontextmanager
async def _connected(plan: Plan) -> AsyncIterator[tuple[Plan, Transport, Inquiries]]:
    """Connect to HubSpot, or to a simulator in this process that forgets all at its end."""
    from importer.hubspot.transport import HubSpotTransport  # noqa: PLC0415 - aiohttp is slow to import
    from importer.simulator.server import Simulator  # noqa: PLC0415 - as above

    async with AsyncExitStack() as stack:
        if plan.simulator is not None:
            simulator = await stack.enter_async_context(Simulator(plan.simulator))
            plan = replace(plan, transport=replace(plan.transport, base_url=simulator.base_url))
        transport = HubSpotTransport(plan.token, plan.transport)
        stack.push_async_callback(transport.aclose)
        yield plan, transport, Inquiries(transport, plan.transport.api_version)


def _confirm(stop: Stop, screen: Screen, *, yes: bool) -> Confirm:
    """Return the question before the first campaign: a production account wants a yes."""

    async def confirm(account: Account) -> None:
        screen.notice(f"account: {describe(account)}", style="bold" if account.production else None)
        if not account.production or yes:
            return
        if not (is_terminal(sys.stdin) and is_terminal(screen.err)):
            raise UsageError("nothing was sent: this is a production account", hint="--yes probes it all the same.")
        screen.say(f"This makes up to {MADE_MAX} campaigns in it and archives them. Go on? [y/N] (--yes answers)")
        answer = ""
        with suppress(StoppedError), stop.interruptible():
            answer = await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
        if answer.strip().casefold() not in {"y", "yes"}:
            raise UsageError("nothing was sent: the question was not answered with yes", hint="--yes answers it.")

    return confirm
