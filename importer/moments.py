"""Moments as HubSpot writes them. Pure."""

from datetime import UTC, datetime


def epoch(moment: str) -> float | None:
    """Return the epoch seconds of an ISO 8601 date-time (UTC when it names no zone), None if it is not one."""
    try:
        parsed = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
