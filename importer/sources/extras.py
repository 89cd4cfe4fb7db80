"""Libraries that only some sources need: loaded when one is opened, and asked for by the name of their extra."""

from importlib import import_module
from typing import Any, Final

from importer.errors import UsageError

PROJECT: Final = "campaign-importer"  #: as it is installed


def load(module: str, *, extra: str, what: str) -> Any:
    """Return the module called `module`.

    Raises `UsageError`, with the command that installs it, when `what` needs it and it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise UsageError(
            f'{what} needs the extra "{extra}"', hint=f"Install it: pip install '{PROJECT}[{extra}]'"
        ) from error
