"""Canaries in every credential: app secret, refresh token, access tokens, a vault's token, the webhook's secret."""

import json
import os
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import warm

CLIENT_SECRET, REFRESH, HOOK = "secr3t-client-secret-1", "secr3t-refresh-token-2", "secr3t-hook-secret-3"
VAULT = "secr3t-vault-token-4"
WEATHER = ("504_after_commit@2", "html_502@3", "reset_after_commit@6")


@contextmanager
def simulator(*switches: str) -> Iterator[str]:
    """Serve a simulated HubSpot; yield its base URL."""
    faults = [word for fault in WEATHER for word in ("--fault", fault)]
    sets = [word for switch in switches for word in ("--set", switch)]
    line = [sys.executable, "-m", "importer", "simulator", *faults, *sets]
    with warm.Warm(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def imported(folder: Path, base_url: str, *options: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Import 600 campaigns at debug level with hooks that fail and metrics; return how it ended."""
    source = folder / "campaigns.csv"
    source.write_text("hs_name\n" + "".join(f"Campaign {n}\n" for n in range(600)))
    line = [sys.executable, "-m", "importer", "run", str(source), "--ledger", str(folder / "ledger"), "--base-url",
            base_url, "--timeout", "5", "--settle", "0.1", "--log-level", "debug", "--log-stderr", "--workers", "2",
            "--metrics-file", str(folder / "import.prom"), "--hook-command", "env",
            "--hook-url", "http://127.0.0.1:1/hook", *options]  # fmt: skip
    known = {**os.environ, "IMPORT_HOOK_SECRET": HOOK, **environment}
    return warm.run(line, env=known, check=False, capture_output=True, timeout=90)


def assert_clean(
    folder: Path, done: subprocess.CompletedProcess[bytes], *, private: frozenset[str] = frozenset()
) -> None:
    """Assert that no canary stands in any file that the run left, nor on the screen."""
    places = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name not in private}
    places |= {"stdout": done.stdout, "stderr": done.stderr}
    assert {"journal.jsonl", "summary.json", "report.html", "import.prom", "run.log"} <= {
        Path(name).name for name in places
    }
    assert not [name for name, held in places.items() if b"secr3t" in held or b"CSIM" in held]
    assert b"the webhook was not told" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("given", ["environment", "file"])
def test_oauth_leaves_no_secret_anywhere(tmp_path: Path, given: str) -> None:
    """Tokens that are refused after 11 requests, each renewed: no file, log, metric, hook or screen holds a secret."""
    options, environment = [], {}
    if given == "file":
        path = tmp_path / "oauth.json"
        path.write_text(json.dumps({"client_id": "app", "client_secret": CLIENT_SECRET, "refresh_token": REFRESH}))
        path.chmod(0o600)
        options = ["--oauth-file", str(path)]
    else:
        environment = {"HUBSPOT_CLIENT_ID": "app", "HUBSPOT_CLIENT_SECRET": CLIENT_SECRET}
        environment["HUBSPOT_REFRESH_TOKEN"] = REFRESH
    with simulator(f"client_secret={CLIENT_SECRET}", f"refresh_token={REFRESH}", "token_uses=11") as base_url:
        done = imported(tmp_path, base_url, *options, **environment)
        with urllib.request.urlopen(f"{base_url}/__simulator__/stats") as answer:  # noqa: S310 - our own server
            stats = json.load(answer)
    assert done.returncode == 0, done.stderr.decode()
    assert stats["campaigns"] == 600
    assert stats["tokens_given"] >= 2
    assert_clean(tmp_path, done, private=frozenset({"oauth.json"}))


@pytest.mark.slow
def test_refused_credentials_are_told_without_them(tmp_path: Path) -> None:
    """A wrong refresh token: status 4, one sentence with HubSpot's word for it, and the hook is told."""
    told = tmp_path / "told"
    hook = f"{sys.executable} -c {shlex.quote(f'import sys; open({str(told)!r}, chr(119)).write(sys.stdin.read())')}"
    environment = {
        "HUBSPOT_CLIENT_ID": "app",
        "HUBSPOT_CLIENT_SECRET": CLIENT_SECRET,
        "HUBSPOT_REFRESH_TOKEN": "secr3t",
    }
    with simulator(f"client_secret={CLIENT_SECRET}", f"refresh_token={REFRESH}") as base_url:
        done = imported(tmp_path, base_url, "--hook-command", hook, **environment)
    assert done.returncode == 4
    assert b"BAD_REFRESH_TOKEN" in done.stderr
    assert b"secr3t" not in done.stdout + done.stderr
    news = json.loads(told.read_text())
    assert (news["event"], news["status_name"]) == ("failure", "access")
    assert "secr3t" not in told.read_text()


@pytest.mark.slow
def test_a_vault_is_asked_again_when_its_token_is_refused(tmp_path: Path) -> None:
    """The command prints an old token first: its stderr is shown, its stdout never, and the run ends well."""
    vault = tmp_path / "vault.py"
    count = tmp_path / "asked"
    vault.write_text(
        "import pathlib, sys\n"
        f"path = pathlib.Path({str(count)!r})\n"
        "asked = int(path.read_text()) + 1 if path.exists() else 1\n"
        "path.write_text(str(asked))\n"
        "print('vault: asked', asked, file=sys.stderr)\n"
        f"print('secr3t-old-token' if asked == 1 else {VAULT!r})\n"
    )
    with simulator(f"token={VAULT}") as base_url:
        done = imported(tmp_path, base_url, "--token-command", f"{sys.executable} {vault}")
    assert done.returncode == 0, done.stderr.decode()
    assert count.read_text() == "2"
    assert b"vault: asked 2" in done.stderr
    assert_clean(tmp_path, done, private=frozenset({"vault.py"}))
