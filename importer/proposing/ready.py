"""Whether a ready mapping fits a sample, and what becomes of the sampled rows under a mapping. This module is pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from importer.mapping import CampaignMapping, bind, looks_like
from importer.model import Problem
from importer.properties import NAME

_FAILING_MAX = 0.5  #: share of sampled rows that may fail under a ready mapping that is taken whole


class Trial(NamedTuple):
    """What becomes of sampled rows."""

    made: tuple[dict[str, str], ...]  #: properties of each row that makes a campaign
    failing: tuple[tuple[Problem, ...], ...]  #: problems of each row that does not


def tried(mapping: CampaignMapping, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Trial:
    """Return what `mapping` makes of rows; a row without a name fails, too."""
    bound = bind(mapping, columns)
    made, failing = [], []
    for row in rows:
        properties, problems = bound.apply(row)
        if problems or NAME not in properties:
            failing.append(tuple(problems))
        else:
            made.append(properties)
    return Trial(tuple(made), tuple(failing))


def fitting(
    ready: Sequence[CampaignMapping], columns: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> CampaignMapping | None:
    """Return the ready mapping which knows the columns and suits most rows, or None."""
    found = looks_like(columns, ready)
    if found is None or len(tried(found, columns, rows).failing) > _FAILING_MAX * len(rows):
        return None
    return found
