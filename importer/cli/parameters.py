"""Flags and arguments of the table of commands as the parameters that typer reads."""

from inspect import Parameter
from typing import Annotated, Any

import typer

from importer.cli.flags import Flag


def argument(metavar: str) -> Parameter:
    """Return what a command takes besides options: SOURCE..., LEDGER, or [CODE] where it may be left out."""
    several, optional = metavar.endswith("..."), metavar.startswith("[")
    kind: Any = list[str] if several else str | None if optional else str
    told = Annotated[kind, typer.Argument(metavar=metavar.strip("[]."), show_default=False)]
    return Parameter("argument", Parameter.KEYWORD_ONLY, annotation=told, default=None if optional else Parameter.empty)


def parameter(flag: Flag) -> Parameter:
    """Return a flag as typer wants it: text wherever it has a value, None where it is not given."""
    kind: Any = {"switch": bool, "list": list[str], "value": str}[flag.kind]
    spelling = f"{flag.option}/--no-{flag.option[2:]}" if flag.kind == "switch" else flag.option
    shown = f"{flag.help} [{flag.default}]" if flag.default else flag.help
    option = typer.Option(
        *([flag.short] if flag.short else []),
        spelling,
        help=shown,
        metavar=flag.metavar or None,
        show_default=False,
        hidden=not flag.everyday,
        rich_help_panel=flag.panel,
        autocompletion=(lambda: list(flag.choices)) if flag.choices else None,
    )
    return Parameter(flag.parameter, Parameter.KEYWORD_ONLY, annotation=Annotated[kind | None, option], default=None)
