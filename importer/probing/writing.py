"""A probe as probe-report.md for people and probe.json for programs: 0600, without token and portal id."""

import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from importer import platforms
from importer.errors import UsageError
from importer.probing.findings import ASSUMPTIONS, Finding, of_assumption

REPORT: Final = "probe-report.md"
DATA: Final = "probe.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A probe that is over."""

    name: str  #: begins the name of every campaign it made
    at: str  #: ISO 8601
    tool: str  #: version of the importer
    base_url: str
    api_version: str
    account_kind: str | None  #: STANDARD, SANDBOX, …
    simulated: bool
    settle_s: float
    made_most: int  #: campaigns that it could make
    made: int
    archived: int
    left: Mapping[str, str]  #: id → name of what could not be archived
    requests: int
    ended: str | None  #: why it ended early
    findings: tuple[Finding, ...]
    creates: Sequence[dict[str, Any]]  #: the requests that created, and the shape of their answers


def as_json(probe: Probe) -> dict[str, Any]:
    """Return a probe as plain JSON values."""
    said = {name: str(of_assumption(probe.findings, name)) for name in ASSUMPTIONS}
    return {"schema": 1, **asdict(probe), "assumptions": said}


def as_report(probe: Probe) -> str:
    """Return a probe as Markdown."""
    where = "a simulated account" if probe.simulated else f"{probe.base_url} ({probe.account_kind or 'kind unknown'})"
    lines = [
        "# What HubSpot answered",
        "",
        f"`importer probe`, version {probe.tool}, {probe.at}, API {probe.api_version}, {where}.",
        f"Made {probe.made} campaigns (at most {probe.made_most}), named `{probe.name} …`; archived {probe.archived}.",
        "",
    ]
    if probe.ended:
        lines += [f"**It ended early: {probe.ended}.**", ""]
    if probe.left:
        lines += ["**Not archived** (archive them in HubSpot):", ""]
        lines += [f"- `{campaign}` {_code(name)}" for campaign, name in probe.left.items()] + [""]
    lines += ["| assumption | | verdict |", "|---|---|---|"]
    lines += [f"| {name} | {words} | {of_assumption(probe.findings, name)} |" for name, words in ASSUMPTIONS.items()]
    for finding in probe.findings:
        about = f"{finding.assumption}: " if finding.assumption else ""
        lines += ["", f"## {finding.question}", "", f"{about}**{finding.verdict}**. {_code(finding.answer)}", ""]
        lines += [f"- {_code(line)}" for line in finding.evidence]
    return "\n".join(lines).rstrip("\n") + "\n"


def _code(text: str) -> str:
    """Return `text` so that Markdown shows it as it is, on one line."""
    return "`{}`".format(" ".join(text.split()).replace("`", "'")) if text else ""


def prepare(folder: Path) -> None:
    """Make sure that the report can be written, before anything is asked; raise `UsageError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"the report cannot be written into {folder}: {error.strerror or error}") from None


def write(folder: Path, probe: Probe, *, secrets: Sequence[str]) -> None:
    """Write both files; each of `secrets` is struck out wherever it stands. Raises `OSError`."""
    _write(folder / REPORT, scrubbed(as_report(probe), secrets))
    _write(folder / DATA, scrubbed(json.dumps(as_json(probe), indent=2) + "\n", secrets))


def scrubbed(text: str, secrets: Sequence[str]) -> str:
    """Return `text` without `secrets`, where they stand as words of their own."""
    for secret in secrets:
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "[left out]", text) if secret else text
    return text


def _write(path: Path, text: str) -> None:
    number = os.open(path, platforms.opening(os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 0o600)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        platforms.keep_private(number)
        file.write(text)
