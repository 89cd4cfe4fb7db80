"""What is told of a run in figures: names after Prometheus' conventions, values from its counts. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from importer.model import State
from importer.report.books import Tally

PREFIX: Final = "campaign_import_"
#: States that a row of a run ends in.
_ENDS: Final = frozenset(State) - {State.OPEN, State.SENT}
_ITEM_ENDS: Final = frozenset({"made", "skipped", "failed", "unresolved", "in_doubt"})
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """When a run began and ended, and how: epoch seconds."""

    began: float
    now: float
    status: int | None = None  #: exit status; None while it is at work
    succeeded: float | None = None  #: when a run last ended with status 0, this one included


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric with its values by labels."""

    name: str  #: without the prefix; counters end in `_total`
    kind: Literal["counter", "gauge"]
    help: str
    values: Mapping[Labels, float] = field(default_factory=dict)


def figures(tally: Tally, moments: Moments) -> Iterator[Figure]:
    """Yield every figure of a run; counters count from the run's begin, as a process's do from its start."""
    yield from _counters(tally)
    yield from _gauges(tally)
    yield from _moments(moments)


def _counters(tally: Tally) -> Iterator[Figure]:
    yield _one("rows_read_total", "counter", "Rows read from the sources.", tally.rows_read)
    states: dict[Labels, float] = {
        (("state", str(state)),): float(count) for state, count in tally.ended.items() if state in _ENDS
    }
    yield Figure("rows_total", "counter", "Rows by the state that they ended in.", states)
    items: dict[Labels, float] = {
        (("state", name),): float(count) for name, count in tally.items.as_dict().items() if name in _ITEM_ENDS
    }
    yield Figure("items_total", "counter", "Budget and spend items by what became of them.", items)
    codes: dict[Labels, float] = {(("code", code),): float(count) for code, count in sorted(tally.codes.items())}
    yield Figure("failures_total", "counter", "Failed rows by their code.", codes)
    other = tally.requests - tally.creates
    kinds: dict[Labels, float] = {(("kind", "create"),): float(tally.creates), (("kind", "other"),): float(other)}
    yield Figure("requests_total", "counter", "Requests to HubSpot.", kinds)
    yield _one("requests_resent_total", "counter", "Requests that repeat records sent before.", tally.resent)
    yield _one("requests_throttled_total", "counter", "Answers that asked for a pause (429, 423).", tally.throttled)
    yield _one("lookups_total", "counter", "Lookups for what was in doubt.", tally.looks)
    yield _one("answers_total", "counter", "Answers to requests that create.", tally.answers)
    yield _one("answer_seconds_total", "counter", "Seconds that these answers took, added up.", tally.answer_s)
    yield _one("unexpected_campaigns_total", "counter", "Campaigns in answers that belong to no row.", tally.unexpected)
    yield _one("changed_rows_total", "counter", "Rows skipped although changed since they were sent.", tally.changed)
    yield _one("recovered_rows_total", "counter", "Rows of earlier runs settled by this one.", tally.recovered)
    yield _one("source_bytes_read_total", "counter", "Bytes of the sources read.", tally.bytes_read)


def _gauges(tally: Tally) -> Iterator[Figure]:
    yield _one("source_bytes", "gauge", "Bytes of the sources.", tally.bytes_total)
    yield _one("rows_in_doubt", "gauge", "Rows sent whose fate is not known now.", tally.doubted)
    yield _one("requests_in_flight", "gauge", "Requests that create on their way now.", tally.in_flight)
    yield _one("workers", "gauge", "Requests that create which may be on their way at once.", tally.workers)
    yield _one("permitted_requests_per_second", "gauge", "Requests a second that are permitted.", tally.permitted_per_s)
    yield _one("day_requests_left", "gauge", "Requests left of the account's day.", tally.day_left)
    yield _one("day_requests", "gauge", "Requests that the account has a day.", tally.day_total)


def _moments(moments: Moments) -> Iterator[Figure]:
    running = moments.status is None
    ended = None if running else moments.now
    yield _one("run_active", "gauge", "1 while the run is at work.", float(running))
    yield _one("run_start_timestamp_seconds", "gauge", "When the run began.", moments.began)
    yield _one("run_updated_timestamp_seconds", "gauge", "When these figures were told.", moments.now)
    yield _one("run_end_timestamp_seconds", "gauge", "When the run ended.", ended)
    yield _one("run_duration_seconds", "gauge", "How long the run has taken.", max(moments.now - moments.began, 0.0))
    yield _one("run_exit_status", "gauge", "Exit status of the run that ended.", moments.status)
    yield _one("last_success_timestamp_seconds", "gauge", "When a run last ended with status 0.", moments.succeeded)


def _one(name: str, kind: Literal["counter", "gauge"], text: str, value: float | None) -> Figure:
    """Return a figure without labels; one that is not known has no value."""
    return Figure(name, kind, text, {} if value is None else {(): float(value)})
