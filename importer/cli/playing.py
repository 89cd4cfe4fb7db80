"""`simulator` and `demo`: a HubSpot to play with."""

import csv
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from importer import runs
from importer.cli import session
from importer.cli.errors import show_error
from importer.cli.pasting import command_line
from importer.cli.planning import build_plan
from importer.cli.screen import Screen
from importer.errors import ExitStatus, ImporterError, UsageError
from importer.settings import DEFAULT_FILE, load
from importer.simulator.policy import SimulatorPolicy

FILE: Final = "campaigns.csv"
_ROWS_MAX: Final = 1_000_000

#: Bad rows among the good ones, each with its own way to be wrong.
_BAD: Final = (
    ("", "2026-04-01", "2026-04-30", "planned", "no name"),
    ("Spring sale, ended before it began", "2026-05-31", "2026-05-01", "planned", "dates reversed"),
    ("A day that never was", "2026-02-30", "", "planned", "no such day"),
    ("A status of our own", "2026-03-01", "", "plannned", "no such status"),
)
_STATUSES: Final = ("planned", "in_progress", "active", "paused", "completed")

#: What the demonstration lets go wrong on the way, and what the importer makes of it.
_FAULTS: Final = ("504_after_commit@2", "reset_before@3", "429@4", "retry_after=1")


def simulator(argument: None, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Serve a simulated HubSpot until it is interrupted; return the exit status."""
    del argument, argv
    screen = Screen()
    texts = [f"{name}={flags[name]}" for name in ("accounts", "rate", "latency", "seed") if flags.get(name)]
    texts += [*(flags.get("set_") or []), *(flags.get("fault") or [])]

    def ready(base_url: str) -> None:
        screen.data(base_url)
        chosen = any(text.startswith(("token=", "refresh_token=")) for text in texts)
        many = flags.get("accounts")
        token = f"one of the tokens account-1 to account-{many}" if many else "any token"
        token = "the token that was set" if chosen else token
        screen.say(f"a simulated HubSpot listens at {base_url}; {token} will do; Ctrl-C ends it")
        given = "" if chosen else f"HUBSPOT_ACCESS_TOKEN={'account-1' if many else 'any'} "
        screen.say(f"{given}{command_line(['run', '--base-url', base_url, 'FILE'])}")

    try:
        from importer.simulator.server import serve  # noqa: PLC0415 - aiohttp is slow to import, and demo's help is not

        policy = SimulatorPolicy.from_strings(texts)
        state = Path(flags["state"]) if flags.get("state") else None
        serve(policy, port=_whole(flags.get("port") or "0", "--port", 65_535), ready=ready, state=state)
    except ImporterError as error:
        return show_error(error, screen)
    return int(ExitStatus.OK)


def demo(argument: None, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Import a small generated file into a simulated HubSpot in bad weather; return the exit status."""
    del argument, argv
    screen = Screen()
    try:
        rows = _whole(flags.get("rows") or "400", "--rows", _ROWS_MAX)
        folder = Path(flags["into"]) if flags.get("into") else Path(tempfile.mkdtemp(prefix="importer-demo-"))
        path = write_demo(folder, rows)
        screen.say(f"{path}: {rows:,} campaigns and {len(_BAD) + 1} rows that are bad or double")
        screen.say("the simulated HubSpot will lose an answer, drop a connection and ask for a pause")
        # The file of the folder it is tried in is about other columns.
        loaded = load({"simulate": True, "fault": list(_FAULTS), "config": os.devnull})
        plan = build_plan(loaded, [str(path)])
        plan = replace(plan, settling=replace(plan.settling, timeout_s=0.5))
        again = ["run", "--simulate", *(["--config", os.devnull] * Path(DEFAULT_FILE).exists()), str(path)]
        status = session.run(runs.run, plan, loaded.settings, screen=screen, argv=again, origins=loaded.origins)
    except OSError as error:
        return show_error(UsageError(f"the demonstration has no folder: {error}"), screen)
    except ImporterError as error:
        return show_error(error, screen)
    screen.say(
        f"the rows that failed are meant to; what the ledger holds: {command_line(['status', str(plan.ledger)])}"
    )
    return int(ExitStatus.OK) if status == ExitStatus.SOME_FAILED else status


def write_demo(folder: Path, rows: int) -> Path:
    """Write the demonstration's file into `folder` (made if missing) unless it is there; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    if not path.exists():
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("hs_name", "hs_start_date", "hs_end_date", "hs_campaign_status", "hs_notes"))
            writer.writerows(_demo_rows(rows))
    return path


def _demo_rows(rows: int) -> Iterator[tuple[str, ...]]:
    """Yield `rows` good rows, with the bad ones and a double spread among them."""
    for number in range(rows):
        month = number % 12 + 1
        good = (
            f"Campaign {number + 1:,}",
            f"2026-{month:02d}-01",
            f"2026-{month:02d}-28",
            _STATUSES[number % len(_STATUSES)],
            f"Row {number + 1} of the demonstration",
        )
        yield good
        if number % 7 == 6 and number // 7 < len(_BAD):
            yield _BAD[number // 7]
        if number == rows - 1:
            yield good


def _whole(text: str, option: str, most: int) -> int:
    """Return the whole number that an option spells; raise `UsageError`."""
    if not text.isdecimal() or int(text) > most:
        raise UsageError(f"{option} must be a whole number up to {most:,}, not {text!r}")
    return int(text)
