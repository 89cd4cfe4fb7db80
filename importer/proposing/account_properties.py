"""The account's own properties: asked of HubSpot where the token may, kept in the ledger's folder, with their age."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from importer.hubspot import steps, verdicts
from importer.hubspot.definitions import Definition, dumped, loaded, parse_definitions
from importer.hubspot.inquiries import Inquiries
from importer.hubspot.wire import UnreadableReplyError

FILE: Final = "properties.json"
_MODE: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Properties of an account."""

    definitions: tuple[Definition, ...]
    asked_at: float  #: epoch seconds
    base_url: str


async def ask(inquiries: Inquiries, *, base_url: str, wall: Callable[[], float]) -> Known | str:
    """Ask HubSpot once; return the properties, or a clause that says why they are not told. Cancellation: nothing."""
    verdict = verdicts.judge_read(await inquiries.properties(), parse_definitions)
    if isinstance(verdict.step, steps.Use):
        return Known(definitions=verdict.step.data, asked_at=wall(), base_url=base_url)
    return f"HubSpot answers {verdict.status}" if verdict.status else str(verdict.message)


def keep(folder: Path, known: Known) -> None:
    """Write what is known into a ledger's folder, whole or not at all; raise `OSError`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = folder / f"{FILE}.new"
    held = {"asked_at": known.asked_at, "base_url": known.base_url, "properties": dumped(known.definitions)}
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(held, file, ensure_ascii=False, indent=1)
    fresh.replace(folder / FILE)


def kept(folder: Path, *, base_url: str) -> Known | None:
    """Return what was kept of the account at `base_url`; None where there is nothing that can be read."""
    try:
        held: Any = json.loads((folder / FILE).read_text(encoding="utf-8"))
        known = Known(definitions=loaded(held["properties"]), asked_at=float(held["asked_at"]), base_url=base_url)
    except (OSError, ValueError, KeyError, TypeError, UnreadableReplyError):
        return None
    return known if held["base_url"] == base_url else None


def age(seconds: float) -> str:
    """Return an age in words."""
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = int(seconds // length)
        if count >= 1:
            return f"{count} {unit}{'s' * (count > 1)} ago"
    return "just now"
