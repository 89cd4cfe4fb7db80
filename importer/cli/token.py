"""The token: from the environment, from a file that nobody else can read, or from a command; never from argv."""

import os
import shlex
import stat
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from importer import platforms
from importer.cli.flags import TOKEN_VARIABLE
from importer.errors import AccessError, ImporterError, UsageError
from importer.settings import Settings

_COMMAND_S: Final = 30.0
_BYTES_MAX: Final = 4096
NO_TOKEN_HINT: Final = (
    "In HubSpot, make a service key (Settings, Integrations, Service Keys) with the scopes marketing.campaigns.read "
    f"and marketing.campaigns.write, then set {TOKEN_VARIABLE}, or use --token-file or --token-command. "
    "To try without one: --simulate."
)


class Token:
    """The token as it was last given: call it for the secret, `renew` it after a refusal."""

    def __init__(self, ask: Callable[[], str]) -> None:
        """Ask once."""
        self._ask = ask
        self._held = SecretStr(ask())

    def __call__(self) -> str:
        """Return the secret."""
        return self._held.get_secret_value()

    def renew(self) -> bool:
        """Ask again; return whether another token was given. Blocks."""
        before = self()
        with suppress(ImporterError):
            self._held = SecretStr(self._ask())
        return self() != before


def token_source(settings: Settings) -> Token:
    """Return what gives the token, having asked it once.

    Raises:
        AccessError: there is no token, or the command that prints it failed.
        UsageError: the token's file can be read by others.
    """
    file, command, secret = settings.token_file, settings.token_command, settings.token
    if file is not None:
        return Token(lambda: read_token_file(file))
    if command is not None:
        return Token(lambda: run_token_command(command))
    if secret is not None:
        return Token(lambda: _checked(secret.get_secret_value(), TOKEN_VARIABLE))
    raise AccessError("there is no HubSpot token", hint=NO_TOKEN_HINT)


def read_token_file(path: Path) -> str:
    """Return the token in `path`, which nobody but its owner may read."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if platforms.others_may_read(mode):
                raise UsageError(
                    f"the token file {path} can be read by others (mode {mode:04o})",
                    hint=f"Run: chmod 600 {shlex.quote(str(path))}",
                )
            held = file.read(_BYTES_MAX + 1)
    except OSError as error:
        raise AccessError(f"the token file {path} cannot be read: {error.strerror or error}") from None
    return _checked(held.decode("utf-8", "replace"), f"the token file {path}")


def run_token_command(command: str) -> str:
    """Return what `command` prints; it runs without a shell and has 30 s."""
    hint = "Try the command by itself: it must print the token, and only that, within 30 s."
    try:
        argv = shlex.split(command)
        done = subprocess.run(  # noqa: S603 - the user's own command, without a shell # nosec B603
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=_COMMAND_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise AccessError("the token command did not end in time", hint=hint) from None
    except (OSError, ValueError, IndexError) as error:
        raise AccessError(f"the token command cannot be run: {error}", hint=hint) from None
    if done.returncode != 0:
        raise AccessError(f"the token command failed with status {done.returncode}", hint=hint)
    return _checked(done.stdout.decode("utf-8", "replace"), "the output of the token command")


def _checked(held: str, where: str) -> str:
    """Return the token that `held` is; never quote it."""
    token = held.strip()
    if not token:
        raise AccessError(f"{where} is empty", hint=NO_TOKEN_HINT)
    if len(token) > _BYTES_MAX or not (token.isascii() and token.isprintable()) or " " in token:
        raise AccessError(f"{where} is not a token: it must be one line of plain characters without spaces")
    return token
