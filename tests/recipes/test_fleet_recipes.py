"""The recipes for a fleet: each is tried as far as this machine can."""

import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from importer.cli.own_flags import FLEET
from importer.errors import ExitStatus

FOLDER: Final = Path(__file__).resolve().parents[2] / "config" / "fleet"
OPTIONS: Final = {flag.option for flag in FLEET}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_takes_the_unit_of_a_fleet() -> None:
    """`systemd-analyze verify` has nothing to say."""
    unit = str(FOLDER / "campaign-fleet.service")
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_option_of_a_fleets_recipe_exists() -> None:
    """The unit and the Job call `fleet` with options that it has."""
    unit = (FOLDER / "campaign-fleet.service").read_text(encoding="utf-8")
    (start,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    words = start.split() + _container()["args"]
    used = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert used == {"--quiet", "--only"}
    assert used <= OPTIONS


def _job() -> Any:
    return yaml.load((FOLDER / "job.yaml").read_text(encoding="utf-8"), Loader=yaml.SafeLoader)["spec"]


def _container() -> Any:
    return _job()["template"]["spec"]["containers"][0]


def test_the_indexed_job_hangs_together() -> None:
    """Failures by index need their limit and pods that are not restarted; mounts name volumes; statuses are ours."""
    job, container = _job(), _container()
    pod = job["template"]["spec"]
    assert (job["completionMode"], pod["restartPolicy"]) == ("Indexed", "Never")
    assert job["backoffLimitPerIndex"] > 0
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    (rule,) = job["podFailurePolicy"]["rules"]
    statuses = set(rule["onExitCodes"]["values"])
    assert statuses <= {int(status) for status in ExitStatus}
    assert {int(ExitStatus.PAUSED), int(ExitStatus.HELD)}.isdisjoint(statuses), "later tries of the same index"
    assert "--only=$(JOB_COMPLETION_INDEX)" in container["args"]
