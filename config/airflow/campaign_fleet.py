"""A DAG that runs the imports of a fleet file every night, a mapped task for each. For Airflow 3, in its dags folder.

The file, and what it names, lie where every worker sees them. The account's lock keeps two imports of an account apart.
"""

import json
import subprocess
from datetime import datetime, timedelta

from airflow.exceptions import AirflowException, AirflowFailException
from airflow.sdk import dag, task

FLEET = "/srv/fleet/fleet.toml"
AGAIN_LATER = frozenset({7, 10, 70, 130, 143})  # paused, held, stopped: a later try of the same import goes on


@task
def import_names(fleet: str = FLEET) -> list[str]:
    """Return the names of the imports in the file."""
    listed = subprocess.run(  # noqa: S603 - our own command
        ["importer", "fleet", "--dry-run", "--json", fleet],  # noqa: S607 - from PATH, as in a shell
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [one["name"] for one in json.loads(listed.stdout)["imports"]]


@task(retries=5, retry_delay=timedelta(minutes=10), max_active_tis_per_dag=8)
def run_one(name: str, fleet: str = FLEET) -> None:
    """Run one import. What a later try can mend is tried again; any other status than 0 fails the task for good."""
    ended = subprocess.run(  # noqa: S603 - our own command
        ["importer", "fleet", "--only", name, fleet],  # noqa: S607 - from PATH, as in a shell
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    said = f"{name}: status {ended.returncode}: {ended.stderr[-500:]}"
    if ended.returncode in AGAIN_LATER or ended.returncode < 0:
        raise AirflowException(said)
    if ended.returncode:
        raise AirflowFailException(said)


@dag(
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow gives it the DAG's own zone
    catchup=False,
    max_active_runs=1,
    tags=["hubspot"],
)
def campaign_fleet() -> None:
    """Run the imports of the night."""
    run_one.expand(name=import_names())


campaign_fleet()
