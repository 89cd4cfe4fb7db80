"""Records in doubt ↔ campaigns that a lookup found: jointly, classes of equal content against classes. Pure.

A campaign can only be ours if the journal does not hold its id, if it was created no earlier than the server's clock
can have shown when its intent was written, and if everything we sent is what it shows. Within a class of equal content
records are interchangeable, and so are campaigns. A campaign that merely has the name of a record is no match; it
is named, so that a person can look.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from importer import canonical
from importer.model import Result
from importer.moments import epoch


class Wanted(NamedTuple):
    """A record in doubt."""

    key: tuple[int, int]  #: intent and index in its batch
    identity: str
    properties: Mapping[str, str]  #: as sent
    not_before: float  #: the earliest createdAt its campaign can have, epoch seconds of the server


class Match(NamedTuple):
    """What the lookup says of the records in doubt."""

    found: dict[tuple[int, int], Result]
    near: dict[tuple[int, int], Result]  #: not found, but a campaign of this name and other content was
    surplus: tuple[Result, ...]  #: free campaigns of a class, or an identity, that has fewer records in doubt


def content_of(properties: Mapping[str, str], correlation: str | None) -> str:
    """Return the class of equal content that `properties` belong to."""
    without = canonical.NOT_ECHOED if correlation is None else canonical.NOT_ECHOED | {correlation}
    return canonical.digest(properties, without=without)


def match(
    wanted: Sequence[Wanted],
    campaigns: Iterable[Result],
    *,
    taken: frozenset[str],
    correlation: str | None = None,
) -> Match:
    """Match records in doubt with campaigns; `taken` are the ids which the journal holds.

    With a `correlation` property a campaign that carries a record's identity is that record's, and one that carries
    another identity is nobody else's.
    """
    free = [campaign for campaign in campaigns if campaign.id not in taken]
    found: dict[tuple[int, int], Result] = {}
    surplus: list[Result] = []
    if correlation is not None:
        found, free, surplus = _by_correlation(wanted, free, correlation)
    left = [record for record in wanted if record.key not in found]
    by_content: dict[str, list[Result]] = {}
    for campaign in free:
        by_content.setdefault(content_of(campaign.properties, correlation), []).append(campaign)
    for content, records in _classes(left, correlation).items():
        unused = _assign(records, by_content.pop(content, []), found)
        surplus += [campaign for campaign in unused if _seconds(campaign) >= records[-1].not_before]
    near = _near(left, [campaign for rest in by_content.values() for campaign in rest], found)
    return Match(found, near, tuple(surplus))


def _by_correlation(
    wanted: Sequence[Wanted], free: list[Result], correlation: str
) -> tuple[dict[tuple[int, int], Result], list[Result], list[Result]]:
    """Return what carries a record's identity, what carries none, and the twins of what is found."""
    carried: dict[str, list[Result]] = {}
    for campaign in free:
        carried.setdefault(campaign.properties.get(correlation, ""), []).append(campaign)
    found = {record.key: carried[record.identity][0] for record in wanted if record.identity in carried}
    twins = [twin for record in wanted for twin in carried.get(record.identity, [])[1:]]
    return found, carried.get("", []), twins


def _classes(records: Iterable[Wanted], correlation: str | None) -> dict[str, list[Wanted]]:
    """Return records by content, those with the latest bound first."""
    classes: dict[str, list[Wanted]] = {}
    for record in sorted(records, key=lambda record: record.not_before, reverse=True):
        classes.setdefault(content_of(record.properties, correlation), []).append(record)
    return classes


def _assign(records: list[Wanted], campaigns: list[Result], found: dict[tuple[int, int], Result]) -> list[Result]:
    """Give each record the earliest campaign it can have, the pickiest record first; return what is left over."""
    left = sorted(campaigns, key=_seconds)
    for record in records:
        for place, campaign in enumerate(left):
            if _seconds(campaign) >= record.not_before:
                found[record.key] = left.pop(place)
                break
    return left


def _seconds(campaign: Result) -> float:
    """Return createdAt as epoch seconds; a campaign without one can be of any time, so of the latest."""
    seconds = epoch(campaign.created_at) if campaign.created_at else None
    return float("inf") if seconds is None else seconds


def _near(
    left: Sequence[Wanted], others: Iterable[Result], found: Mapping[tuple[int, int], Result]
) -> dict[tuple[int, int], Result]:
    latest_last = sorted(others, key=_seconds)  # an old campaign of the name must not hide a new one
    by_name = {canonical.name_key(campaign.properties.get("hs_name", "")): campaign for campaign in latest_last}
    near: dict[tuple[int, int], Result] = {}
    for record in left:
        campaign = by_name.get(canonical.name_key(record.properties.get("hs_name", "")))
        if campaign is not None and record.key not in found and _seconds(campaign) >= record.not_before:
            near[record.key] = campaign
    return near
