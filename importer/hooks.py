"""Telling others how a run goes: a command that is run, an address that is posted to. Neither can fail the run."""

import hashlib
import hmac
import os
import shlex
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from importer.posting import Answer, PostError, post

SCHEMA: Final = 1
SIGNATURE_HEADER: Final = "X-Importer-Signature"
TIMESTAMP_HEADER: Final = "X-Importer-Timestamp"
_COMMAND_S: Final = 60.0
_POST_S: Final = 10.0
_WAITS_S: Final = (0.0, 1.0, 5.0)  #: before each try
_STDERR: Final = 2

Post = Callable[[str, bytes, Mapping[str, str]], Answer]


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    return post(url, body, headers, timeout_s=_POST_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Whom to tell, and of which events: `end` (status 0), `failure` (any other), `stall`."""

    command: str | None = None  #: run without a shell, the JSON object on its standard input
    url: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)  #: signs what is posted
    on: frozenset[str] = frozenset({"end", "failure", "stall"})
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)  #: of the command, without secrets
    post: Post = field(default=_post, repr=False)
    sleep: Callable[[float], None] = time.sleep
    wall: Callable[[], float] = time.time  #: epoch seconds
    command_s: float = _COMMAND_S  #: so long may the command take

    def tell(self, event: str, told: Mapping[str, Any]) -> list[str]:
        """Tell of `event` with `told` (JSON values); return what went wrong, a sentence each. Blocks."""
        if event not in self.on:
            return []
        body = orjson.dumps({"schema": SCHEMA, "event": event, **told})
        problems = []
        if self.command is not None:
            problems.append(self._run(self.command, event, told, body))
        if self.url is not None:
            problems.append(self._send(self.url, event, body))
        return [problem for problem in problems if problem is not None]

    def _run(self, command: str, event: str, told: Mapping[str, Any], body: bytes) -> str | None:
        """Run the command, its output going to stderr; return what went wrong."""
        known = {"STATUS": told.get("status"), "STATUS_NAME": told.get("status_name"), "LEDGER": told.get("ledger")}
        named = {"EVENT": event, "RUN": told.get("run"), **known}
        shown = {f"IMPORT_{name}": "" if value is None else str(value) for name, value in named.items()}
        try:
            with subprocess.Popen(  # noqa: S603 - the user's own command, without a shell # nosec B603
                shlex.split(command), stdin=subprocess.PIPE, stdout=_STDERR, env={**self.environment, **shown},
                start_new_session=True,
            ) as process:  # fmt: skip
                try:
                    with suppress(BrokenPipeError):  # it need not read
                        process.communicate(body, timeout=self.command_s)
                except subprocess.TimeoutExpired:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    return f"the hook's command did not end within {self.command_s:g} s and was ended"
        except (OSError, ValueError, IndexError) as error:
            return f"the hook's command cannot be run: {error}"
        return f"the hook's command failed with status {process.returncode}" if process.returncode else None

    def _send(self, url: str, event: str, body: bytes) -> str | None:
        """Post the body, three times at most; return what went wrong."""
        delivery, why = str(uuid.uuid4()), ""
        for wait_s in _WAITS_S:
            self.sleep(wait_s)
            at = str(int(self.wall()))
            headers = {
                "Content-Type": "application/json",
                "X-Importer-Event": event,
                "X-Importer-Delivery": delivery,
                TIMESTAMP_HEADER: at,
                SIGNATURE_HEADER: signature(self.secret or "", at, body),
            }
            try:
                answer = self.post(url, body, headers)
            except PostError as error:
                why = str(error)
                continue
            if 200 <= answer.status < 300:
                return None
            why = f"it answers {answer.status}"
            if answer.status not in {408, 425, 429} and answer.status < 500:
                break
        return f"the webhook was not told: {why}"


def signature(secret: str, at: str, body: bytes) -> str:
    """Return the signature of a body sent `at` (epoch seconds): `v1=` and HMAC-SHA256 of `AT.BODY`, in hex."""
    return "v1=" + hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
