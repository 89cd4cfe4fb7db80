"""A DAG that imports a feed every night, by a call to the library. For Airflow 3, in its dags folder.

The ledger lies where every worker that may run the task sees it, and only one run at a time uses it.
"""

from datetime import datetime, timedelta
from typing import Any

import anyio
from airflow.exceptions import AirflowException, AirflowSkipException
from airflow.sdk import Connection, dag, task

from importer import run_import
from importer.errors import ImporterError

SOURCE = "/srv/feeds/campaigns.csv"
LEDGER = "/var/lib/campaign-import/ledger"
AGAIN_LATER = frozenset({7, 10})  # paused, or held by another run: the next night goes on


@task(retries=2, retry_delay=timedelta(minutes=10), execution_timeout=timedelta(hours=3))
def import_campaigns(source: str = SOURCE, ledger: str = LEDGER, **settings: Any) -> dict[str, Any]:
    """Import the feed; return the books. A pause skips the task, any other status than 0 fails it."""
    if "token" not in settings and not settings.get("simulate"):
        settings["token"] = Connection.get("hubspot").password

    async def work() -> Any:
        return await run_import(source, ledger=ledger, max_duration="2h", max_failures="5%", **settings)

    try:
        summary = anyio.run(work)
    except ImporterError as error:  # nothing was begun
        if error.exit_status in AGAIN_LATER:
            raise AirflowSkipException(error.message) from None
        raise AirflowException(f"status {int(error.exit_status)}: {error.message}") from None
    if summary.status in AGAIN_LATER:
        raise AirflowSkipException(summary.reason or summary.books.line())
    if summary.status:
        raise AirflowException(f"status {int(summary.status)}: {summary.reason or summary.books.line()}")
    return {name: getattr(summary.books, name) for name in type(summary.books).__dataclass_fields__}


@dag(
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow gives it the DAG's own zone
    catchup=False,
    max_active_runs=1,
    tags=["hubspot"],
)
def campaign_import() -> None:
    """Import the feed of the night."""
    import_campaigns()


campaign_import()
