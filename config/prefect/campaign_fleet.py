"""A flow that runs the imports of a fleet file every night, a task for each. For Prefect 3: `python campaign_fleet.py`.

The account's lock keeps two imports of an account apart.
"""

import json
import subprocess
from typing import Any

from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner

FLEET = "/srv/fleet/fleet.toml"
AT_ONCE = 8
AGAIN_LATER = frozenset({7, 10, 70, 130, 143})  # paused, held, stopped: a later try of the same import goes on


class LaterError(Exception):
    """A later try of the same import goes on."""


def is_later(_task: Any, _run: Any, state: Any) -> bool:
    """Return whether a failed task is to be tried again."""
    return isinstance(state.result(raise_on_failure=False), LaterError)


@task
def import_names(fleet: str) -> list[str]:
    """Return the names of the imports in the file."""
    listed = subprocess.run(  # noqa: S603 - our own command
        ["importer", "fleet", "--dry-run", "--json", fleet],  # noqa: S607 - from PATH, as in a shell
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [one["name"] for one in json.loads(listed.stdout)["imports"]]


@task(retries=5, retry_delay_seconds=600, retry_condition_fn=is_later)
def run_one(name: str, fleet: str) -> None:
    """Run one import; any status but 0 fails the task."""
    ended = subprocess.run(  # noqa: S603 - our own command
        ["importer", "fleet", "--only", name, fleet],  # noqa: S607 - from PATH, as in a shell
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    said = f"{name}: status {ended.returncode}: {ended.stderr[-500:]}"
    if ended.returncode in AGAIN_LATER or ended.returncode < 0:
        raise LaterError(said)
    if ended.returncode:
        raise RuntimeError(said)


@flow(name="campaign-fleet", task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE))
def campaign_fleet(fleet: str = FLEET) -> None:
    """Run the imports of the night; it fails where one of them has."""
    runs = [run_one.submit(name, fleet) for name in import_names(fleet)]
    for run in runs:
        run.wait()
    for run in runs:
        run.result()


if __name__ == "__main__":
    campaign_fleet.serve(cron="30 2 * * *", limit=1)
