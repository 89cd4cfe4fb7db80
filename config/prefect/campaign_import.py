"""A flow that imports a feed every night, by a call to the library. For Prefect 3: `python campaign_import.py`.

The ledger lies on a disk that every run of the flow sees, and only one run at a time uses it.
"""

from typing import Any

from prefect import flow, task
from prefect.blocks.system import Secret

from importer import run_import
from importer.errors import ImporterError

SOURCE = "/srv/feeds/campaigns.csv"
LEDGER = "/var/lib/campaign-import/ledger"
AGAIN_LATER = frozenset({7, 10})  # paused, or held by another run: the next night goes on


@task(retries=2, retry_delay_seconds=600)
async def import_campaigns(source: str, ledger: str, **settings: Any) -> dict[str, Any]:
    """Import the feed; return status and books. Any status but 0 and those of a pause fails the task."""
    if "token" not in settings and not settings.get("simulate"):
        settings["token"] = (await Secret.load("hubspot-token")).get()
    try:
        summary = await run_import(source, ledger=ledger, max_duration="2h", max_failures="5%", **settings)
    except ImporterError as error:  # nothing was begun
        if error.exit_status in AGAIN_LATER:
            return {"status": int(error.exit_status)}
        raise
    if summary.status and summary.status not in AGAIN_LATER:
        raise RuntimeError(f"status {int(summary.status)}: {summary.reason or summary.books.line()}")
    books = {name: getattr(summary.books, name) for name in type(summary.books).__dataclass_fields__}
    return {"status": int(summary.status), **books}


@flow(name="campaign-import")
async def campaign_import(source: str = SOURCE, ledger: str = LEDGER) -> dict[str, Any]:
    """Import the feed of the night."""
    return await import_campaigns(source, ledger)


if __name__ == "__main__":
    campaign_import.serve(cron="30 2 * * *", limit=1)
