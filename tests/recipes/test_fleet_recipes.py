"""The recipes for a fleet: each is tried as far as this machine can."""

import os
import re
import shutil
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from importer.cli.own_flags import FLEET
from importer.errors import ExitStatus
from tests.fleet.fleet_ground import Ground

CONFIG: Final = Path(__file__).resolve().parents[2] / "config"
FOLDER: Final = CONFIG / "fleet"
OPTIONS: Final = {flag.option for flag in FLEET}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_takes_the_unit_of_a_fleet() -> None:
    """`systemd-analyze verify` has nothing to say: driver, timer, and a cluster's scheduler and worker."""
    units = sorted(str(path) for path in FOLDER.iterdir() if path.suffix in {".service", ".timer"})
    assert len(units) == 4
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_option_of_a_fleets_recipe_exists() -> None:
    """The unit and the Job call `fleet` with options that it has."""
    unit = (FOLDER / "campaign-fleet.service").read_text(encoding="utf-8")
    (start,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    words = start.split() + _container()["args"]
    used = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert used == {"--quiet", "--only"}
    assert used <= OPTIONS


@pytest.mark.slow
@pytest.mark.parametrize("role", ["scheduler", "worker"])
def test_dask_knows_every_option_of_its_unit(role: str) -> None:
    """Each word with two hyphens stands in the help of Dask's own command."""
    unit = (FOLDER / f"campaign-dask-{role}.service").read_text(encoding="utf-8").replace("\\\n", " ")
    (start,) = re.findall(rf"^ExecStart=/usr/bin/env dask {role} .*", unit, flags=re.MULTILINE)
    used = set(re.findall(r"(?<![\w-])--[a-z-]+", start))
    shown = subprocess.run([sys.executable, "-m", "dask", role, "--help"], capture_output=True, text=True, check=True)
    known = set(re.findall(r"--[a-z-]+", shown.stdout))
    assert {"--tls-ca-file", "--tls-cert", "--tls-key", "--no-dashboard"} <= used <= known


class LaterError(Exception):
    """Stands for Airflow's failure that is tried again."""


class ForGoodError(Exception):
    """Stands for Airflow's failure that is not."""


def _bare(*args: Any, **_more: Any) -> Any:
    """Stand for a decorator: `@task` and `@task(...)` give the function itself."""
    return args[0] if args and callable(args[0]) else lambda function: function


def _module(name: str, **held: Any) -> types.ModuleType:
    made = types.ModuleType(name)
    made.__dict__.update(held)
    return made


@pytest.fixture
def recipes(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the recipes define, loaded beside stand-ins of the names that they import."""
    stand_ins = {
        "airflow": _module("airflow"),
        "airflow.sdk": _module("airflow.sdk", dag=lambda **_more: lambda _function: lambda: None, task=_bare),
        "airflow.exceptions": _module(
            "airflow.exceptions", AirflowException=LaterError, AirflowFailException=ForGoodError
        ),
        "prefect": _module("prefect", flow=_bare, task=_bare),
        "prefect.task_runners": _module("prefect.task_runners", ThreadPoolTaskRunner=dict),
    }
    for name, stand_in in stand_ins.items():
        monkeypatch.setitem(sys.modules, name, stand_in)
    loaded = {}
    for name in ("airflow", "prefect"):
        path = CONFIG / name / "campaign_fleet.py"
        loaded[name] = held = {"__name__": f"{name}_fleet_recipe"}
        exec(compile(path.read_text(encoding="utf-8"), path, "exec"), held)  # noqa: S102 - our own file
    return loaded


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int], None]:
    """Put an `importer` first in PATH that notes its words and ends with a status."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def end_with(status: int) -> None:
        fake = tmp_path / "importer"
        fake.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words\nexit {status}\n')
        fake.chmod(0o755)

    return end_with


@pytest.mark.parametrize("name", ["airflow", "prefect"])
def test_a_mapped_task_is_tried_again_only_where_that_helps(
    recipes: dict[str, Any], ending: Callable[[int], None], tmp_path: Path, name: str
) -> None:
    """Each exit status: a good end, a later try, or a person."""
    recipe = recipes[name]
    later, for_good = (LaterError, ForGoodError) if name == "airflow" else (recipe["LaterError"], RuntimeError)
    for status in ExitStatus:
        ending(int(status))
        wanted = None if status == 0 else later if status in {7, 10, 70, 130, 143} else for_good
        if wanted is None:
            recipe["run_one"]("one", "fleet.toml")
        else:
            with pytest.raises(wanted, match=f"one: status {int(status)}"):
                recipe["run_one"]("one", "fleet.toml")
    assert (tmp_path / "words").read_text() == "fleet --only one fleet.toml\n"


def test_prefect_tries_again_what_is_for_later(recipes: dict[str, Any]) -> None:
    """Its condition looks at what the task raised."""
    recipe = recipes["prefect"]
    for error, again in ((recipe["LaterError"]("x"), True), (RuntimeError("x"), False)):
        state = types.SimpleNamespace(result=lambda *, raise_on_failure, error=error: error)
        assert recipe["is_later"](None, None, state) is again


@pytest.mark.slow
@pytest.mark.parametrize("name", ["airflow", "prefect"])
def test_the_list_of_a_recipe_is_that_of_the_command(
    recipes: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """What is mapped over is what `importer fleet --dry-run --json` prints."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    ground = Ground(folder=tmp_path, base_url="http://127.0.0.1:9", accounts=2, each=2, rows=1)
    ground.write()
    assert recipes[name]["import_names"](str(ground.file)) == [one for _, one in ground.names()]


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
