"""A fleet on disk and the command that drives it, as processes, against a simulator of many accounts."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fleet.spans import overlaps
from tests.kills.checker import judge
from tests.warm import OfCluster, Warm

ENOUGH_S = 240.0  # a busy machine may need minutes, and nothing here says how fast anything is


def fetched(address: str) -> bytes:
    """Return what is at an address of this machine's loopback."""
    with urllib.request.urlopen(address) as reply:  # noqa: S310 - loopback
        return bytes(reply.read())


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A fleet of `accounts` with `each` imports of `rows` campaigns."""

    folder: Path
    base_url: str
    accounts: int = 3
    each: int = 2
    rows: int = 120
    engine: str = "local"
    at_once: int = 2
    more: tuple[str, ...] = ()  #: lines of the table [fleet], and of tables within it
    tokens: str = "env"  #: where tokens are: `env` of the command, or a `file` beside the fleet's
    environment: Mapping[str, str] = field(default_factory=dict)  #: of the command, beside this process' own
    before: Sequence[str] = ()  #: what the command's line begins with: that of another host
    fetch: Callable[[str], bytes] = fetched  #: how the server is asked for what it made
    started: "list[subprocess.Popen[str]]" = field(default_factory=list)
    options: str = 'options = { workers = 2, grace = 0.3, timeout = 0.5, settle = 0.3, duplicates = "create" }'

    @property
    def file(self) -> Path:
        """The fleet file."""
        return self.folder / "fleet.toml"

    @property
    def directory(self) -> Path:
        """The fleet's directory."""
        return self.folder / "shared"

    def names(self) -> list[tuple[int, str]]:
        """Return account and name of each import."""
        return [(a, f"i{a}-{n}") for a in range(1, self.accounts + 1) for n in range(self.each)]

    def inputs(self, name: str) -> list[dict[str, str]]:
        """Return the rows of an import."""
        return [{"hs_name": f"{name} {n}", "hs_notes": name} for n in range(self.rows)]

    def write(self) -> None:
        """Write the fleet file and every source."""
        lines = [
            "[fleet]",
            'directory = "shared"',
            f'engine = "{self.engine}"',
            f"at_once = {self.at_once}",
            *self.more,
        ]
        for number in range(1, self.accounts + 1):
            lines += [f"[accounts.a{number}]", f'token = "{self._token(number)}"', f'base_url = "{self.base_url}"']
        if self.engine != "local":
            self.directory.mkdir(exist_ok=True)
        for number, name in self.names():
            rows = "".join(f"{row['hs_name']},{row['hs_notes']}\n" for row in self.inputs(name))
            (self.folder / f"{name}.csv").write_text("hs_name,hs_notes\n" + rows)
            lines += ["[[imports]]", f'name = "{name}"', f'account = "a{number}"', f'source = "{name}.csv"']
            lines.append(self.options)
        self.file.write_text("\n".join(lines))

    def _token(self, number: int) -> str:
        """Put the token of an account where a process of it finds it; return where that is."""
        if self.tokens == "env":
            return f"env:TOKEN_{number}"
        file = self.folder / f"token-{number}"
        file.write_text(f"account-{number}")
        file.chmod(0o600)
        return f"file:{file.name}"

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start the command."""
        tokens = {f"TOKEN_{number}": f"account-{number}" for number in range(1, self.accounts + 1)}
        given = tokens if self.tokens == "env" else {}
        line = [*self.before, sys.executable, "-m", "importer", "fleet", *words, str(self.file)]
        process = (Warm if self.engine == "local" else OfCluster)(
            line, env={**os.environ, **given, **self.environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        self.started.append(process)
        return process

    def stop(self) -> None:
        """Kill what a failed test left at work."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def run(self, *words: str) -> tuple[int, str, str]:
        """Run the command to its end; return status, stdout and stderr."""
        with self.start(*words) as process:
            out, err = process.communicate(timeout=ENOUGH_S)
            return process.returncode, out, err

    def history(self) -> list[dict[str, Any]]:
        """Return the whole lines of the history."""
        path = self.directory / "history.jsonl"
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines if line]

    def wait_for(self, process: "subprocess.Popen[str]", condition: Callable[[], bool]) -> None:
        """Return when something is so; fail when the command ends before, or it takes too long."""
        until = time.monotonic() + ENOUGH_S
        while not condition():
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < until
            time.sleep(0.02)  # what is waited for is in files of another process

    def wait_for_running(self, process: "subprocess.Popen[str]", count: int) -> None:
        """Return when so many imports have begun."""
        self.wait_for(process, lambda: sum(line["state"] == "running" for line in self.history()) >= count)

    def journals(self, account: int) -> list[Path]:
        """Return the journals of an account's imports."""
        return [self.folder / f"{name}.csv.ledger" / "journal.jsonl" for of, name in self.names() if of == account]

    def sent(self, account: int) -> int:
        """Return how many requests of an account are noted as about to be sent."""
        there = [path for path in self.journals(account) if path.exists()]
        return sum(path.read_bytes().count(b'"t":"intent"') for path in there)

    def violations(self) -> list[str]:
        """Compare every ledger with what the server made of its account, and the spans of its runs with each other."""
        found = []
        for number in range(1, self.accounts + 1):
            address = f"{self.base_url}/__simulator__/truth?account=account-{number}"
            made = [json.loads(line) for line in self.fetch(address).splitlines()]
            found += overlaps(self.journals(number))
            mine = [name for account, name in self.names() if account == number]
            strangers = Counter(one["properties"].get("hs_notes") for one in made) - Counter(
                dict.fromkeys(mine, self.rows)
            )
            found += [f"twice or foreign: {name}" for name in strangers]
            for name in mine:
                of_import = [one for one in made if one["properties"].get("hs_notes") == name]
                found += judge(self.folder / f"{name}.csv.ledger", self.inputs(name), of_import).violations
        return found
