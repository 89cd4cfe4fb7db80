"""The settings of runs that nobody watches: limits, hooks, credentials that end, metrics, logs that turn over."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode

from importer.amounts import FailureLimit, seconds_of, share_of
from importer.limits import OUTCOMES
from importer.near_miss import did_you_mean

EVENTS: Final = ("end", "failure", "stall")
CLIENT_ID_VARIABLE: Final = "HUBSPOT_CLIENT_ID"
CLIENT_SECRET_VARIABLE: Final = "HUBSPOT_CLIENT_SECRET"  # noqa: S105 - a name, no secret
REFRESH_TOKEN_VARIABLE: Final = "HUBSPOT_REFRESH_TOKEN"  # noqa: S105 - a name, no secret
HOOK_SECRET_VARIABLE: Final = "IMPORT_HOOK_SECRET"  # noqa: S105 - a name, no secret


def _split(value: object) -> object:
    """Let text hold several names, separated by commas, wherever a list is wanted."""
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        return value
    return tuple(name.strip() for part in parts for name in part.split(",") if name.strip())


def seconds_if_text(value: object) -> object:
    """Return the seconds of a time with a unit; what has none is left as it is, to be checked as a number."""
    return seconds_of(value) if isinstance(value, str) and value.strip()[-1:].isalpha() else value


def _share(value: object) -> object:
    return share_of(value) if isinstance(value, str) else value


def _limit(value: object) -> object:
    return FailureLimit.parse(str(value)) if isinstance(value, str | int) else value


def _outcomes(names: tuple[str, ...]) -> tuple[str, ...]:
    _refuse_unknown(names, OUTCOMES)
    if "none" in names and len(names) > 1:
        raise ValueError("must name outcomes, or none alone")
    return names


def _events(names: tuple[str, ...]) -> tuple[str, ...]:
    _refuse_unknown(names, EVENTS)
    return names


def _refuse_unknown(names: tuple[str, ...], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f'must be made of {", ".join(known)}: there is no "{name}"{did_you_mean(name, known)}')


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Time = Annotated[float, BeforeValidator(seconds_if_text), Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, BeforeValidator(_share), Field(gt=0, le=1, allow_inf_nan=False)]


class UnattendedSettings(BaseSettings):
    """Settings that matter where a run is one of many."""

    max_duration: Time | None = None
    max_failures: Annotated[FailureLimit | None, BeforeValidator(_limit)] = None
    quota_share: Share = 1.0
    fail_on: Annotated[Names, AfterValidator(_outcomes)] = ("failed", "unresolved", "unexpected")

    account_lock: Path | None = None
    limit_file: Path | None = None
    limit_redis: SecretStr | None = None

    hook_command: str | None = None
    hook_url: str | None = None
    hook_secret_file: Path | None = None
    hook_on: Annotated[Names, AfterValidator(_events)] = EVENTS
    stall_after: Time = 900.0
    metrics_file: Path | None = None
    otlp_endpoint: str | None = None
    metrics_every: Time = 15.0
    log_max_bytes: int = Field(default=10_000_000, ge=1_000)
    log_keep: int = Field(default=5, ge=0, le=1_000)

    oauth_file: Path | None = None
    client_id: str | None = Field(default=None, validation_alias=CLIENT_ID_VARIABLE)
    client_secret: SecretStr | None = Field(default=None, validation_alias=CLIENT_SECRET_VARIABLE)
    refresh_token: SecretStr | None = Field(default=None, validation_alias=REFRESH_TOKEN_VARIABLE)
    hook_secret: SecretStr | None = Field(default=None, validation_alias=HOOK_SECRET_VARIABLE)
