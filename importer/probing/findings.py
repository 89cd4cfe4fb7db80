"""A question to HubSpot, with its answer, what it rests on, and what it says of an assumption. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from importer.errors import ExitStatus

#: The assumptions of docs/explanation/assumptions.md, as they are called there.
ASSUMPTIONS: Final = {
    "A1": "a refusal makes nothing",
    "A2": "createdAt follows the server's clock",
    "A3": "what was made shows in the list soon",
    "A4": "ids are unique and stable",
}


class Verdict(StrEnum):
    """What a finding says of its assumption."""

    HOLDS = "holds"
    BROKEN = "broken"
    CANNOT_TELL = "cannot tell"  #: asked, and the answer proves nothing
    NOT_ASKED = "not asked"  #: the probe did not get so far, or had a reason not to ask
    ANSWERED = "answered"  #: no assumption rests on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One question."""

    question: str
    answer: str
    verdict: Verdict
    assumption: str | None = None  #: a key of `ASSUMPTIONS`; None where none rests on it
    evidence: tuple[str, ...] = ()  #: what was seen, one line each


def of_assumption(findings: Iterable[Finding], name: str) -> Verdict:
    """Return what all findings together say of an assumption: one that breaks it is enough."""
    said = [finding.verdict for finding in findings if finding.assumption == name]
    for verdict in (Verdict.BROKEN, Verdict.HOLDS, Verdict.CANNOT_TELL):
        if verdict in said:
            return verdict
    return Verdict.NOT_ASKED


def status_of(findings: Iterable[Finding], *, left: int) -> ExitStatus:
    """Return the exit status: an assumption is broken, one cannot be told or campaigns were left, or all is well."""
    all_of = tuple(findings)
    said = {of_assumption(all_of, name) for name in ASSUMPTIONS}
    if Verdict.BROKEN in said:
        return ExitStatus.DIFFERENCES
    return ExitStatus.OK if said == {Verdict.HOLDS} and not left else ExitStatus.UNRESOLVED


def not_asked(question: str, assumption: str | None = None) -> Finding:
    """Return the finding of a question to which the probe did not come."""
    return Finding(question=question, assumption=assumption, verdict=Verdict.NOT_ASKED, answer="the probe ended before")
