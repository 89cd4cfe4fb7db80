"""The process of one import of a fleet: `python -m importer.cli.fleet_child FLEET.toml NAME`.

It is `importer run` with what the fleet file says, and it stops when its standard input ends, which is when whoever
began it is gone. The token goes from where the file says it is to the run, within this process.
"""

import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from importer.cli.errors import show_error
from importer.cli.screen import Screen
from importer.errors import ImporterError, UsageError
from importer.fleet.command import arguments, environment
from importer.fleet.file import read_fleet

_DRAIN_S: Final = 10.0  #: after the end of the driver, for requests on their way
_CUT_S: Final = 5.0  #: after that, for the ledger


def main() -> None:
    """Run the import and exit with its status."""
    tie()
    try:
        path, name = sys.argv[1:]
        fleet = read_fleet(Path(path))
        one = next((one for one in fleet.imports if one.name == name), None)
        if one is None:
            raise UsageError(f"{path} has no import {name}")
        account = fleet.accounts[one.account]
        own = dict(environment(fleet, account, os.environ))
    except ImporterError as error:
        sys.exit(show_error(error, Screen(), as_json=True))
    run(arguments(fleet, one, account), own)


def run(words: Sequence[str], own: Mapping[str, str]) -> None:
    """Be `importer` with those arguments and that environment, and exit with its status."""
    os.environ.clear()
    os.environ.update(own)
    sys.argv[1:] = words
    from importer.cli import entering  # noqa: PLC0415 - slow to load: the tie and the fleet file come first

    entering.main()


def tie() -> None:
    """Stop this process from now on when its standard input ends."""
    threading.Thread(target=_follow, daemon=True, name="lifeline").start()


def _follow() -> None:
    """Stop this process, as gently as it lets itself be stopped, when standard input ends."""
    while os.read(0, 4096):
        pass
    waiting = threading.Event()
    os.kill(os.getpid(), signal.SIGTERM)
    waiting.wait(_DRAIN_S)
    os.kill(os.getpid(), signal.SIGTERM)
    waiting.wait(_CUT_S)
    os._exit(143)


if __name__ == "__main__":
    main()
