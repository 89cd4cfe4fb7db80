"""The way in: what everybody asks first is answered at once, all else by the commands, which take longer to load."""

import os
import sys
from contextlib import suppress
from typing import Final

from importer.cli.interpreter import load

_COMPLETE: Final = "_IMPORTER_COMPLETE"  #: set by a shell that asks what could come next, and then argv is empty
_ASKED: Final[tuple[list[str], ...]] = ([], ["--help"], ["-h"])

#: What `app` would say on 80 columns; a test holds the two equal.
FIRST_HELP: Final = """\
Usage: importer [OPTIONS] COMMAND [ARGS]...

  Create marketing campaigns in HubSpot from large files, none of them twice.

Options:
  --version             Say the version and exit.
  --help-all            Show every command, also the rare ones, and exit.
  --install-completion  Set up completion for this shell (bash, zsh, fish).
  -h, --help            Show this message and exit.

Commands:
  doctor     Check token, account, quota, clock and disk.
  init       Look at a file and write importer.toml for it.
  run        Import files into HubSpot; run it again to go on.
  check      Validate every row and send nothing.
  status     Say what a ledger holds.
  reconcile  Ask HubSpot what became of records in doubt; send nothing.
  failures   Write the failed rows to a file to mend and import again.
  report     Make the report of a run: one page that opens offline.
  verify     Check a ledger from its first byte to its last.
  undo       Archive what a run made; shows it first and asks.
  demo       See it work: a small file, a few bad rows, a few faults.
  config     Show every setting and where it comes from.
  explain    Say what a code or an exit status means.
"""


def main() -> None:
    """Run the command line and exit with its status."""
    if sys.argv[1:] in _ASKED and _COMPLETE not in os.environ:
        with suppress(BrokenPipeError):
            sys.stdout.write(FIRST_HELP)
            sys.stdout.flush()
        return
    load()
    from importer.cli import entering  # noqa: PLC0415 - loading it takes five times as long as all else here

    entering.main()
