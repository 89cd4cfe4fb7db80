"""The bodies of run, check and reconcile; loaded when one of them is called."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from importer.cli import running
from importer.cli.combinations import has_own_ledger, refuse_impossible
from importer.cli.planning import build_plan
from importer.cli.screen import Screen
from importer.dry_run import rehearse_plan
from importer.errors import ImporterError
from importer.plan import Plan
from importer.report.books import Summary, Tally
from importer.settings import Loaded, load
from importer.stopping import Stop

Flags = Mapping[str, Any]


def run(sources: Sequence[str], flags: Flags, argv: Sequence[str]) -> int:
    """Import `sources`, or rehearse it under --dry-run; return the exit status."""

    def begin(loaded: Loaded, screen: Screen) -> int:
        refuse_impossible(loaded, sources)
        plan = build_plan(loaded, sources)
        work: running.Work = rehearse if plan.dry_run else import_
        secret = "" if plan.dry_run or plan.simulator is not None else plan.token()
        return running.run(work, plan, loaded.settings, screen=screen, argv=argv, secret=secret)

    return with_settings(flags, begin)


def check(sources: Sequence[str], flags: Flags, argv: Sequence[str]) -> int:
    """Validate every row of `sources` as if nothing had been imported before; return the exit status."""

    def begin(loaded: Loaded, screen: Screen) -> int:
        refuse_impossible(loaded, sources, needs_ledger=False)
        folder = None if has_own_ledger(sources) else Path()
        plan = replace(build_plan(loaded, sources, ledger=folder, offline=True), dry_run=True)
        return running.run(validate, plan, loaded.settings, screen=screen, argv=argv)

    return with_settings(flags, begin)


def with_settings(flags: Flags, begin: Callable[[Loaded, Screen], int]) -> int:
    """Load the settings, give them and a screen to `begin`, and show the error that either ends in."""
    screen, as_json = Screen(quiet=bool(flags.get("quiet"))), bool(flags.get("json"))
    try:
        loaded = load(flags)
        screen.quiet, as_json = loaded.settings.quiet, loaded.settings.json_output
        for notice in loaded.notices:
            screen.notice(f"notice: {notice}", style="yellow")
        return begin(loaded, screen)
    except ImporterError as error:
        return running.show_error(error, screen, as_json=as_json)


async def import_(plan: Plan, *, tally: Tally, stop: Stop, confirm: running.Confirm) -> Summary:
    """Import; see `pipeline.run_import`."""
    from importer.pipeline import run_import  # noqa: PLC0415 - a check or a dry run needs no aiohttp

    return await run_import(plan, tally=tally, stop=stop, confirm=confirm)


async def rehearse(plan: Plan, *, tally: Tally, stop: Stop, confirm: running.Confirm) -> Summary:
    """Do everything but send, against what the ledger knows; nobody is asked."""
    del confirm
    return await rehearse_plan(plan, tally=tally, stop=stop, ledger=plan.ledger)


async def validate(plan: Plan, *, tally: Tally, stop: Stop, confirm: running.Confirm) -> Summary:
    """Do everything but send, against nothing; nobody is asked."""
    del confirm
    return await rehearse_plan(plan, tally=tally, stop=stop, ledger=None)
