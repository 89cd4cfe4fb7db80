"""`config`: every setting as it stands, and where it comes from, in the form of a configuration file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from importer.amounts import FailureLimit
from importer.cli.errors import show_error
from importer.cli.flags import FLAGS, IN_FILE, Flag
from importer.cli.screen import Screen, clean
from importer.errors import ExitStatus, ImporterError, UsageError
from importer.near_miss import did_you_mean
from importer.settings import TABLE, Loaded, Settings, load
from importer.sharing.redis_address import without_credentials


def show(argument: str | None, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Print the settings that a run would have here; return the exit status."""
    del argv
    screen = Screen()
    try:
        if argument not in {None, "show"}:
            near = did_you_mean(str(argument), ("show",))
            raise UsageError(f'config has no "{argument}"{near}', hint="importer config show --origin")
        loaded = load({"config": flags.get("config")})
        for notice in loaded.notices:
            screen.say(f"notice: {notice}", style="yellow")
        screen.data(clean(text(loaded, origins=bool(flags.get("origin")))))
    except ImporterError as error:
        return show_error(error, screen)
    return int(ExitStatus.OK)


def text(loaded: Loaded, *, origins: bool = False) -> str:
    """Return the settings as TOML; what has no value is a comment.

    Each that somebody set is followed by where; with `origins`, so is each that has its default.
    """
    lines: list[tuple[str, str]] = []
    for flag in IN_FILE.values():
        line = assignment(flag, getattr(loaded.settings, flag.field))
        lines.append((line, loaded.origins.get(flag.name) or ("default" if origins else "")))
    widest = max(len(line) for line, _ in lines) if origins else 0
    told = [f"{line:<{widest}}  # {origin}" if origin else line for line, origin in lines]
    token = "set" if loaded.settings.token is not None else "not set"
    return "\n".join([f"[{TABLE}]", *told, f"# the token in the environment is {token}"])


def default_file() -> str:
    """Return config/default.toml: every setting with its meaning and its default."""
    lines = [
        "# Every setting with its default. Copy what you want to change into importer.toml, or use --config FILE.",
        "# Flags come before the environment, the environment before the file. Each setting is a flag (max_wait:",
        "# --max-wait) and a name in the environment (IMPORTER_MAX_WAIT). What has no default is commented out.",
        "# The token is none of them: it never stands in a file like this one.",
        "",
        f"[{TABLE}]",
    ]
    panel = ""
    defaults = Settings.model_construct()
    for flag in FLAGS:
        if flag.name in IN_FILE:
            lines += [] if flag.panel == panel else ["", f"# {flag.panel}", ""]
            panel = flag.panel
            choices = f" ({flag.metavar})" if flag.choices else ""
            lines += [f"# {flag.help}{choices}", assignment(flag, getattr(defaults, flag.field))]
    return "\n".join(lines) + "\n"


def assignment(flag: Flag, value: Any) -> str:
    """Return a setting as a line of TOML; a comment when it has no value."""
    if value is None:
        return f"# {flag.name} ="
    match value:
        case bool():
            shown = str(value).lower()
        case tuple():
            shown = "[" + ", ".join(json.dumps(one) for one in value) + "]"
        case SecretStr():  # the one setting of the kind is an address
            shown = json.dumps(without_credentials(value.get_secret_value()))
        case Path() | str() | FailureLimit():
            shown = json.dumps(str(value))
        case _:
            shown = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{flag.name} = {shown}"
