"""What a command is: its words, its flags, and where its body is."""

from typing import NamedTuple

from importer.cli.flags import Flag


class Command(NamedTuple):
    """One command: its words, and where its body is."""

    name: str
    body: str  #: module:function, called with the arguments, the flags and argv
    help: str  #: first line for the list of commands
    examples: tuple[tuple[str, str], ...]  #: command line, what it does
    argument: str  #: metavar of what it takes besides options: SOURCE... or LEDGER
    more: tuple[Flag, ...] = ()  #: flags of its own, which are no settings
    values: str = ""  #: module:function that lists what the argument may be, for shells, each with its meaning
    everyday: bool = True  #: shown by `importer --help`, not only by `importer --help-all`
