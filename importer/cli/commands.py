"""The bodies of run, check and reconcile; loaded when one of them is called."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio

from importer import runs
from importer.cli import ledgers, session
from importer.cli.combinations import has_own_ledger, refuse_impossible
from importer.cli.errors import show_error
from importer.cli.hooking import hooks_of, told_of_refusals
from importer.cli.planning import STATE_FOLDER, build_plan
from importer.cli.screen import Screen
from importer.errors import ExitStatus, ImporterError, UsageError
from importer.ledger.opening import read_header
from importer.plan import Plan
from importer.report.books import Summary, Tally
from importer.settings import Loaded, load
from importer.settling import decide
from importer.simulator.policy import SimulatorPolicy
from importer.sources.patterns import expanded
from importer.stopping import Stop

Flags = Mapping[str, Any]


def run(sources: Sequence[str], flags: Flags, argv: Sequence[str]) -> int:
    """Import `sources`, or rehearse it under --dry-run; return the exit status."""

    def begin(loaded: Loaded, screen: Screen) -> int:
        files = expanded(sources)
        refuse_impossible(loaded, files, typed=sources)
        plan = build_plan(loaded, files)
        return session.run(runs.run, plan, loaded.settings, screen=screen, argv=argv, origins=loaded.origins)

    return with_settings(flags, begin, hooked=True)


def check(sources: Sequence[str], flags: Flags, argv: Sequence[str]) -> int:
    """Validate every row of `sources` as if nothing had been imported before; return the exit status."""

    def begin(loaded: Loaded, screen: Screen) -> int:
        files = expanded(sources)
        refuse_impossible(loaded, files, needs_ledger=False)
        folder = None if has_own_ledger(files) else Path()
        plan = replace(build_plan(loaded, files, ledger=folder, offline=True), dry_run=True)
        return session.run(_check, plan, loaded.settings, screen=screen, argv=argv, origins=loaded.origins)

    return with_settings(flags, begin)


def with_settings(flags: Flags, begin: Callable[[Loaded, Screen], int], *, hooked: bool = False) -> int:
    """Load the settings, give them and a screen to `begin`, and show the error that either ends in.

    `hooked` says that the hooks are told of that error, too.
    """
    screen, as_json = Screen(quiet=bool(flags.get("quiet"))), bool(flags.get("json"))
    try:
        loaded = load(flags)
        screen.quiet, as_json = loaded.settings.quiet, loaded.settings.json_output
        for notice in loaded.notices:
            screen.notice(f"notice: {notice}", style="yellow")
        hooks = hooks_of(loaded.settings) if hooked and not loaded.settings.dry_run else None
        with told_of_refusals(hooks, screen):
            return begin(loaded, screen)
    except ImporterError as error:
        return show_error(error, screen, as_json=as_json)


async def _check(plan: Plan, *, tally: Tally, stop: Stop, confirm: session.Confirm) -> Summary:
    """Check; nobody is asked, since nothing is sent."""
    del confirm
    return await runs.check(plan, tally=tally, stop=stop)


def reconcile(ledger: str, flags: Flags, argv: Sequence[str]) -> int:
    """Ask HubSpot about what `ledger` holds in doubt, or take a person's decision; return the exit status."""
    own = {name: flags.get(name) for name in ("identity", "as_", "reason", "list")}
    settings = {name: value for name, value in flags.items() if name not in own}

    def begin(loaded: Loaded, screen: Screen) -> int:
        folder = Path(ledger)
        deciding = any(own[name] for name in ("identity", "as_", "reason"))
        if own["list"] and deciding:
            raise UsageError("--list only lists", hint="Leave out --list, or the decision.")
        if own["list"]:
            return ledgers.show_unsettled(folder, screen, as_json=loaded.settings.json_output)
        if deciding:
            return _decide(folder, own["identity"], own["as_"], own["reason"], screen)
        plan = plan_of_ledger(loaded, folder)
        return session.run(runs.settle, plan, loaded.settings, screen=screen, argv=argv, origins=loaded.origins)

    return with_settings(settings, begin, hooked=True)


def _decide(folder: Path, identity: str | None, decision: str | None, reason: str | None, screen: Screen) -> int:
    if not identity or not decision:
        raise UsageError("--identity and --as belong together", hint="Say which record, and what became of it.")
    entry = anyio.run(decide, folder, identity, decision, reason)
    what = f"created as {entry['id']}" if entry["id"] else "absent: the next run may send it again"
    screen.data(f"{identity} is {what}")
    return int(ExitStatus.OK)


def plan_of_ledger(loaded: Loaded, folder: Path) -> Plan:
    """Return a plan without sources, to the place and the kind of account that the ledger belongs to."""
    header = read_header(folder)
    if header["simulated"]:
        loaded = replace(loaded, settings=loaded.settings.model_copy(update={"simulate": True}))  # so waits are short
        plan = build_plan(loaded, (), ledger=folder, offline=True)
        rate = plan.simulator.rate if plan.simulator is not None else None  # without faults, and as fast as an import
        return replace(plan, simulator=SimulatorPolicy(rate=rate), simulator_state=folder / STATE_FOLDER)
    plan = build_plan(loaded, (), ledger=folder)
    if loaded.settings.base_url is not None:
        return plan
    return replace(plan, transport=replace(plan.transport, base_url=header["base_url"]))
