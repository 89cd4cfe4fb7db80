"""Flags and arguments of the table of commands as the parameters that typer reads."""

from collections.abc import Callable
from importlib import import_module
from inspect import Parameter
from typing import Annotated, Any

import typer

from importer.cli.flags import Flag


def argument(metavar: str, values: str = "") -> Parameter:
    """Return what a command takes besides options: SOURCE..., LEDGER, or [CODE] where it may be left out.

    `values` names the function (module:function) that a shell's completion asks; it is loaded no earlier.
    """
    several, optional = metavar.endswith("..."), metavar.startswith("[")
    kind: Any = list[str] if several else str | None if optional else str
    completed = _completer(values) if values else None
    told = Annotated[kind, typer.Argument(metavar=metavar.strip("[]."), show_default=False, autocompletion=completed)]
    return Parameter("argument", Parameter.KEYWORD_ONLY, annotation=told, default=None if optional else Parameter.empty)


def _completer(place: str) -> Callable[[str], list[tuple[str, str]]]:
    def complete(incomplete: str) -> list[tuple[str, str]]:
        module, function = place.split(":")
        told: list[tuple[str, str]] = getattr(import_module(module), function)()
        return [(value, meaning) for value, meaning in told if value.startswith(incomplete)]

    return complete


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
