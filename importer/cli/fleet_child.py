"""The process of one import of a fleet: `python -m importer.cli.fleet_child FLEET.toml NAME`.

It is `importer run` with what the fleet file says, and it stops when its standard input ends, which is when whoever
began it is gone. The token goes from where the file says it is to the run, within this process.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from importer.cli.errors import show_error
from importer.cli.flags import ENVIRONMENT_PREFIX, IN_FILE, TOKEN_VARIABLE
from importer.cli.screen import Screen
from importer.errors import AccessError, ImporterError, UsageError
from importer.fleet import places
from importer.fleet.file import OPTIONS, read_fleet
from importer.fleet.model import Account, Fleet, Import
from importer.sharing.redis_address import parse_address

_DRAIN_S: Final = 10.0  #: after the end of the driver, for requests on their way
_CUT_S: Final = 5.0  #: after that, for the ledger


def main() -> None:
    """Run the import and exit with its status."""
    tied = threading.Thread(target=_follow, daemon=True, name="lifeline")
    tied.start()
    try:
        path, name = sys.argv[1:]
        fleet = read_fleet(Path(path))
        one = next((one for one in fleet.imports if one.name == name), None)
        if one is None:
            raise UsageError(f"{path} has no import {name}")
        account = fleet.accounts[one.account]
        own = dict(environment(account, os.environ))
    except ImporterError as error:
        sys.exit(show_error(error, Screen(), as_json=True))
    os.environ.clear()
    os.environ.update(own)
    sys.argv[1:] = arguments(fleet, one, account)
    from importer.cli import entering  # noqa: PLC0415 - slow to load: the tie and the fleet file come first

    entering.main()


def _follow() -> None:
    """Stop this process, as gently as it lets itself be stopped, when standard input ends."""
    while os.read(0, 4096):
        pass
    waiting = threading.Event()
    os.kill(os.getpid(), signal.SIGTERM)
    waiting.wait(_DRAIN_S)
    os.kill(os.getpid(), signal.SIGTERM)
    waiting.wait(_CUT_S)
    os._exit(143)


def environment(account: Account, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the environment of the run: the account's token, nobody else's, and no settings but the fleet file's.

    Raises:
        AccessError: the variable that is to hold the token is not set.
        UsageError: that of the limit is not, or holds no address.
    """
    for name, value in given.items():
        if not name.startswith(ENVIRONMENT_PREFIX) and name != TOKEN_VARIABLE:
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


if __name__ == "__main__":
    main()
