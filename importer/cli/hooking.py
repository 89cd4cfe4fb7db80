"""The hooks of a session: made of the settings, told at the end, at a failure, and when nothing happens any more."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import anyio
import anyio.to_thread

from importer.cli.flags import TOKEN_VARIABLE
from importer.cli.screen import Screen
from importer.cli.token import read_private
from importer.errors import ImporterError, UsageError
from importer.hooks import Hooks
from importer.limits import said
from importer.posting import check_address
from importer.report import summary as report
from importer.report.books import Summary, Tally
from importer.settings import Settings
from importer.unattended import CLIENT_SECRET_VARIABLE, HOOK_SECRET_VARIABLE, REFRESH_TOKEN_VARIABLE

_SECRETS: Final = frozenset({TOKEN_VARIABLE, CLIENT_SECRET_VARIABLE, REFRESH_TOKEN_VARIABLE, HOOK_SECRET_VARIABLE})
_LOOKS: Final = 20  #: while the time of a stall goes by, it is looked so often


def hooks_of(settings: Settings) -> Hooks | None:
    """Return whom to tell; None when nobody is to be told.

    Raises:
        UsageError: the address is not safe, or there is no secret to sign with.
    """
    if settings.hook_command is None and settings.hook_url is None:
        return None
    return Hooks(
        command=settings.hook_command,
        url=settings.hook_url,
        secret=_secret(settings) if settings.hook_url is not None else None,
        on=frozenset(settings.hook_on),
        environment={name: value for name, value in os.environ.items() if name not in _SECRETS},
    )


def _secret(settings: Settings) -> str:
    check_address(settings.hook_url or "", "the webhook's address")
    if settings.hook_secret_file is not None:
        held = read_private(settings.hook_secret_file, "the webhook's secret file").decode("utf-8", "replace").strip()
    else:
        held = settings.hook_secret.get_secret_value().strip() if settings.hook_secret is not None else ""
    if not held:
        raise UsageError(
            "what is posted to the webhook has to be signed, and there is no secret for it",
            hint=f"Set {HOOK_SECRET_VARIABLE}, or use --hook-secret-file.",
        )
    return held


@contextmanager
def told_of_refusals(hooks: Hooks | None, screen: Screen) -> Iterator[None]:
    """Tell of the error that ends the block before anything was begun, and let it pass on."""
    try:
        yield
    except ImporterError as error:
        if hooks is not None:
            problems = hooks.tell("failure", report.refusal(error))
            _say(problems, screen)
        raise


def tell_end(hooks: Hooks | None, summary: Summary, screen: Screen, log: Any) -> None:
    """Tell how a run ended. Blocks; what goes wrong is said and costs nothing else."""
    if hooks is None or summary.dry_run:
        return
    problems = hooks.tell("failure" if summary.status else "end", report.as_json(summary))
    for problem in problems:
        log.warning("hook", problem=problem)
    _say(problems, screen)


async def watch_for_stalls(
    hooks: Hooks | None, settings: Settings, tally: Tally, screen: Screen, log: Any, *, ledger: str
) -> None:
    """Tell when nothing has happened for a while, once for each such while. Cancellation: nothing left behind."""
    after_s = settings.stall_after
    before, since, told = _progress(tally), anyio.current_time(), False
    while True:
        await anyio.sleep(after_s / _LOOKS)
        now = _progress(tally)
        if now != before:
            before, since, told = now, anyio.current_time(), False
        elif not told and anyio.current_time() - since >= after_s:
            told = True
            why = tally.waiting_for or (tally.paced() if tally.paced is not None else None) or "no reason known"
            log.warning("stall", seconds=after_s, waiting_for=why)
            screen.say(f"nothing has happened for {said(after_s)} ({why})", style="yellow")
            if hooks is not None:
                news = {"seconds": after_s, "waiting_for": why, "ledger": ledger, "line": tally.books().line()}
                _say(await anyio.to_thread.run_sync(hooks.tell, "stall", news), screen)


def _progress(tally: Tally) -> tuple[int, ...]:
    return (tally.rows_read, tally.bytes_read, tally.answers, tally.looks, tally.recovered, *tally.ended.values())


def _say(problems: Sequence[str], screen: Screen) -> None:
    for problem in problems:
        screen.say(problem, style="yellow")
