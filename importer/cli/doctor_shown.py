"""What the doctor found, for people and for scripts."""

import platform
from collections.abc import Sequence
from typing import Any, Final

from importer.cli.screen import Screen
from importer.doctor.findings import Finding
from importer.version import VERSION

_MARKS: Final = {"ok": "✓", "warn": "!", "bad": "✗", "untold": "-"}


def as_objects(found: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return findings for scripts."""
    return [{**one._asdict(), "status": int(one.status)} for one in found]


def show(found: Sequence[Finding], where: str, screen: Screen) -> None:
    """Print findings, with a tick or a remedy each, under a line that says of what."""
    screen.data(f"importer {VERSION}, Python {platform.python_version()}, {platform.system()}; {where}")
    widest = max(len(one.name) for one in found)
    for one in found:
        screen.data(f"{_MARKS[one.state]} {one.name:<{widest}}  {one.says}")
        if one.remedy:
            screen.data(f"  {'':<{widest}}  → {one.remedy}")
