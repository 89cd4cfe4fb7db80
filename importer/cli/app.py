"""The commands: names, options, help and examples. Bodies are loaded when called, so that help is fast."""

import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from inspect import Signature
from typing import Annotated, Any, Final

import typer
from typer.completion import install_callback, show_callback

from importer.cli import own_flags
from importer.cli.account_commands import ACCOUNT
from importer.cli.command import Command
from importer.cli.flags import Flag, flags_of
from importer.cli.help import CommandWithPanels, help_all, show_all_commands
from importer.cli.interpreter import tune
from importer.cli.parameters import argument, parameter

_SUMMARY: Final = "Create marketing campaigns in HubSpot from large files, none of them twice."

COMMANDS: Final[tuple[Command, ...]] = (
    Command(
        "doctor",
        "importer.cli.doctoring:doctor",
        "Check token, account, quota, clock and disk.",
        (
            ("importer doctor", "a tick or a remedy for each; safe to show to others"),
            ("importer doctor --shared /shared", "on two hosts at once: do locks on this folder exclude?"),
            ("importer doctor --simulate", "against a simulated HubSpot, no token needed"),
        ),
        "",
        own_flags.DOCTOR,
    ),
    Command(
        "init",
        "importer.cli.proposing:init",
        "Look at a file and write importer.toml for it.",
        (
            ("importer init campaigns.csv", "proposes which column feeds which property; then: importer run"),
            ("importer init export.csv -o crm.toml", "another file; then: importer run --config crm.toml"),
            ("importer init campaigns.csv --force", "over the importer.toml that is there"),
        ),
        "SOURCE",
        own_flags.INIT,
    ),
    Command(
        "run",
        "importer.cli.commands:run",
        "Import files into HubSpot; run it again to go on.",
        (
            ("importer run campaigns.csv", "columns are named like properties: hs_name, hs_start_date, …"),
            ("importer run --mapping salesforce export.csv", "a ready mapping, keyed by Salesforce's Id"),
            ("importer run --simulate campaigns.csv", "the same against a simulated HubSpot, no token needed"),
        ),
        "SOURCE...",
    ),
    Command(
        "check",
        "importer.cli.commands:check",
        "Validate every row and send nothing.",
        (
            ("importer check campaigns.csv", "what would be sent, and every row that would fail"),
            ("importer check --mapping mailchimp a.csv b.csv", "several files as one import"),
            ("zcat feed.jsonl.gz | importer check -", "from standard input"),
        ),
        "SOURCE...",
    ),
    Command(
        "status",
        "importer.cli.ledgers:status",
        "Say what a ledger holds.",
        (
            ("importer status campaigns.csv.ledger", "runs, books, what is unsettled"),
            ("importer status --json campaigns.csv.ledger", "for scripts"),
            ("watch importer status campaigns.csv.ledger", "while a run is at work"),
        ),
        "LEDGER",
        own_flags.AS_JSON,
    ),
    Command(
        "reconcile",
        "importer.cli.commands:reconcile",
        "Ask HubSpot what became of records in doubt; send nothing.",
        (
            ("importer reconcile campaigns.csv.ledger", "look for all that is in doubt or unresolved"),
            ("importer reconcile --list LEDGER", "each with what to paste, and what was decided"),
            ("importer reconcile LEDGER --identity ID --as absent", "it is not there (or: --as created:CAMPAIGN)"),
        ),
        "LEDGER",
        own_flags.RECONCILE,
    ),
    Command(
        "failures",
        "importer.cli.exporting:failures",
        "Write the failed rows to a file to mend and import again.",
        (
            ("importer failures campaigns.csv.ledger --output fix.csv", "the source's columns, and what is wrong"),
            ("importer failures LEDGER", "to look at them"),
            ("importer failures LEDGER --output fix.jsonl", "for programs"),
        ),
        "LEDGER",
        own_flags.FAILURES,
    ),
    Command(
        "report",
        "importer.cli.reporting:report",
        "Make the report of a run: one page that opens offline.",
        (
            ("importer report campaigns.csv.ledger --open", "made anew, and opened in the browser"),
            ("importer report LEDGER --run 3 --output run-3.html", "an earlier run, to send to somebody"),
            ("importer report LEDGER", "says where it is"),
        ),
        "LEDGER",
        own_flags.REPORT,
    ),
    Command(
        "verify",
        "importer.cli.ledgers:verify",
        "Check a ledger from its first byte to its last.",
        (
            ("importer verify campaigns.csv.ledger", "status 9 when something does not fit"),
            ("importer verify --remote campaigns.csv.ledger", "re-read every campaign in HubSpot, and compare"),
            ("importer verify --remote LEDGER --output gone.csv", "missing, changed and unexpected ones as rows"),
        ),
        "LEDGER",
        own_flags.VERIFY,
    ),
    Command(
        "undo",
        "importer.cli.undoing:undo",
        "Archive what a run made; shows it first and asks.",
        (
            ("importer undo --dry-run campaigns.csv.ledger", "what would be archived of the latest run"),
            ("importer undo LEDGER --run 3", "of another run (2-5: of some, all: of all); asks"),
            ("importer undo LEDGER --yes --json", "for scripts; run it again to go on"),
        ),
        "LEDGER",
        own_flags.UNDO,
    ),
    Command(
        "probe",
        "importer.cli.probing:probe",
        "Ask a test account what is only assumed of HubSpot.",
        (
            ("importer probe --into probe/", "makes up to 12 campaigns, archives them, writes a report"),
            ("importer probe --simulate --into probe/", "the same against a simulated HubSpot"),
            ("importer probe --yes --api-version 2026-09", "another version, a production account"),
        ),
        "",
        own_flags.PROBE,
        everyday=False,
    ),
    Command(
        "simulator",
        "importer.cli.playing:simulator",
        "Serve a simulated HubSpot, with faults by switch.",
        (
            ("importer simulator --port 8080 --rate 100", "a small account"),
            ("importer simulator --fault 504:0.01 --fault 429@5", "bad weather"),
            ("importer simulator --latency uniform:0.1-0.9 --state sim/", "slow, and it remembers"),
        ),
        "",
        own_flags.SIMULATOR,
        everyday=False,
    ),
    Command(
        "demo",
        "importer.cli.playing:demo",
        "See it work: a small file, a few bad rows, a few faults.",
        (
            ("importer demo", "in a new temporary folder"),
            ("importer demo --into demo", "run it twice: the second time nothing is sent again"),
            ("importer demo --rows 20000", "a larger one"),
        ),
        "",
        own_flags.DEMO,
    ),
    Command(
        "config",
        "importer.cli.configuring:show",
        "Show every setting and where it comes from.",
        (
            ("importer config show", "as flags left out would be"),
            ("importer config show --origin", "and where each comes from: file and line, variable, default"),
            ("importer config show --config nightly.toml", "with a file"),
        ),
        "[show]",
        own_flags.CONFIG,
    ),
    Command(
        "explain",
        "importer.cli.explaining:explain",
        "Say what a code or an exit status means.",
        (
            ("importer explain name_exists", "what it means and how to mend it"),
            ("importer explain 6", "an exit status"),
            ("importer explain", "all of them"),
        ),
        "[CODE]",
        values="importer.cli.explaining:values",
    ),
    *ACCOUNT,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"importer {import_module('importer.version').VERSION}")
        raise typer.Exit


_INSTALL: Final = "Set up completion for this shell (bash, zsh, fish)."
_HELP_ALL: Final = "Show every command, also the rare ones, and exit."


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version and exit.")
    ] = False,
    all_commands: Annotated[
        bool, typer.Option("--help-all", callback=show_all_commands, is_eager=True, help=_HELP_ALL)
    ] = False,
    install_completion: Annotated[
        bool, typer.Option("--install-completion", callback=install_callback, is_eager=True, help=_INSTALL)
    ] = False,
    show_completion: Annotated[
        str | None, typer.Option("--show-completion", callback=show_callback, is_eager=True, hidden=True)
    ] = None,
) -> None:
    pass


def flags(command: Command) -> tuple[Flag, ...]:
    """Return every flag of a command."""
    return (*command.more, *flags_of(command.name))


def _body(command: Command) -> Callable[..., None]:
    """Return the function that typer calls: it loads the command's body, and exits with its status."""
    own = flags(command)

    def call(**given: Any) -> None:
        argument = given.pop("argument", None)
        given.pop("help_all", None)
        module, function = command.body.split(":")
        body = getattr(import_module(module), function)
        tune()
        status: int = body(argument, given, sys.argv[1:])
        raise typer.Exit(status)

    parameters = [parameter(flag) for flag in own]
    if command.argument:
        parameters.insert(0, argument(command.argument, command.values))
    if not all(flag.everyday for flag in own):
        parameters.append(help_all())
    call.__signature__ = Signature(parameters)  # type: ignore[attr-defined] # typer reads it
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


def _help(command: Command) -> str:
    widest = max(len(line) for line, _ in command.examples)
    examples = "\n".join(f"  {line:<{widest}}  {does}" for line, does in command.examples)
    return f"{command.help}\n\n\b\nExamples:\n{examples}"


def app(commands: Sequence[Command] = COMMANDS) -> typer.Typer:
    """Return the command line with these commands."""
    made = typer.Typer(
        name="importer",
        help=_SUMMARY,
        rich_markup_mode=None,
        add_completion=False,  # its two options stand above, on one line of the help
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    made.callback()(_root)
    for one in commands:
        made.command(
            one.name, help=_help(one), short_help=one.help, cls=CommandWithPanels, hidden=not one.everyday
        )(_body(one))  # fmt: skip
    return made


@cache
def command(named: str = "") -> Any:
    """Return the command line, to be called with its arguments; of the command `named` alone, where that is one.

    It is built once in a process, and that of one command many times as quickly as that of all.
    """
    return typer.main.get_command(app([one for one in COMMANDS if one.name == named] or COMMANDS))
