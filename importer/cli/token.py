"""The token: from the environment, a file that nobody else can read, a command, or OAuth; never from argv."""

import os
import shlex
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Final

from pydantic import SecretStr, ValidationError

from importer import platforms
from importer.cli.flags import TOKEN_VARIABLE
from importer.errors import AccessError, ImporterError, UsageError
from importer.hubspot.endpoint import TransportPolicy
from importer.oauth import Credentials, OAuthTokens
from importer.posting import check_address
from importer.settings import Settings
from importer.unattended import CLIENT_ID_VARIABLE, CLIENT_SECRET_VARIABLE, REFRESH_TOKEN_VARIABLE

_COMMAND_S: Final = 30.0
_BYTES_MAX: Final = 4096
_MARGIN_S: Final = 300.0  #: before its end, a token is renewed
_REMEMBERED: Final = 8  #: earlier tokens that are still kept out of logs
NO_TOKEN_HINT: Final = (
    "In HubSpot, make a service key (Settings, Integrations, Service Keys) with the scopes marketing.campaigns.read "
    f"and marketing.campaigns.write, then set {TOKEN_VARIABLE}, or use --token-file or --token-command. "
    "To try without one: --simulate."
)


def _for_ever() -> float | None:
    return None


def _no_more() -> Iterator[str]:
    return iter(())


class Token:
    """The token as it was last given: call it for the secret, `renew` it before its end or after a refusal."""

    def __init__(
        self,
        ask: Callable[[], str],
        lives_s: Callable[[], float | None] = _for_ever,
        more_secrets: Callable[[], Iterator[str]] = _no_more,
    ) -> None:
        """Ask once; `lives_s` tells how many seconds the latest one lives, `more_secrets` what else to hide."""
        self._ask, self._lives_s, self._more = ask, lives_s, more_secrets
        self._asking = threading.Lock()
        self._held = [SecretStr(ask())]
        self._given_at = time.monotonic()

    def __call__(self) -> str:
        """Return the secret."""
        return self._held[-1].get_secret_value()

    def renew(self) -> bool:
        """Ask again; return whether another token was given. Blocks."""
        with self._asking, suppress(ImporterError):
            before, given = self(), self._ask()
            self._given_at = time.monotonic()
            if given != before:
                self._held = [*self._held[1 - _REMEMBERED :], SecretStr(given)]
                return True
        return False

    def renew_in(self) -> float | None:
        """Return the seconds after which it should be renewed; None for a token that serves until it is refused."""
        lives_s = self._lives_s()
        if lives_s is None:
            return None
        return self._given_at + lives_s - min(_MARGIN_S, lives_s / 3) - time.monotonic()

    def secrets(self) -> Iterator[str]:
        """Yield what must stand nowhere: this token, those before it, and what they were asked for with."""
        return chain((one.get_secret_value() for one in self._held), self._more())


def token_source(settings: Settings) -> Token:
    """Return what gives the token, having asked it once.

    Raises:
        AccessError: there is no token, or who gives it failed.
        UsageError: a file with a secret can be read by others, or does not hold what it should.
    """
    file, command, secret = settings.token_file, settings.token_command, settings.token
    if file is not None:
        return Token(lambda: read_token_file(file))
    if command is not None:
        return Token(lambda: run_token_command(command))
    credentials = credentials_of(settings)
    if credentials is not None:
        address = settings.base_url or TransportPolicy().base_url
        check_address(address, "the base URL")
        oauth = OAuthTokens(credentials=credentials, base_url=address, api_version=settings.api_version)
        return Token(lambda: checked(oauth(), "HubSpot's answer"), lambda: oauth.lives_s, oauth.secrets)
    if secret is not None:
        return Token(lambda: checked(secret.get_secret_value(), TOKEN_VARIABLE))
    raise AccessError("there is no HubSpot token", hint=NO_TOKEN_HINT)


def credentials_of(settings: Settings) -> Credentials | None:
    """Return the credentials of an installed app, from the file or the environment; None where there are none."""
    if settings.oauth_file is not None:
        held = read_private(settings.oauth_file, "the OAuth file")
        with suppress(ValidationError):
            return Credentials.model_validate_json(held)
        raise UsageError(
            f"the OAuth file {settings.oauth_file} does not hold what it should",
            hint='It is JSON: {"client_id": "…", "client_secret": "…", "refresh_token": "…"}.',
        )
    known = {"client_id": settings.client_id, "client_secret": settings.client_secret}
    known["refresh_token"] = settings.refresh_token
    if settings.token is not None and settings.refresh_token is None:
        return None
    if not any(known.values()):
        return None
    names = (CLIENT_ID_VARIABLE, CLIENT_SECRET_VARIABLE, REFRESH_TOKEN_VARIABLE)
    missing = [name for name, value in zip(names, known.values(), strict=True) if not value]
    if missing:
        raise UsageError(f"for OAuth there is no {' and no '.join(missing)}", hint=f"Set {', '.join(names)}.")
    return Credentials.model_validate(known)


def read_token_file(path: Path) -> str:
    """Return the token in `path`, which nobody but its owner may read."""
    return checked(read_private(path, "the token file").decode("utf-8", "replace"), f"the token file {path}")


def read_private(path: Path, what: str) -> bytes:
    """Return what the small file `path` holds; raise `UsageError` where others may read it."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if platforms.others_may_read(mode):
                raise UsageError(
                    f"{what} {path} can be read by others (mode {mode:04o})",
                    hint=f"Run: chmod 600 {shlex.quote(str(path))}",
                )
            return file.read(_BYTES_MAX + 1)
    except OSError as error:
        raise AccessError(f"{what} {path} cannot be read: {error.strerror or error}") from None


def run_token_command(command: str, *, seconds: float = _COMMAND_S) -> str:
    """Return what `command` prints; it runs without a shell, has 30 s, and its stderr is shown as it is."""
    hint = f"Try the command by itself: it must print the token, and only that, within {seconds:g} s."
    try:
        argv = shlex.split(command)
        with subprocess.Popen(  # noqa: S603 - the user's own command, without a shell # nosec B603
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
        ) as process:
            try:
                printed, _ = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                # The whole group: what the command itself has started may hold its output open.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise AccessError("the token command did not end in time", hint=hint) from None
    except (OSError, ValueError, IndexError) as error:
        raise AccessError(f"the token command cannot be run: {error}", hint=hint) from None
    if process.returncode != 0:
        raise AccessError(f"the token command failed with status {process.returncode}", hint=hint)
    return checked(printed.decode("utf-8", "replace"), "the output of the token command")


def checked(held: str, where: str) -> str:
    """Return the token that `held` is; never quote it."""
    token = held.strip()
    if not token:
        raise AccessError(f"{where} is empty", hint=NO_TOKEN_HINT)
    if len(token) > _BYTES_MAX or not (token.isascii() and token.isprintable()) or " " in token:
        raise AccessError(f"{where} is not a token: it must be one line of plain characters without spaces")
    return token
