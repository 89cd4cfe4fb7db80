"""What tests of a repeated pass share."""

from typing import Any

from importer.records import RecordPolicy
from importer.report.books import Summary

KEYED: dict[str, Any] = {"records": RecordPolicy(key=("hs_name",))}


def said(summary: Summary) -> str | None:
    """Return the notice that nothing was read, None where rows were."""
    return next((notice for notice in summary.counts["notices"] if "no row was read again" in notice), None)
