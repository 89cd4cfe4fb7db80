"""The fleet file: TOML to a `Fleet`, refused where it cannot be meant so."""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from importer.amounts import seconds_of
from importer.cli.flags import FLAGS
from importer.errors import UsageError
from importer.fleet.model import AT_ONCE, RETRIES, Account, Fleet, Import, Tls
from importer.near_miss import did_you_mean
from importer.sharing.redis_address import parse_address

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VARIABLE: Final = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")
_TOKEN: Final = re.compile(r"(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|command:.+)")
_RESERVED: Final = frozenset({"con", "prn", "aux", "nul"})  # names that Windows gives no file
#: Settings of `importer run` which the fleet sets itself, or at which nobody would be there to answer.
_OWN: Final = frozenset(
    {
        *("mapping", "mode", "ledger", "account_lock", "limit_file", "limit_redis"),
        *("token_file", "token_command", "oauth_file"),
        *("base_url", "config", "json", "yes", "quiet", "progress", "dry_run", "canary", "metrics_file"),
    }
)
OPTIONS: Final = {flag.name: flag for flag in FLAGS if "run" in flag.commands.split() and flag.name not in _OWN}


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _FleetTable(_Table):
    directory: Annotated[str, Field(min_length=1)]
    engine: str = "local"
    at_once: Annotated[int, Field(ge=1, le=10_000)] = AT_ONCE
    retries: Annotated[int, Field(ge=0, le=1_000)] = RETRIES
    wait_max: str | int = "1h"
    worker_ttl: Annotated[int, Field(ge=5, le=86_400)] = 60
    tls: "_TlsTable | None" = None


class _TlsTable(_Table):
    ca: str
    cert: str
    key: str


class _AccountTable(_Table):
    token: str
    limit: str = "file"
    base_url: str | None = None


class _ImportTable(_Table):
    name: str
    account: str
    source: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)]
    mapping: str | None = None
    mode: Literal["create", "upsert"] = "create"
    ledger: str | None = None
    options: dict[str, Any] = {}


class _File(_Table):
    fleet: _FleetTable
    accounts: Annotated[dict[str, _AccountTable], Field(min_length=1)]
    imports: Annotated[list[_ImportTable], Field(min_length=1)]
    options: dict[str, Any] = {}


def read_fleet(path: Path) -> Fleet:
    """Return the fleet that a file describes; paths in it are relative to the file. Blocks.

    Raises:
        UsageError: the file cannot be read, or says something that cannot be meant so.
    """
    try:
        with path.open("rb") as file:
            told = tomllib.load(file)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from None
    try:
        return _fleet(_File.model_validate(told), Path(os.path.abspath(path)).parent)  # noqa: PTH100 - links stay: each host resolves them
    except ValidationError as error:
        raise UsageError(f"{path}: {_explained(error, told)}") from None
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", hint=error.hint) from None


def _fleet(file: _File, base: Path) -> Fleet:
    _check_names("account", file.accounts)
    _check_names("import", [one.name for one in file.imports])
    accounts = {name: _account(name, table, base) for name, table in file.accounts.items()}
    _check_twice((one.token, f"the token {one.token}", f"account {one.name}") for one in accounts.values())
    imports = tuple(_import(one, file.options, base) for one in file.imports)
    for one in imports:
        if one.account not in accounts:
            raise UsageError(
                f'import {one.name}: there is no account "{one.account}"{did_you_mean(one.account, accounts)}'
            )
    _check_twice((one.ledger, f"the ledger {one.ledger}", f"import {one.name}") for one in imports)
    _check_twice(
        ((source, one.account), f"the source {source} for account {one.account}", f"import {one.name}")
        for one in imports
        for source in one.sources
    )
    table = file.fleet
    if table.engine != "local" and not re.fullmatch(r"(tls|tcp)://\S+", table.engine):
        raise UsageError(f'[fleet] engine must be "local" or "tls://HOST:PORT", not "{table.engine}"')
    paths = {name: _beside(base, value) for name, value in (table.tls.model_dump() if table.tls else {}).items()}
    try:
        wait_max_s = seconds_of(str(table.wait_max))
    except ValueError as error:
        raise UsageError(f"[fleet] wait_max: {error}") from None
    return Fleet(
        directory=_beside(base, table.directory), accounts=accounts, imports=imports, engine=table.engine,
        at_once=table.at_once, retries=table.retries, wait_max_s=wait_max_s, tls=Tls(**paths) if paths else None,
        worker_ttl_s=float(table.worker_ttl),
    )  # fmt: skip


def _account(name: str, table: _AccountTable, base: Path) -> Account:
    if not _TOKEN.fullmatch(table.token):
        raise UsageError(  # what stands there may be the token itself, so it is not quoted
            f"accounts.{name}.token must say where the token is",
            hint="Write env:NAME, file:PATH or command:COMMAND. The token itself never stands in a fleet file.",
        )
    _check_limit(name, table.limit)
    kind, _, place = table.token.partition(":")
    token = f"file:{_beside(base, place)}" if kind == "file" else table.token
    return Account(name=name, token=token, limit=table.limit, base_url=table.base_url)


def _check_limit(name: str, limit: str) -> None:
    what = f"accounts.{name}.limit"
    if limit.startswith(("redis://", "rediss://")):
        address = parse_address(limit, what, account=name)
        if address.user or address.password:
            raise UsageError(
                f"{what}: user and password must not stand in a fleet file",
                hint='Write limit = "env:NAME", and set NAME to the address where the imports run.',
            )
    elif limit not in {"file", "none"} and not _VARIABLE.fullmatch(limit):
        raise UsageError(f'{what} must be "file", "none", "redis://…" or "env:NAME"')


def _import(table: _ImportTable, shared: Mapping[str, Any], base: Path) -> Import:
    given = [table.source] if isinstance(table.source, str) else table.source
    if "-" in given:
        raise UsageError(f"import {table.name}: standard input cannot be a source of a fleet's import")
    sources = tuple(source if "://" in source else _beside(base, source) for source in given)
    if table.ledger is None and (len(sources) > 1 or "://" in sources[0] or set("*?[") & set(sources[0])):
        raise UsageError(f"import {table.name}: several files, patterns and addresses need ledger = …")
    options = {**shared, **table.options}
    for name in options:
        if name in _OWN:
            raise UsageError(f'import {table.name}: the fleet sets "{name}" itself', hint=_WHERE.get(name))
        if name not in OPTIONS:
            raise UsageError(f'import {table.name}: there is no option "{name}"{did_you_mean(name, OPTIONS)}')
    mapping = table.mapping
    if mapping is not None and (os.sep in mapping or mapping.endswith(".toml")):
        mapping = _beside(base, mapping)
    return Import(
        name=table.name, account=table.account, sources=sources, mapping=mapping, mode=table.mode, options=options,
        ledger=_beside(base, table.ledger) if table.ledger is not None else f"{sources[0]}.ledger",
    )  # fmt: skip


_WHERE: Final = {
    **dict.fromkeys(("mapping", "mode", "ledger"), "It has a key of its own, outside of options."),
    **dict.fromkeys(("token_file", "token_command"), 'Write token = "file:…" or "command:…" for the account.'),
    "base_url": "It belongs to the account.",
    **dict.fromkeys(("limit_file", "limit_redis"), 'It belongs to the account: limit = "file", or "redis://…".'),
}


def _beside(base: Path, path: str) -> str:
    """Return an absolute path; `..` is folded, so that two spellings of one path are seen to be one."""
    return os.path.normpath(base / path)


def _check_names(kind: str, names: Iterable[str]) -> None:
    """Refuse names that cannot be those of files, and two that one file would stand for on some systems."""
    seen: dict[str, str] = {}
    for name in names:
        if not _NAME.fullmatch(name) or name.casefold().partition(".")[0] in _RESERVED:
            raise UsageError(
                f"{kind} {name!r} has a name that cannot be a file's",
                hint="Use up to 100 letters, digits, dots, hyphens and underscores, beginning with a letter or digit.",
            )
        if name.casefold() in seen:
            raise UsageError(f'the {kind} name "{name}" is there twice')
        seen[name.casefold()] = name


def _check_twice(told: Iterable[tuple[object, str, str]]) -> None:
    seen: dict[object, str] = {}
    for key, what, who in told:
        if key in seen:
            raise UsageError(f"{what} is used by {seen[key]} and by {who}")
        seen[key] = who


def _explained(error: ValidationError, told: Mapping[str, Any]) -> str:
    """Return the first thing that is wrong in one sentence, without the value of a token."""
    wrong = error.errors(include_url=False, include_context=False)[0]
    place = list(wrong["loc"])
    if len(place) > 1 and place[0] == "imports" and isinstance(place[1], int):
        one = told["imports"][place[1]]
        name = one.get("name") if isinstance(one, dict) else None
        place = [f"import {name}" if isinstance(name, str) else f"import {place[1] + 1}", *place[2:]]
    where = ".".join(str(part) for part in place if part not in {"constrained-str", "list[constrained-str]"})
    if wrong["type"] == "extra_forbidden":
        return f'there is no key "{where}"{did_you_mean(str(place[-1]), _known(wrong["loc"]))}'
    if wrong["type"] == "missing":
        return f'"{where}" is missing'
    return f"{where}: {wrong['msg'].removeprefix('Input ').replace('should be', 'must be')}"


def _known(loc: tuple[int | str, ...]) -> Iterable[str]:
    tables: dict[object, type[_Table]] = {"accounts": _AccountTable, "imports": _ImportTable, "fleet": _FleetTable}
    if "tls" in loc[:-1]:
        return _TlsTable.model_fields
    return (tables[loc[0]] if len(loc) > 1 and loc[0] in tables else _File).model_fields
