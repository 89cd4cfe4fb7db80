"""Combinations that make no sense are refused, and the ledger lies where it should."""

from pathlib import Path
from typing import Any

import pytest

from importer.cli.combinations import ledger_of, refuse_impossible
from importer.errors import UsageError
from importer.settings import load


@pytest.mark.parametrize(
    ("flags", "sources", "says"),
    [
        ({"simulate": True, "base_url": "https://x"}, ["a.csv"], "--simulate .* --base-url"),
        ({"simulate": True, "token_file": "t"}, ["a.csv"], "--simulate .* --token-file"),
        ({"token_file": "t", "token_command": "c"}, ["a.csv"], "both give the token"),
        ({"fault": ["504"]}, ["a.csv"], "--fault needs --simulate"),
        ({"quiet": True, "progress": "always"}, ["a.csv"], "contradict"),
        ({"canary": True, "dry_run": True}, ["a.csv"], "--canary sends .* --dry-run sends nothing"),
        ({"settle": "60", "settle_max": "30"}, ["a.csv"], "--settle-max must be at least --settle"),
        ({"key": ["Id"], "duplicates": "create"}, ["a.csv"], "--duplicates create is for rows without a key"),
        ({"key": ["Id"], "same_name": "create"}, ["a.csv"], "--same-name create is for rows without a key"),
        ({}, ["-"], "- has no folder for a ledger"),
        ({}, ["a.csv", "b.csv"], "several sources have no folder"),
        ({}, ["https://x/a.csv"], "no folder for a ledger"),
        ({"ledger": "l"}, ["-", "-"], "only once"),
        ({"ledger": "l"}, ["a.csv", "b.csv", "a.csv"], "a.csv is named twice"),
    ],
)
def test_what_cannot_be_meant_is_refused(flags: dict[str, Any], sources: list[str], says: str) -> None:
    """Each impossible combination ends in a usage error that names what contradicts."""
    with pytest.raises(UsageError, match=says):
        refuse_impossible(load(flags), sources)


@pytest.mark.parametrize(
    ("flags", "sources"),
    [
        ({}, ["a.csv"]),
        ({"simulate": True, "fault": ["504"]}, ["a.csv"]),
        ({"ledger": "l"}, ["-"]),
        ({"ledger": "l"}, ["a.csv", "b.csv"]),
        ({"dry_run": True, "retry_failed": True}, ["a.csv"]),
        ({"key": ["Id"]}, ["a.csv"]),
    ],
)
def test_what_makes_sense_passes(flags: dict[str, Any], sources: list[str]) -> None:
    """Sensible combinations are not in the way."""
    refuse_impossible(load(flags), sources)


def test_a_check_needs_no_ledger() -> None:
    """What writes no ledger may read several sources without one."""
    refuse_impossible(load({}), ["a.csv", "b.csv"], needs_ledger=False)


def test_the_ledger_lies_beside_its_source() -> None:
    """By default beside the single file, apart for simulations, and where --ledger says."""
    assert ledger_of(load({}), ["x/a.csv"]) == Path("x/a.csv.ledger")
    assert ledger_of(load({"simulate": True}), ["x/a.csv"]) == Path("x/a.csv.simulated.ledger")
    assert ledger_of(load({"ledger": "l"}), ["x/a.csv"]) == Path("l")
