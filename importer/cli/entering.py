"""The way through the commands: argv to one of them, and what nobody caught to an exit status."""

import sys
from importlib import import_module

from typer._completion_classes import completion_init  # the one place where it is defined, and so exported
from typer.exceptions import TyperException

from importer.cli.app import COMMANDS, command, flags
from importer.cli.completing import mend_scripts
from importer.errors import ExitStatus, UsageError
from importer.near_miss import did_you_mean


def main() -> None:
    """Run the command line and exit with its status."""
    completion_init()
    mend_scripts()
    try:
        line = command("".join(sys.argv[1:2]))
        sys.exit(line(sys.argv[1:] or ["--help"], prog_name="importer", standalone_mode=False))
    except KeyboardInterrupt:
        sys.exit(int(ExitStatus.INTERRUPTED))
    except Exception as error:  # noqa: BLE001 - the last place where anything can be caught
        sys.exit(_crashed(error))


def _misuse(error: TyperException) -> UsageError:
    """Return what is wrong with argv, with the near miss and the help that tells."""
    named = next((one.name for one in COMMANDS if one.name in sys.argv[1:2]), None)
    option = getattr(error, "option_name", None)
    message = error.format_message().rstrip(".")
    if option is not None and named is not None:
        known = [flag.option for one in COMMANDS if one.name == named for flag in flags(one)]
        message = f"{named} has no option {option}{did_you_mean(option, known)}"
    return UsageError(message, hint=f"importer {named} --help" if named else "importer --help")


def _crashed(error: Exception) -> int:
    """Say what an error on the command line was, and return its status; it is ours when typer does not know it."""
    shown, screen = import_module("importer.cli.errors"), import_module("importer.cli.screen").Screen()
    if isinstance(error, TyperException):
        return int(shown.show_error(_misuse(error), screen))
    return int(shown.show_error(shown.internal_error(error, shown.crash_report(error)), screen))
