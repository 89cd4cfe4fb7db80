"""Settings: flags > environment > file > default, checked once, whoever they come from.

The layers meet in `Settings` (pydantic-settings); `cli.flags` names each setting in all three. What is wrong ends
in a `UsageError` that names the place where the value stands and never the value of a secret. What depends on
several settings at once is refused by `refuse_impossible`. Loaded only by commands that need it.
"""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from importer.cli.flags import ENVIRONMENT_PREFIX, FLAGS, IN_FILE, TOKEN_VARIABLE, Flag
from importer.errors import UsageError
from importer.near_miss import did_you_mean
from importer.unattended import Names, UnattendedSettings, seconds_if_text

TABLE: Final = "run"  #: the table of the configuration file which holds the settings
MAPPING: Final = "mapping"  #: the table which may hold a mapping, as a file for --mapping would
DEFAULT_FILE: Final = "importer.toml"


_HEADING: Final = re.compile(r"\s*\[([^\[\]]+)\]")
_KEY: Final = re.compile(r"\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*=")


def _none_if_auto(value: object) -> object:
    """Let `auto` mean that no number is set."""
    return None if value == "auto" else value


Workers = Annotated[Annotated[int, Field(ge=1, le=1_000)] | None, BeforeValidator(_none_if_auto)]
Seconds = Annotated[float, BeforeValidator(seconds_if_text), Field(gt=0, le=86_400, allow_inf_nan=False)]
Wait = Annotated[float, BeforeValidator(seconds_if_text), Field(ge=0, le=86_400, allow_inf_nan=False)]
Grace = Annotated[float, BeforeValidator(seconds_if_text), Field(ge=0, le=3_600, allow_inf_nan=False)]


class Settings(UnattendedSettings):
    """Every setting with its default; the flags of `cli.flags` have the same names and say what they mean."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    mapping: str | None = None
    allow_property: Names = ()
    format: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    sheet: str | None = None
    max_row_bytes: int = Field(default=1 << 20, ge=1)
    max_bytes: int | None = Field(default=None, ge=1)
    allow_special: bool = False
    limit: int | None = Field(default=None, ge=1)

    key: Names = ()
    key_space: str | None = None
    duplicates: Literal["skip", "create"] = "skip"
    same_name: Literal["fail", "create"] = "fail"
    accept_new_identities: bool = False
    retry_failed: bool = False
    list_skipped: bool = False
    mode: Literal["create", "upsert"] = "create"
    on_conflict: Literal["skip", "overwrite", "fail"] = "skip"
    recreate_missing: bool = False
    check_unchanged: bool = False

    ledger: Path | None = None
    dry_run: bool = False
    canary: bool = False
    simulate: bool = False
    fault: Names = ()
    yes: bool = False
    grace: Grace = 8.0

    token: SecretStr | None = Field(default=None, validation_alias=TOKEN_VARIABLE)
    token_file: Path | None = None
    token_command: str | None = None
    base_url: str | None = None
    api_version: Literal["v3", "2026-03", "2026-09"] = "v3"
    correlation_property: str | None = None

    rate: int | None = Field(default=None, ge=1, le=100_000)
    rate_share: float = Field(default=1.0, gt=0, le=1, allow_inf_nan=False)
    workers: Workers = None
    timeout: Seconds = 110.0
    settle: Wait = 60.0
    settle_max: Seconds = 300.0
    max_wait: Seconds = 900.0
    max_outage: Seconds = 600.0

    json_output: bool = Field(default=False, validation_alias=f"{ENVIRONMENT_PREFIX}JSON")
    quiet: bool = False
    progress: Literal["auto", "always", "never"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_stderr: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Settings and where each came from."""

    settings: Settings
    origins: Mapping[str, str]  #: flag's name → option, variable or file, for those that were set
    notices: tuple[str, ...] = ()  #: for people: what looks like a mistake but may be none

    def given(self, name: str) -> bool:
        """Whether somebody set the flag called `name`, rather than leaving its default."""
        return name in self.origins


def load(flags: Mapping[str, Any]) -> Loaded:
    """Merge `flags` (name → value, None where not given) with the environment and the configuration file.

    Raises:
        UsageError: a value is wrong, a key of the file is unknown, the file cannot be read.
    """
    typed = {name: value for name, value in flags.items() if value is not None and value != []}
    chosen = typed.pop("config", None) or os.environ.get(f"{ENVIRONMENT_PREFIX}CONFIG")
    path = Path(str(chosen)) if chosen else Path(DEFAULT_FILE)
    in_file = read_file(path) if chosen or path.is_file() else {}
    origins = _origins(typed, in_file, path)
    reading = _CONFIGURED.set(_by_field(in_file))
    try:
        settings = _Layered(**_by_field(typed))
    except ValidationError as error:
        raise _explain(error, origins) from None
    finally:
        _CONFIGURED.reset(reading)
    return Loaded(settings=settings, origins=origins, notices=tuple(_strange_variables()))


#: What the configuration file says, by field, for the one reading that goes on: the class is made once, it takes 30 ms.
_CONFIGURED: Final[ContextVar[Mapping[str, Any]]] = ContextVar("configured")


class _Layered(Settings):
    """`Settings` which reads flags, then the environment, then the configuration file."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings  # a file that nobody named is not read
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=dict(_CONFIGURED.get()))


def _by_field(values: Mapping[str, Any]) -> dict[str, Any]:
    return {IN_FILE[name].field: value for name, value in values.items()}


def read_file(path: Path) -> dict[str, Any]:
    """Return table [run] of the configuration file, `mapping` being the file itself where it holds a mapping.

    Raises `UsageError` for what is unreadable or unknown in it.
    """
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from None
    for name in data:
        if name not in {TABLE, MAPPING}:
            near = did_you_mean(name, (TABLE, MAPPING))
            hint = f"Settings stand in [{TABLE}], a mapping in [{MAPPING}]."
            raise UsageError(f'{path}: there is no table or key "{name}"{near}', hint=hint)
    table = data.get(TABLE, {})
    if not isinstance(table, dict):
        raise UsageError(f"{path}: {TABLE} must be a table", hint=f"Write [{TABLE}] on a line of its own.")
    for name in table:
        if "token" in name and name not in IN_FILE:
            raise UsageError(
                f'{path}: the token must not stand in a configuration file ("{name}")',
                hint=f"Set {TOKEN_VARIABLE}, or use token_file or token_command.",
            )
        if name not in IN_FILE:
            raise UsageError(f'{path}: [{TABLE}] has no setting "{name}"{did_you_mean(name, IN_FILE)}')
    if MAPPING in data and MAPPING in table:
        raise UsageError(f"{path}: the mapping stands there twice", hint=f"Leave out [{MAPPING}], or {MAPPING} = ….")
    return {MAPPING: _beside(path), **table} if MAPPING in data else table


def _beside(path: Path) -> str:
    """Return a path which no name of a ready mapping can be taken for."""
    return str(path) if path.is_absolute() else f"./{path}"


def _line_of(text: str, name: str) -> int | None:
    """Return the line on which the file sets `name`: in [run], or the heading of the mapping's table."""
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if heading := _HEADING.match(line):
            table = heading[1]
            if name == MAPPING and table.split(".")[0].strip() == MAPPING:
                return number
        elif table == TABLE and (key := _KEY.match(line)) and key[1] == name:
            return number
    return None


def _origins(typed: Iterable[str], in_file: Mapping[str, Any], path: Path) -> dict[str, str]:
    """Return where each setting that is set comes from, the strongest layer standing."""
    text = path.read_text(encoding="utf-8") if in_file else ""
    own = f"[{MAPPING}]" if in_file.get(MAPPING) == _beside(path) else f"[{TABLE}] {MAPPING}"
    places = {name: own if name == MAPPING else f"[{TABLE}] {name}" for name in in_file}
    origins = {name: f"{_at(path, _line_of(text, name))}: {place}" for name, place in places.items()}
    origins |= {flag.name: flag.variable for flag in IN_FILE.values() if os.environ.get(flag.variable)}
    return origins | {name: IN_FILE[name].option for name in typed}


def _at(path: Path, line: int | None) -> str:
    return str(path) if line is None else f"{path}:{line}"


def _strange_variables() -> Iterable[str]:
    known = [flag.variable for flag in FLAGS]
    for name in sorted(os.environ):
        if name.startswith(ENVIRONMENT_PREFIX) and name not in known:
            yield f"{name} is no setting and is not used{did_you_mean(name, known)}"


_SENTENCES: Final[Mapping[str, str]] = {
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "path_type": "must be a path",
    "tuple_type": "must be a name or a list of names",
    "finite_number": "must be a finite number",
}


def _explain(error: ValidationError, origins: Mapping[str, str]) -> UsageError:
    """Return the first thing that is wrong, with the place where it stands and without the value of a secret."""
    wrong = error.errors(include_url=False, include_context=True)[0]
    flag = _flag_of(str(wrong["loc"][0]))
    if flag is None:
        return UsageError(f"{wrong['loc'][0]} is not usable")
    place = origins.get(flag.name, flag.option)
    shown = f", not {wrong['input']!r}" if isinstance(wrong["input"], str | int | float) else ""
    if wrong["type"] == "literal_error":
        near = did_you_mean(str(wrong["input"]), flag.choices)
        return UsageError(f"{place} must be one of {', '.join(flag.choices)}{shown}{near}")
    says = _SENTENCES.get(wrong["type"]) or _first_lower(
        wrong["msg"].removeprefix("Input ").removeprefix("Value error, ")
    )
    return UsageError(f"{place}: {says}{shown}" if not says.startswith("must") else f"{place} {says}{shown}")


def _first_lower(text: str) -> str:
    return text.replace("should be", "must be", 1)


def _flag_of(place: str) -> Flag | None:
    return next((flag for flag in FLAGS if place in {flag.name, flag.field, flag.variable}), None)
