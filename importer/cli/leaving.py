"""What a run leaves for people when it has ended: its details, and the report that shows them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from importer.cli.ending import next_steps
from importer.cli.flags import IN_FILE
from importer.cli.pasting import command_line
from importer.cli.screen import Screen
from importer.legible import shareable
from importer.report.books import Summary
from importer.report.details import DETAILS, Details, write_details
from importer.report.facts import Setting, Step
from importer.report.timeline import Sample
from importer.reporting import REPORT, write_report
from importer.runs import new_run_folder
from importer.settings import Settings
from importer.sharing.redis_address import without_credentials
from importer.version import VERSION

_IN_ENVIRONMENT: Final = {
    "token": "the token",
    "client_id": "OAuth's client id",
    "client_secret": "OAuth's client secret",
    "refresh_token": "OAuth's refresh token",
    "hook_secret": "the webhook's secret",
}
_HIDDEN: Final = frozenset(
    {"token_command", "hook_command", "hook_url", "otlp_endpoint"}
)  #: may hold a secret in its words


def leave(
    summary: Summary, settings: Settings, origins: Mapping[str, str], *, account: str, argv: Sequence[str],
    samples: Sequence[Sample], screen: Screen,
) -> Path | None:  # fmt: skip
    """Leave details.json and report.html of a run that ended; return the report's path.

    A report is for people: when it cannot be made, that is said, and costs nothing else.
    """
    if summary.run is None:
        return None
    details = Details(
        tool=VERSION,
        account=account,
        settings=tuple(shown_settings(settings, origins)),
        next_steps=tuple(steps(summary, argv)),
        samples=tuple(samples),
    )
    folder = Path(summary.ledger)
    try:
        write_details(new_run_folder(folder, summary.run) / DETAILS, details)
        return write_report(folder, summary.run)
    except Exception as error:  # noqa: BLE001 - whatever it is, the run itself is over and stands
        screen.say(f"{REPORT} could not be made: {type(error).__name__}: {error}", style="yellow")
        return None


def steps(summary: Summary, argv: Sequence[str]) -> Iterator[Step]:
    """Yield the next commands, fit to be shown to others: URLs without what may be a secret in them."""
    if summary.books.failed:
        command = command_line(["failures", shareable(summary.ledger), "--output", "fix.csv"])
        yield Step(why="to write the failed rows to a file and mend them there", command=command)
    for line in next_steps(summary, [shareable(word) for word in argv]):
        why, _, command = line.partition(": ")
        yield Step(why=why, command=command)


def shown_settings(settings: Settings, origins: Mapping[str, str]) -> Iterator[Setting]:
    """Yield every setting with its origin; of secrets only whether they are set."""
    for flag in IN_FILE.values():
        value = getattr(settings, flag.field)
        if value is None or value == ():
            shown = flag.default or "not set"
        elif isinstance(value, SecretStr):  # the one setting of the kind is an address
            shown = without_credentials(value.get_secret_value())
        elif flag.name in _HIDDEN:
            shown = "set (not shown)"
        elif isinstance(value, bool):
            shown = "yes" if value else "no"
        elif isinstance(value, tuple):
            shown = ", ".join(map(shareable, value))
        else:
            shown = shareable(f"{value:g}" if isinstance(value, float) else str(value))
        yield Setting(name=flag.option, value=shown, origin=origins.get(flag.name))
    for name, what in _IN_ENVIRONMENT.items():
        held = "not set" if getattr(settings, name) is None else "set (not shown)"
        yield Setting(name=f"{what} in the environment", value=held, origin=None)
