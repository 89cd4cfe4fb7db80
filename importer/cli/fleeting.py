"""`fleet`: drive many imports for many accounts, and say how they stand."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.abc
import anyio.to_thread

from importer.cli.errors import show_error
from importer.cli.fleet_shown import changed_line, headline, listed
from importer.cli.interrupts import watch_signals
from importer.cli.screen import Screen, clean
from importer.cli.session import plain_error
from importer.errors import AGAIN, ExitStatus, ImporterError, UsageError
from importer.fleet import marks, places
from importer.fleet.driver import Driver, chosen, status_of
from importer.fleet.driver_lock import DriverLock, make_directory
from importer.fleet.engine import Engine
from importer.fleet.engines import engine_of
from importer.fleet.file import read_fleet
from importer.fleet.history import History
from importer.fleet.model import Fleet, Import
from importer.fleet.overview import as_json, figures, look_at_fleet
from importer.fleet.page import render
from importer.fleet.schedule import Schedule
from importer.fleet.standing import Standing
from importer.near_miss import did_you_mean
from importer.report.private import write_private
from importer.report.words import many
from importer.stopping import Stop, StoppedError
from importer.telemetry import textfile
from importer.version import VERSION

_PAGE_EVERY_S: Final = 15.0
_STATUS: Final = "status"
#: A second signal is the system's, and the imports notice that their driver is gone.
_STOPPING: Final = "stopping the imports; the same command goes on with them"


def fleet(arguments: Sequence[str], flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Drive the fleet of a file, or with `status` before it say how it stands; return the exit status."""
    del argv
    screen = Screen(quiet=bool(flags.get("quiet")))
    try:
        file, only_look = _named(arguments)
        read = read_fleet(file)
        if only_look:
            return _show(read, flags, screen)
        imports = _chosen(read, flags.get("only"))
        if flags.get("dry_run"):
            return _rehearse(read, imports, flags, screen)
        make_directory(read)
        path = os.path.abspath(file)  # noqa: PTH100 - links stay: each host resolves them for itself
        if flags.get("only") is not None:
            return _drive_one(read, imports, path, screen)
        return _drive(read, path, flags, screen)
    except ImporterError as error:
        return show_error(error, screen, as_json=bool(flags.get("json")))


def _named(arguments: Sequence[str]) -> tuple[Path, bool]:
    """Return the fleet file, and whether it is only to be looked at."""
    only_look = arguments[0] == _STATUS and not Path(_STATUS).is_file()
    files = arguments[1:] if only_look else arguments
    if len(files) != 1:
        raise UsageError("fleet takes one file", hint="importer fleet FLEET.toml, or: importer fleet status FLEET.toml")
    return Path(files[0]), only_look


def _chosen(read: Fleet, only: str | None) -> tuple[Import, ...]:
    try:
        return chosen(read.imports, only)
    except KeyError:
        near = did_you_mean(str(only), [one.name for one in read.imports])
        raise UsageError(f'there is no import "{only}"{near}', hint="--dry-run lists them.") from None


def _show(read: Fleet, flags: Mapping[str, Any], screen: Screen) -> int:
    seen = look_at_fleet(read)
    if flags.get("json"):
        screen.data(json.dumps(as_json(seen), indent=2))
    else:
        for line in headline(seen):
            screen.data(clean(line))
    return int(ExitStatus.OK)


def _rehearse(read: Fleet, imports: Sequence[Import], flags: Mapping[str, Any], screen: Screen) -> int:
    """List what would run now."""
    latest = marks.read_round(read)
    done = marks.done_in(latest, imports) if latest is not None and not latest.ended else {}
    if flags.get("json"):
        told = [{"name": one.name, "account": one.account, "sources": one.sources, "ledger": one.ledger,
                 "done": one.name in done} for one in imports]  # fmt: skip
        screen.data(json.dumps({"imports": told}, indent=2))
    else:
        for line in listed(imports, done):
            screen.data(clean(line))
    return int(ExitStatus.OK)


def _drive_one(read: Fleet, imports: Sequence[Import], path: str, screen: Screen) -> int:
    """Run the one import that --only names, for an engine that is not ours: no driver's lock, no round."""
    schedule = Schedule(imports, retries=read.retries, wait_max_s=read.wait_max_s)

    async def changed(_at: float, told: Mapping[str, Standing]) -> None:
        for name, standing in told.items():
            screen.notice(changed_line(name, standing))

    stopped = _run(_Work(engine_of(replace(read, engine="local"), os.environ), schedule, path, changed, None), screen)
    return int(stopped or status_of(schedule.standings))


def _drive(read: Fleet, path: str, flags: Mapping[str, Any], screen: Screen) -> int:
    engine, lock = engine_of(read, os.environ, insecure=bool(flags.get("insecure"))), DriverLock(read)
    lock.take()
    try:
        current = marks.current_round(read, time.time())
        done = marks.done_in(current, read.imports)
        left = [one for one in read.imports if one.name not in done]
        schedule = Schedule(left, retries=read.retries, wait_max_s=read.wait_max_s)
        where = "" if read.engine == "local" else f", on {read.engine}"
        screen.notice(f"round {current.number}: {many(len(left), 'import')} to run, {len(done):,} done already{where}")
        history = History(read, current.number)
        try:
            if done:
                history.write(time.time(), done)

            async def changed(at: float, told: Mapping[str, Standing]) -> None:
                try:
                    await anyio.to_thread.run_sync(history.write, at, told)
                except OSError as error:
                    raise _unwritable(error) from error
                for name, standing in told.items():
                    screen.notice(changed_line(name, standing))

            stopped = _run(_Work(engine, schedule, path, changed, read), screen)
        finally:
            history.close()
        standings = {**done, **schedule.standings}
        status = stopped or status_of(standings)
        if status not in {ExitStatus.PAUSED, ExitStatus.INTERRUPTED, ExitStatus.TERMINATED}:
            marks.write_round(read, replace(current, ended=True))
        _leave(read, screen)
    except OSError as error:
        raise _unwritable(error) from error
    finally:
        lock.release()
    _show(read, flags, screen)
    return int(status)


def _unwritable(error: OSError) -> UsageError:
    return UsageError(f"the fleet's directory cannot be written: {error.strerror or error}", hint=AGAIN)


@dataclass(frozen=True, slots=True)
class _Work:
    """What is driven, and who is told."""

    engine: Engine
    schedule: Schedule
    path: str  #: of the fleet file
    changed: Any  #: a `driver.Changed`
    read: Fleet | None  #: whose page is written now and then; None for none


def _run(work: _Work, screen: Screen) -> ExitStatus | None:
    """Drive until the round is over; return the status of a wish to stop, if that came first."""
    stop = Stop()
    try:
        anyio.run(_perform, work, stop, screen)
    except Exception as error:
        plain = plain_error(error)
        if plain is error:
            raise
        raise plain from error
    return stop.status if stop.requested else None


async def _perform(work: _Work, stop: Stop, screen: Screen) -> None:
    """Drive, beside signals and the page. Cancellation: the imports are stopped, resumable."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = work.engine.slots * 2 + 40
    async with anyio.create_task_group() as beside:
        await beside.start(watch_signals, stop, lambda _name, _again: screen.say(_STOPPING))
        async with AsyncExitStack() as held:
            with suppress(StoppedError):  # a cluster that does not answer keeps nobody from stopping
                with stop.interruptible():
                    engine = await held.enter_async_context(work.engine)
                if work.read is not None:
                    beside.start_soon(_keep_page, work.read, screen)
                await Driver(
                    engine=engine, schedule=work.schedule, fleet_file=work.path, version=VERSION, wall=time.time,
                    changed=work.changed, stop=stop,
                ).run()  # fmt: skip
            beside.cancel_scope.cancel()


async def _keep_page(read: Fleet, screen: Screen) -> None:
    while True:
        await anyio.to_thread.run_sync(_leave, read, screen)
        await anyio.sleep(_PAGE_EVERY_S)


def _leave(read: Fleet, screen: Screen) -> None:
    """Write page and figures; where that fails it is said, and costs nothing else."""
    try:
        seen, now = look_at_fleet(read), time.time()
        write_private(Path(places.within(read, places.PAGE)), render(seen, now).encode())
        textfile.write(Path(places.within(read, places.METRICS)), textfile.exposition(figures(seen, now), ()))
    except OSError as error:
        screen.say(f"the fleet's page could not be written: {error.strerror or error}", style="yellow")
