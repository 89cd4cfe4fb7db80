"""`doctor --shared`: whether locks on a folder that hosts share exclude, proved by two hosts at once."""

import json
import shlex
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from importer import platforms
from importer.amounts import seconds_of
from importer.cli.doctor_shown import as_objects, show
from importer.cli.errors import show_error
from importer.cli.screen import Screen
from importer.doctor import shared_findings, two_hosts
from importer.doctor.findings import Finding, status_of
from importer.doctor.meeting import Meeting
from importer.errors import ExitStatus, ImporterError, UsageError
from importer.version import VERSION

_WAIT: Final = "600"


def doctor(flags: Mapping[str, Any]) -> int:
    """Try the folder, say what is proved, and return the exit status."""
    screen, as_json = Screen(quiet=bool(flags.get("quiet"))), bool(flags.get("json"))
    try:
        return _doctor(Path(flags["shared"]), _seconds(flags.get("shared_wait") or _WAIT), screen, as_json=as_json)
    except ImporterError as error:
        return show_error(error, screen, as_json=as_json)


def _seconds(text: str) -> float:
    try:
        return seconds_of(text)
    except ValueError as error:
        raise UsageError(f"--shared-wait {error}") from None


def _doctor(shared: Path, wait_s: float, screen: Screen, *, as_json: bool) -> int:
    meeting = Meeting(shared, socket.gethostname(), platforms.boot_id(), wait_s)

    def waiting() -> None:
        screen.say(f"waiting {wait_s:g} s for another host; type there, with the path that this folder has there:")
        screen.say(f"importer doctor --shared {shlex.quote(str(shared.absolute()))}")

    def lost() -> None:
        screen.say("the other host is gone again; waiting for one anew")

    found = two_hosts.examine(meeting, waiting=waiting, lost=lost)
    proved, status = shared_findings.proved(found), status_of(found)
    if as_json:
        screen.data(json.dumps(_object(found, shared, int(status), proved), ensure_ascii=False, indent=2))
    else:
        show(found, f"the shared folder {shared}", screen)
        style = "green" if proved else "red" if status is ExitStatus.LEDGER else "yellow"
        screen.notice(shared_findings.verdict(found), style=style)
    return int(status)


def _object(found: Sequence[Finding], shared: Path, status: int, proved: bool | None) -> dict[str, Any]:
    return {
        "status": status,
        "version": VERSION,
        "shared": str(shared),
        "proved": proved,
        "findings": as_objects(found),
    }
