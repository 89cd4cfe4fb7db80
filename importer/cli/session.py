"""Running a plan for people: account first, progress, signals, log, and what an error looks like at the end."""

import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import anyio
import anyio.to_thread

from importer.cli import canarying, ending, hooking, interrupts, leaving, observing, progress
from importer.cli.errors import crash_report, internal_error
from importer.cli.screen import Screen, is_terminal
from importer.errors import PRECEDENCE, ImporterError, UsageError, leaves
from importer.hooks import Hooks
from importer.ledger.replay import JOURNAL
from importer.logs import LogFile, make_log
from importer.plan import Plan
from importer.preflight import Account
from importer.report import summary as report
from importer.report.books import Summary, Tally
from importer.report.timeline import Recorder
from importer.runs import new_run_folder
from importer.settings import Settings
from importer.sources.addresses import name_of
from importer.stopping import Stop, StoppedError

RUN_LOG: Final = "run.log"
SUMMARY: Final = "summary.json"

Confirm = Callable[[Account, Plan], Awaitable[None]]


class Work(Protocol):
    """What is run: an import, a check, a reconciliation."""

    async def __call__(self, plan: Plan, *, tally: Tally, stop: Stop, confirm: Confirm) -> Summary:
        """Do it and return its summary; raise `ImporterError` where nothing could be begun."""
        ...


@dataclass(slots=True, kw_only=True)
class Session:
    """One command at work."""

    plan: Plan
    settings: Settings
    screen: Screen
    log: Any  #: structlog's logger
    began: anyio.Event = field(default_factory=anyio.Event)  #: the questions are over: progress may be shown
    account: str = "unknown"  #: in words, once it has been asked for
    judge: canarying.Judge | None = None  #: of a first batch that is sent alone
    recorder: Recorder | None = None  #: of how it goes over time, once it has begun
    hooks: Hooks | None = None  #: whom to tell
    observer: observing.Observer | None = None  #: who tells its figures


def run(
    work: Work, plan: Plan, settings: Settings, *, screen: Screen, argv: Sequence[str],
    origins: Mapping[str, str] | None = None,
) -> int:  # fmt: skip
    """Do `work` and return the exit status; everything that there is to say has been said.

    `origins` says where each setting comes from that somebody set, for the report.

    Raises:
        ImporterError: nothing was begun; the caller shows it.
    """
    plan, judge = canarying.judging(plan, screen, yes=settings.yes)
    with logged(plan, settings, screen) as log:
        tally, hooks = Tally(), None if plan.dry_run else hooking.hooks_of(settings)
        with observing.observed(plan, settings, tally, screen) as (observed, observer):
            session = Session(
                plan=observed,
                settings=settings,
                screen=screen,
                log=log,
                judge=judge,
                hooks=hooks,
                observer=observer,
            )
            summary = anyio.run(_perform, work, session, tally)
            if observer is not None:
                observer.end_with(summary)
        if judge is not None and judge.stopped:
            argv = canarying.without_canary(argv)
        _keep(summary, screen)
        samples = session.recorder.samples if session.recorder is not None else ()
        page = leaving.leave(
            summary, settings, origins or {}, account=session.account, argv=argv, samples=samples, screen=screen
        )
        log.info("end", status=summary.status.name, reason=summary.reason, line=summary.books.line())
        hooking.tell_end(hooks, summary, screen, log)
    ended = ending.Ending(summary=summary, argv=argv, samples=tally.samples, page=page)
    ending.show(ended, screen, as_json=settings.json_output)
    return int(summary.status)


def _keep(summary: Summary, screen: Screen) -> None:
    """Write summary.json into the run's folder; one that cannot be written is said and costs nothing else."""
    if summary.run is None:
        return
    try:
        report.write_summary(new_run_folder(Path(summary.ledger), summary.run) / SUMMARY, summary)
    except OSError as error:
        screen.say(f"{SUMMARY} could not be written: {error.strerror or error}", style="yellow")


@contextmanager
def logged(plan: Plan, settings: Settings, screen: Screen) -> Iterator[Any]:
    """Give a log to run.log in the ledger's folder; what nobody foresaw goes there with its traceback."""

    def secrets() -> tuple[str, ...]:
        return (plan.token(), *plan.secrets())

    file = None if plan.dry_run else _log_file(plan, settings)  # a dry run leaves no trace
    outlets: list[Callable[[str], object]] = [file.write] if file is not None else []
    if settings.log_stderr:
        outlets.append(screen.raw)
    log = make_log(*outlets, level=settings.log_level, secrets=secrets)
    log.info("begin", sources=[name_of(str(source)) for source in plan.sources], dry_run=plan.dry_run)
    try:
        yield log
    except ImporterError as error:
        log.warning("refused", status=error.exit_status.name, reason=error.message)
        raise
    except Exception as error:
        log.exception("internal error")
        if file is not None:
            file.close()
        where = file.path if file is not None and file.exists else crash_report(error, *secrets())
        raise internal_error(error, where) from error
    finally:
        if file is not None:
            file.close()


def _log_file(plan: Plan, settings: Settings) -> LogFile:
    return LogFile(plan.ledger / RUN_LOG, bytes_max=settings.log_max_bytes, keep=settings.log_keep)


async def _perform(work: Work, session: Session, tally: Tally) -> Summary:
    """Do the work beside progress and signals; a cancellation goes to the work."""
    stop = Stop()
    outcome: Summary | Exception
    async with anyio.create_task_group() as beside:
        await beside.start(partial(interrupts.watch_signals, stop, hearing(session), cuts=True))
        beside.start_soon(_show_progress, tally, session)
        beside.start_soon(_record, tally, session)
        beside.start_soon(_watch, tally, session)
        try:
            outcome = await work(session.plan, tally=tally, stop=stop, confirm=_Greeter(session, stop))
        except Exception as error:  # noqa: BLE001 - raised below, outside the group, which would wrap it
            outcome = error
        if session.recorder is not None:
            session.recorder.sample(anyio.current_time())
        beside.cancel_scope.cancel()
    if isinstance(outcome, Exception):
        raise plain_error(outcome)
    return outcome


def plain_error(error: Exception) -> Exception:
    """Return the one `ImporterError` that stands for a group of nothing else, by precedence; else `error` itself."""
    causes = list(leaves(error))
    known = [cause for cause in causes if isinstance(cause, ImporterError)]
    if len(known) < len(causes):
        return error
    return min(known, key=lambda cause: PRECEDENCE.index(cause.exit_status))


async def _show_progress(tally: Tally, session: Session) -> None:
    """Show progress once the questions are over; a cancellation takes it off the screen."""
    if not session.plan.dry_run:
        await session.began.wait()
    if session.judge is not None:
        await canarying.show_progress(session.judge, tally, session.screen, session.settings.progress)
    await progress.show(tally, session.screen, session.settings.progress)


async def _record(tally: Tally, session: Session) -> None:
    """Take a sample of the counts now and then, once the questions are over. A cancellation leaves those taken."""
    await session.began.wait()
    session.recorder = recorder = Recorder(tally, anyio.current_time())
    while True:
        await anyio.sleep(recorder.every_s)
        recorder.sample(anyio.current_time())


async def _watch(tally: Tally, session: Session) -> None:
    """Tell of figures and stalls, once the questions are over. Cancellation: nothing left behind."""
    if session.observer is not None:
        await anyio.to_thread.run_sync(session.observer.write)
    await session.began.wait()
    async with anyio.create_task_group() as watchers:
        if session.observer is not None:
            watchers.start_soon(session.observer.watch)
        told = (session.hooks, session.settings, tally, session.screen, session.log)
        watchers.start_soon(partial(hooking.watch_for_stalls, *told, ledger=str(session.plan.ledger)))


# Signals


def hearing(session: Session) -> interrupts.Heard:
    """Return who says and notes what a signal does to a run."""

    def heard(name: str, again: bool) -> None:
        session.log.warning("signal", signal=name, again=again)
        if again:
            session.screen.say("cutting off what is on its way; the next run looks for it")
        else:
            grace_s = session.plan.grace_s
            session.screen.say(f"stopping: up to {grace_s:g} s for requests on their way; once more cuts them off")

    return heard


# Before anything is sent


@dataclass(slots=True)
class _Greeter:
    """Says whom the run writes to, and asks once where a mistake would be dear."""

    session: Session
    stop: Stop

    async def __call__(self, account: Account, plan: Plan) -> None:
        """Show account, sources and ledger; raise `UsageError` when the answer is no. Cancellation: nothing sent."""
        screen, known = self.session.screen, (plan.ledger / JOURNAL).exists()
        self.session.account = describe(account)
        self.session.log.info("account", account=account.id, kind=account.kind, base_url=account.base_url)
        screen.notice(f"account: {describe(account)}", style="bold" if account.production else None)
        many = len(plan.sources)
        if many:
            named = ", ".join(name_of(str(source)) for source in plan.sources[:3])
            screen.notice(f"sources: {many} ({named}{', …' * (many > 3)})")
        screen.notice(f"ledger: {plan.ledger} ({'known: what it holds is not sent again' if known else 'new'})")
        if not account.can_read:
            screen.say(
                "the token cannot list campaigns: what ends in doubt cannot be settled."
                " Add the scope marketing.campaigns.read.",
                style="yellow",
            )
        if account.production and not known and not self.session.settings.yes:
            await self._ask(account)
        self.session.began.set()

    async def _ask(self, account: Account) -> None:
        screen = self.session.screen
        if not (is_terminal(sys.stdin) and is_terminal(screen.err)) or "-" in self.session.plan.sources:
            return
        screen.say(f"This writes to {describe(account)}. Go on? [y/N] (--yes answers)")
        answer = ""
        with suppress(StoppedError), self.stop.interruptible():
            answer = await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
        if answer.strip().casefold() not in {"y", "yes"}:
            raise UsageError("nothing was sent: the question was not answered with yes", hint="--yes answers it.")


def describe(account: Account) -> str:
    """Return an account in words: its id, and what it is for."""
    if account.simulated:
        return "a simulated HubSpot account"
    named = f"HubSpot account {account.id}" if account.id else "a HubSpot account that the token may not name"
    kinds = {"SANDBOX": "sandbox", "DEVELOPER_TEST": "developer test account", "STANDARD": "production"}
    return f"{named} ({kinds.get(account.kind or '', 'taken for production')}) at {account.base_url}"
