"""The recipes for schedules: each is tried as far as this machine can."""

import json
import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

import importer
from importer.cli.flags import flags_of
from importer.errors import ExitStatus
from importer.report.books import Tally
from importer.telemetry.figures import PREFIX, Moments, figures

ROOT: Final = Path(__file__).resolve().parents[2]
CONFIG: Final = ROOT / "config"
OPTIONS: Final = {flag.option for flag in flags_of("run")}
#: Everything that shows how `importer run` is called.
CALLS: Final = [
    CONFIG / "systemd/campaign-import.service",
    CONFIG / "cron/campaign-import",
    CONFIG / "kubernetes/cronjob.yaml",
    CONFIG / "github-actions/nightly.yml",
]

#: The part of Kubernetes' batch/v1 CronJob that the recipe uses, written after its API reference: a name stands for its
#: kind, `values` for what is permitted. Whoever uses another field adds it here, having looked it up.
CRON_JOB: Final[dict[str, Any]] = {
    "apiVersion": {"batch/v1"}, "kind": {"CronJob"}, "metadata": {"name": str},
    "spec": {
        "schedule": str, "timeZone": str, "concurrencyPolicy": {"Allow", "Forbid", "Replace"},
        "startingDeadlineSeconds": int, "successfulJobsHistoryLimit": int, "failedJobsHistoryLimit": int,
        "jobTemplate": {"spec": {
            "backoffLimit": int, "activeDeadlineSeconds": int,
            "podFailurePolicy": {"rules": [{
                "action": {"FailJob", "Ignore", "Count"},
                "onExitCodes": {"containerName": str, "operator": {"In", "NotIn"}, "values": [int]},
            }]},
            "template": {"spec": {
                "restartPolicy": {"Never", "OnFailure"}, "terminationGracePeriodSeconds": int,
                "automountServiceAccountToken": bool,
                "securityContext": {"runAsNonRoot": bool, "runAsUser": int, "runAsGroup": int, "fsGroup": int,
                                    "seccompProfile": {"type": {"RuntimeDefault", "Unconfined", "Localhost"}}},
                "containers": [{
                    "name": str, "image": str, "args": [str],
                    "resources": {"requests": {"cpu": str, "memory": str}, "limits": {"memory": str}},
                    "securityContext": {"allowPrivilegeEscalation": bool, "readOnlyRootFilesystem": bool,
                                        "capabilities": {"drop": [str]}},
                    "volumeMounts": [{"name": str, "mountPath": str, "readOnly": bool}],
                }],
                "volumes": [{"name": str, "persistentVolumeClaim": {"claimName": str}, "emptyDir": {},
                             "secret": {"secretName": str, "defaultMode": int}}],
            }},
        }},
    },
}  # fmt: skip

#: The part of GitHub's workflow syntax that the recipe uses, written after its documentation; None permits any value.
WORKFLOW: Final[dict[str, Any]] = {
    "name": str, "on": {"schedule": [{"cron": str}], "workflow_dispatch": {}},
    "permissions": {"contents": {"read", "write"}},
    "concurrency": {"group": str, "cancel-in-progress": bool},
    "jobs": {"import": {
        "runs-on": [str], "timeout-minutes": int, "env": None,
        "steps": [{"name": str, "uses": str, "run": str, "if": str, "env": None, "with": None}],
    }},
}  # fmt: skip


def faults(held: Any, schema: Any, at: str = "") -> list[str]:
    """Return where `held` does not fit `schema`."""
    if schema is None:
        return []
    if isinstance(schema, set):
        return [] if held in schema else [f"{at}: {held!r} is none of {sorted(schema)}"]
    if isinstance(schema, type):
        return [] if type(held) is schema else [f"{at}: {held!r} is no {schema.__name__}"]
    if isinstance(schema, list):
        if not isinstance(held, list):
            return [f"{at}: not a list"]
        return [fault for n, one in enumerate(held) for fault in faults(one, schema[0], f"{at}[{n}]")]
    if not isinstance(held, dict):
        return [f"{at}: not a mapping"]
    unknown = [f"{at}.{name}: unknown" for name in held if name not in schema]
    return unknown + [f for name in held if name in schema for f in faults(held[name], schema[name], f"{at}.{name}")]


def loaded(path: Path) -> Any:
    """Return a YAML file; `on` stays a word."""
    held = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    return {("on" if name is True else name): value for name, value in held.items()}


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.name)
def test_every_option_of_a_recipe_exists(path: Path) -> None:
    """A recipe that is copied does not fail for a word that we have renamed."""
    text = path.read_text(encoding="utf-8")
    if path.name != "cronjob.yaml":
        called = re.findall(r"importer run .*(?:\\\n.*)*", text)
        assert called
        text = "\n".join(called)
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", re.sub(r"^\s*#.*", "", text, flags=re.MULTILINE)))
    assert used
    assert used <= OPTIONS


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_takes_the_units() -> None:
    """`systemd-analyze verify` has nothing to say."""
    units = sorted(map(str, (CONFIG / "systemd").iterdir()))
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_cron_job_fits_its_schema() -> None:
    """Every field is one that Kubernetes knows, with a value of its kind."""
    held = loaded(CONFIG / "kubernetes/cronjob.yaml")
    assert faults(held, CRON_JOB) == []
    pod = held["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
    (rule,) = held["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert set(rule["onExitCodes"]["values"]) <= {int(status) for status in ExitStatus}
    assert pod["restartPolicy"] == "Never"  # which a policy of failures asks for


def test_the_schemas_notice_faults() -> None:
    """An unknown field, a wrong kind and a wrong word are all found."""
    held = loaded(CONFIG / "kubernetes/cronjob.yaml")
    held["spec"] |= {"shedule": "x", "concurrencyPolicy": "Never", "startingDeadlineSeconds": "1h"}
    assert len(faults(held, CRON_JOB)) == 3


def test_the_workflow_fits_its_schema_and_is_never_run_twice_at_once() -> None:
    """Every field is one that GitHub knows; the token comes from the secrets."""
    held = loaded(CONFIG / "github-actions/nightly.yml")
    assert faults(held, WORKFLOW) == []
    assert held["concurrency"]["cancel-in-progress"] is False
    assert "secrets.HUBSPOT_ACCESS_TOKEN" in held["jobs"]["import"]["steps"][1]["env"]["HUBSPOT_ACCESS_TOKEN"]


def shell(script: str, status: int, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a script whose `importer` ends with a status."""
    fake = folder / "importer"
    fake.write_text(f"#!/bin/sh\necho said\nexit {status}\n")
    fake.chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "LEDGER": str(folder)}
    return subprocess.run(["sh", *options, "-c", script], capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize(("status", "ends"), [(0, 0), (1, 1), (7, 0), (10, 0), (71, 71)])
def test_the_workflows_script_passes_on_what_needs_a_person(tmp_path: Path, status: int, ends: int) -> None:
    """A pause and a held ledger are warnings; every other status is the step's."""
    script = loaded(CONFIG / "github-actions/nightly.yml")["jobs"]["import"]["steps"][1]["run"]
    done = shell(script, status, tmp_path, "-e")  # as GitHub runs it
    assert done.returncode == ends
    assert ("::warning::" in done.stdout) == (status in {7, 10})


@pytest.mark.parametrize(("status", "mails"), [(0, False), (7, False), (10, False), (1, True), (4, True)])
def test_cron_mails_what_needs_a_person(tmp_path: Path, status: int, mails: bool) -> None:
    """The line of the crontab prints nothing after 0, 7 and 10, and holds no percent sign, which cron would cut at."""
    lines = (CONFIG / "cron/campaign-import").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if re.match(r"[0-9*]", line)]
    when, user, command = line.split(maxsplit=6)[:5], line.split(maxsplit=6)[5], line.split(maxsplit=6)[6]
    assert (when, user) == (["30", "2", "*", "*", "*"], "importer")
    assert "%" not in command
    assert bool(shell(command, status, tmp_path).stdout) == mails


class SkipError(Exception):
    """Stands for Airflow's skip."""


class FailError(Exception):
    """Stands for Airflow's failure."""


def bare(*args: Any, **_more: Any) -> Any:
    """Stand for a decorator: `@task` and `@task(...)` give the function itself."""
    return args[0] if args and callable(args[0]) else lambda function: function


def module(name: str, **held: Any) -> types.ModuleType:
    """Return a module that holds names."""
    made = types.ModuleType(name)
    made.__dict__.update(held)
    return made


def stand_ins() -> dict[str, types.ModuleType]:
    """Return what stands for Airflow and Prefect: only the names that the recipes import."""
    dag = lambda **_more: lambda function: lambda: None  # noqa: E731 - a DAG that is declared and not run
    return {
        "airflow": module("airflow"),
        "airflow.sdk": module("airflow.sdk", dag=dag, task=bare, Connection=object),
        "airflow.exceptions": module("airflow.exceptions", AirflowException=FailError, AirflowSkipException=SkipError),
        "prefect": module("prefect", flow=bare, task=bare),
        "prefect.blocks": module("prefect.blocks"),
        "prefect.blocks.system": module("prefect.blocks.system", Secret=object),
    }


@pytest.fixture
def recipes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Return the names that each recipe defines, loaded beside the stand-ins, and write a source."""
    for name, stand_in in stand_ins().items():
        monkeypatch.setitem(sys.modules, name, stand_in)
    (tmp_path / "a.csv").write_text("hs_name,hs_notes\nA,x\n,y\nB,z\n")
    (tmp_path / "good.csv").write_text("hs_name,hs_notes\nA,x\nB,z\n")
    loaded = {}
    for name in ("airflow", "prefect"):
        path = CONFIG / name / "campaign_import.py"
        loaded[name] = held = {"__name__": f"{name}_recipe"}
        exec(compile(path.read_text(encoding="utf-8"), path, "exec"), held)  # noqa: S102 - our own file
    return loaded


def test_airflows_task_imports_and_fails_as_it_should(recipes: dict[str, Any], tmp_path: Path) -> None:
    """The library is called with settings that it takes: books after a good end, else a failure with its reason."""
    task = recipes["airflow"]["import_campaigns"]
    books = task(str(tmp_path / "good.csv"), str(tmp_path / "good"), simulate=True)
    assert books["created"] == 2
    with pytest.raises(FailError, match="status 8"):  # one of three rows: more than the 5 % that the recipe permits
        task(str(tmp_path / "a.csv"), str(tmp_path / "bad"), simulate=True)


async def test_prefects_task_imports_and_fails_as_it_should(recipes: dict[str, Any], tmp_path: Path) -> None:
    """As Airflow's."""
    task = recipes["prefect"]["import_campaigns"]
    assert await task(str(tmp_path / "good.csv"), str(tmp_path / "good"), simulate=True) == {
        "status": 0, "read": 2, "created": 2, "updated": 0, "failed": 0, "skipped": 0, "unresolved": 0,
        "in_doubt": 0, "not_sent": 0,
    }  # fmt: skip
    with pytest.raises(RuntimeError, match="status 8"):
        await task(str(tmp_path / "a.csv"), str(tmp_path / "bad"), simulate=True)


def test_the_containerfile_copies_what_is_there() -> None:
    """Every source of a COPY exists, rights are given up before the entry point, and no secret is named."""
    lines = (CONFIG / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    steps = [line.split() for line in lines if line and not line.startswith("#")]
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
    assert {step[0] for step in steps} <= known
    copied = [word for step in steps if step[0] == "COPY" and "--from" not in step[1] for word in step[1:-1]]
    assert copied
    beside = (Path(importer.__file__).parents[1], ROOT)  # the package is elsewhere where its wheel is tried
    assert all(any((folder / word).exists() for folder in beside) for word in copied)
    order = [step[0] for step in steps]
    assert order.index("USER") < order.index("ENTRYPOINT")
    assert not [line for line in lines if re.match(r"(ENV|ARG).*(TOKEN|SECRET)", line)]


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    """Each query names only metrics that a run tells, and each panel has a place of its own."""
    board = json.loads((CONFIG / "grafana/campaign-imports.json").read_text(encoding="utf-8"))
    told = {PREFIX + figure.name for figure in figures(Tally(), Moments(began=0.0, now=0.0))}
    asked = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(rf"{PREFIX}\w+", target["expr"])
    }
    assert len(asked) > 10
    assert asked <= told
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]}) == len(board["panels"])


def test_every_recipe_has_its_page() -> None:
    """Each folder of recipes is told of by a page, which names its file."""
    pages = {path.stem.removeprefix("schedule-"): path for path in (ROOT / "docs/how-to").glob("schedule-*.md")}
    for name in ("systemd", "cron", "kubernetes", "github-actions", "airflow", "prefect"):
        assert f"config/{name}" in pages[name].read_text(encoding="utf-8")
    assert "config/Containerfile" in pages["container"].read_text(encoding="utf-8")
