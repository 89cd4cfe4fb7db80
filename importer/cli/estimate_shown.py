"""What a dry run found out, as people read it."""

from collections.abc import Iterator, Mapping
from typing import Any

from importer.report.words import duration, many


def estimate_told(found: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Yield the lines of an estimate (`estimating.Estimate` as plain values), each with its style."""
    still_open = f", leave {found['open']:,} that earlier runs left open" if found["open"] else ""
    would = f"create {found['create']:,}, skip {found['skip']:,}, reject {found['reject']:,}{still_open}"
    yield f"dry run: nothing was sent. A run would {would}.", "bold"
    if found["items"]:
        yield f"  then make {many(found['items'], 'item')} of budget and spend, each a request of its own", None
    whose = "as the account permits" if found["rate_told"] else "the account has not said what it permits"
    costs = f"{many(found['requests'], 'request')}, about {duration(found['seconds'])}"
    yield f"  {costs} at {found['per_10_s']:,} requests per 10 s ({whose})", None
    yield _quota(found)


def _quota(found: Mapping[str, Any]) -> tuple[str, str | None]:
    left = found["quota_left"]
    if left is None:
        return f"  share of today's quota: unknown ({found['untold']})", "yellow"
    share = "" if found["quota_share"] is None else f"{found['quota_share']:.2%} of today's quota; "
    of = "" if found["quota"] is None else f" of {found['quota']:,}"
    says = f"  {share}{left:,}{of} requests are left today"
    if found["requests"] > left:
        return f"{says}: a run would pause there, and the same command goes on tomorrow", "yellow"
    return says, None
