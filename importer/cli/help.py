"""Help that fits a screen: the everyday options first; all of them, under headings, with --help-all."""

from inspect import Parameter
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

_NOTE: Final = """
  Each switch has a --no- form. Each option has a name in the environment (--max-wait: IMPORTER_MAX_WAIT) and
  one in the configuration file (max_wait, in the table [run]); flags come before the environment, the
  environment before the file."""


class CommandWithPanels(TyperCommand):
    """A command whose options stand under headings once all of them are shown."""

    all_shown = False

    def show_all(self) -> None:
        """Show every option, also the rare ones."""
        self.all_shown = True
        for param in self.params:
            if isinstance(param, TyperOption):
                param.hidden = False

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options: under one heading, or under one for each panel when all are shown."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, TyperOption) and not param.hidden:
                panel = (param.rich_help_panel or "Help") if self.all_shown else "Options"
                panels.setdefault(panel, []).append(_record(param, ctx))
        for panel, records in panels.items():
            with formatter.section(panel):
                formatter.write_dl(records)


def _record(param: TyperOption, ctx: Any) -> tuple[str, str]:
    """Return an option's line; of a switch and its contrary, only the switch is shown."""
    names, words = param.get_help_record(ctx) or ("", "")
    return names.split(" / ", maxsplit=1)[0], words


def _show_all(ctx: typer.Context, wanted: bool) -> None:
    if wanted and isinstance(ctx.command, CommandWithPanels):
        ctx.command.show_all()
        typer.echo(ctx.get_help() + "\n" + _NOTE)
        raise typer.Exit


def show_all_commands(ctx: typer.Context, wanted: bool) -> None:
    """Show the help of the program with every command in it, when that is `wanted`, and exit."""
    if wanted and isinstance(ctx.command, TyperGroup):
        for command in ctx.command.commands.values():
            command.hidden = False
        typer.echo(ctx.get_help())
        raise typer.Exit


def help_all() -> Parameter:
    """Return the option that shows all options, as a parameter of a command's function."""
    option = typer.Option(
        "--help-all", callback=_show_all, is_eager=True, help="Show every option and exit.", show_default=False
    )
    return Parameter("help_all", Parameter.KEYWORD_ONLY, annotation=Annotated[bool, option], default=False)
