"""Where things are in the fleet's directory. Pure."""

from typing import Final

from importer.fleet.model import Account, Fleet, Import

HISTORY: Final = "history.jsonl"
ROUND: Final = "round.json"
PAGE: Final = "fleet.html"
METRICS: Final = "fleet.prom"
DRIVER_LOCK: Final = "driver.lock"
DRIVER: Final = "driver.lock.holder.json"
ACCOUNTS: Final = "accounts"
LOGS: Final = "logs"


def within(fleet: Fleet, *names: str) -> str:
    """Return the path of something in the fleet's directory, as the fleet file writes paths."""
    return "/".join((fleet.directory.rstrip("/\\"), *names))


def lock_of(fleet: Fleet, account: Account) -> str:
    """Return the path of the account's lock."""
    return within(fleet, ACCOUNTS, f"{account.name}.lock")


def limit_of(fleet: Fleet, account: Account) -> str | None:
    """Return the path of the file through which processes share the account's rate limit, if that is in a file."""
    return within(fleet, ACCOUNTS, f"{account.name}.limit") if account.limit == "file" else None


def log_of(fleet: Fleet, one: Import) -> str:
    """Return the path of what the latest process of an import said."""
    return within(fleet, LOGS, f"{one.name}.log")


def summary_of(fleet: Fleet, one: Import) -> str:
    """Return the path of the summary that the latest process of an import printed."""
    return within(fleet, LOGS, f"{one.name}.json")
