"""What the process of an import is told: the arguments of `importer run`, and its environment."""

import os
from collections.abc import Iterator, Mapping

from importer.cli.flags import ENVIRONMENT_PREFIX, IN_FILE, TOKEN_VARIABLE
from importer.errors import AccessError, UsageError
from importer.fleet import places
from importer.fleet.file import OPTIONS
from importer.fleet.model import Account, Fleet, Import
from importer.sharing.redis_address import parse_address


def environment(fleet: Fleet, account: Account, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the environment of the run: the account's token, nobody else's, and no settings but the fleet file's.

    The token has its usual name alone: under that in the fleet file, such as PYTHON_TOKEN, a fork server might keep it.

    Raises:
        AccessError: the variable that is to hold the token is not set.
        UsageError: that of the limit is not, or holds no address.
    """
    secret = fleet.variables()
    for name, value in given.items():
        if not name.startswith(ENVIRONMENT_PREFIX) and name != TOKEN_VARIABLE and name not in secret:
            yield name, value
    kind, _, place = account.token.partition(":")
    if kind == "env":
        if not given.get(place):
            raise AccessError(
                f"account {account.name}: {place} is not set", hint="Set it where the import runs, to the token."
            )
        yield TOKEN_VARIABLE, given[place]
    if account.limit not in {"file", "none"}:
        yield IN_FILE["limit_redis"].variable, _limit_address(account, given)


def _limit_address(account: Account, given: Mapping[str, str]) -> str:
    """Return where the account's limit is in Redis, in full; it may hold a password, so it is never an argument."""
    kind, _, place = account.limit.partition(":")
    limit = given.get(place, "") if kind == "env" else account.limit
    if not limit:
        raise UsageError(
            f"account {account.name}: {place} is not set", hint="Set it where the import runs, to an address of Redis."
        )
    return parse_address(limit, f"account {account.name}: its limit", account=account.name).full()


def arguments(fleet: Fleet, one: Import, account: Account) -> list[str]:
    """Return the arguments of `importer run` for an import; no secret is among them."""
    told: dict[str, object] = {
        "config": os.devnull,  # an importer.toml that lies here by chance is not the fleet's
        "ledger": one.ledger,
        "mapping": one.mapping,
        "mode": one.mode,
        "base_url": account.base_url,
        "account_lock": places.lock_of(fleet, account),
        "limit_file": places.limit_of(fleet, account),
        **one.options,
    }
    kind, _, place = account.token.partition(":")
    if kind != "env":
        told[f"token_{kind}"] = place
    words = ["run", "--json", "--yes", "--progress", "never"]
    for name, value in told.items():
        words += _words(name, value)
    return [*words, "--", *one.sources]


def _words(name: str, value: object) -> Iterator[str]:
    option = "--" + name.replace("_", "-")
    if value is None:
        return
    if isinstance(value, bool) and (name not in OPTIONS or OPTIONS[name].kind == "switch"):
        yield option if value else f"--no-{option[2:]}"
        return
    for part in value if isinstance(value, list) else [value]:
        yield f"{option}={part}"
