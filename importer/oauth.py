"""Access tokens of an installed app: HubSpot gives one for half an hour in exchange for the refresh token."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from importer.errors import AccessError, PausedError
from importer.posting import Answer, PostError, post

_PATHS: Final = {"v3": "/oauth/v1/token"}
_DATED_PATH: Final = "/oauth/2026-03/token"
_WAITS_S: Final = (1.0, 4.0)  #: before the second and the third try
_TIMEOUT_S: Final = 30.0
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_TOKEN_CHARACTERS_MAX: Final = 4_096

Post = Callable[[str, bytes, Mapping[str, str]], Answer]


class Credentials(BaseModel):
    """What an installed app is known by; a file for `--oauth-file` holds this as JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    client_id: str = Field(min_length=1)
    client_secret: SecretStr = Field(min_length=1)
    refresh_token: SecretStr = Field(min_length=1)


class _Given(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    access_token: SecretStr = Field(min_length=1, max_length=_TOKEN_CHARACTERS_MAX)
    expires_in: float = Field(gt=0, le=366 * 86_400)
    refresh_token: SecretStr | None = None


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    return post(url, body, headers, timeout_s=_TIMEOUT_S)


@dataclass(slots=True, kw_only=True)
class OAuthTokens:
    """Asks for access tokens: call it for a new one."""

    credentials: Credentials = field(repr=False)
    base_url: str
    api_version: str = "v3"
    post: Post = field(default=_post, repr=False)
    sleep: Callable[[float], None] = time.sleep
    lives_s: float | None = None  #: seconds that the latest token lives

    def __call__(self) -> str:
        """Return a new access token. Blocks; a server that is away is asked three times.

        Raises:
            AccessError: HubSpot does not take the credentials.
            PausedError: the token could not be asked for.
        """
        why = ""
        for wait_s in (0.0, *_WAITS_S):
            self.sleep(wait_s)
            try:
                answer = self.post(self._url, self._body(), _FORM)
            except PostError as error:
                why = str(error)
                continue
            if answer.status == 200:
                return self._taken(answer)
            if answer.status != 429 and answer.status < 500:
                raise AccessError(
                    f"HubSpot gives no token for these credentials ({answer.status}{_said(answer)})",
                    hint="Check client id, client secret and refresh token; the app may have been uninstalled.",
                )
            why = f"HubSpot answers {answer.status}"
        raise PausedError(f"no token could be asked for: {why}", hint="Run the same command again later.")

    def secrets(self) -> Iterator[str]:
        """Yield what must stand nowhere."""
        yield self.credentials.client_secret.get_secret_value()
        yield self.credentials.refresh_token.get_secret_value()

    @property
    def _url(self) -> str:
        return self.base_url.rstrip("/") + _PATHS.get(self.api_version, _DATED_PATH)

    def _body(self) -> bytes:
        held = self.credentials
        form = {
            "grant_type": "refresh_token",
            "client_id": held.client_id,
            "client_secret": held.client_secret.get_secret_value(),
            "refresh_token": held.refresh_token.get_secret_value(),
        }
        return urlencode(form).encode()

    def _taken(self, answer: Answer) -> str:
        """Return the token of an answer; a refresh token that came with it is used from now on, in this run."""
        try:
            given = _Given.model_validate_json(answer.body)
        except ValidationError:
            raise AccessError("HubSpot's answer holds no token", hint="Check the base URL.") from None
        self.lives_s = given.expires_in
        if given.refresh_token is not None and given.refresh_token.get_secret_value():
            self.credentials = self.credentials.model_copy(update={"refresh_token": given.refresh_token})
        return given.access_token.get_secret_value()


def _said(answer: Answer) -> str:
    """Return HubSpot's short word for what is wrong, where there is one that is surely no secret."""
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return ""
    word = told.get("status") or told.get("error") if isinstance(told, dict) else None
    short = isinstance(word, str) and len(word) <= 40 and word.replace("_", "").isalpha()
    return f", {word}" if short else ""
