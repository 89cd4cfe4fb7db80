"""Hooks: a command and a webhook are told, signed, a few times at most; nothing they do can fail a run."""

import hashlib
import hmac
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from importer.hooks import Hooks, signature
from importer.posting import Answer, PostError

TOLD = {"run": 3, "status": 1, "status_name": "some_failed", "ledger": "a.ledger", "line": "2 read = …"}


class Receiver:
    """A webhook that gives the answers it was made with and keeps what it was sent."""

    def __init__(self, *answers: int | str) -> None:
        self.answers = list(answers)
        self.got: list[tuple[bytes, Mapping[str, str]]] = []
        self.slept: list[float] = []

    def post(self, _url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Answer with a status, or fail with a text."""
        self.got.append((body, headers))
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise PostError(answer)
        return Answer(answer, b"")

    def hooks(self) -> Hooks:
        """Return hooks that tell this receiver, at a fixed time."""
        return Hooks(
            url="https://example.org/x",
            secret="s3cret",
            post=self.post,
            sleep=self.slept.append,
            wall=lambda: 1_700_000_000.5,
        )


def script(folder: Path, body: str) -> str:
    """Return the command line of a Python program."""
    path = folder / "hook.py"
    path.write_text(body)
    return f"{sys.executable} {path}"


def test_a_command_gets_the_object_and_a_few_variables(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The JSON object is its standard input; its output goes to stderr, for stdout is data; no secret is passed on."""
    command = script(
        tmp_path,
        "import json, os, sys\n"
        f"open({str(tmp_path / 'got')!r}, 'w').write(json.dumps([json.load(sys.stdin), dict(os.environ)]))\n"
        "print('hello from the hook')\n",
    )
    assert Hooks(command=command, environment={"KEPT": "1"}).tell("failure", TOLD) == []
    told, environment = json.loads((tmp_path / "got").read_text())
    assert told == {"schema": 1, "event": "failure", **TOLD}
    assert environment["KEPT"] == "1"
    assert {name: environment[name] for name in environment if name.startswith("IMPORT_")} == {
        "IMPORT_EVENT": "failure", "IMPORT_RUN": "3", "IMPORT_STATUS": "1",
        "IMPORT_STATUS_NAME": "some_failed", "IMPORT_LEDGER": "a.ledger",
    }  # fmt: skip
    out, err = capfd.readouterr()
    assert "hello from the hook" in err
    assert not out


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("/no/such/thing", "cannot be run"),
        ("'unbalanced", "cannot be run"),
        ("", "cannot be run"),
        ("false", "status 1"),
    ],
)
def test_a_command_that_fails_is_a_sentence(command: str, says: str) -> None:
    """Not there, badly quoted, empty, failed."""
    (problem,) = Hooks(command=command, environment={"PATH": "/usr/bin:/bin"}).tell("end", TOLD)
    assert says in problem


def test_a_command_that_does_not_end_is_ended_with_all_that_it_started() -> None:
    """Its whole group is killed: a child that holds its output open does not hold the run."""
    hooks = Hooks(command="sh -c 'sleep 600 & sleep 600'", environment={"PATH": "/usr/bin:/bin"}, command_s=0.2)
    (problem,) = hooks.tell("end", TOLD)
    assert "did not end within 0.2 s" in problem


def test_a_command_that_does_not_read_is_no_failure() -> None:
    """A large object and a command that ignores it."""
    assert Hooks(command="true", environment={"PATH": "/usr/bin:/bin"}).tell("end", {"x": "y" * 1_000_000}) == []


def test_what_is_posted_is_signed() -> None:
    """A receiver that knows the secret can check time and body, and tell repetitions by the delivery's id."""
    receiver = Receiver(204)
    assert receiver.hooks().tell("end", TOLD) == []
    ((body, headers),) = receiver.got
    at = headers["X-Importer-Timestamp"]
    wanted = hmac.new(b"s3cret", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-Importer-Signature"] == f"v1={wanted}" == signature("s3cret", at, body)
    assert at == "1700000000"
    assert headers["X-Importer-Event"] == "end"
    assert json.loads(body)["status"] == 1


def test_a_receiver_that_is_away_is_told_again() -> None:
    """503 and no connection are tried again after a wait, under the same delivery's id."""
    receiver = Receiver(503, "no connection", 200)
    assert receiver.hooks().tell("end", TOLD) == []
    assert receiver.slept == [0.0, 1.0, 5.0]
    assert len({headers["X-Importer-Delivery"] for _, headers in receiver.got}) == 1


@pytest.mark.parametrize(
    ("answers", "says", "tries"),
    [
        ((500, 500, 500), "answers 500", 3),
        (("no connection",) * 3, "no connection", 3),
        ((404,), "404", 1),
        ((302,), "302", 1),
    ],
)
def test_a_receiver_that_does_not_take_it_is_a_sentence(answers: tuple[int | str, ...], says: str, tries: int) -> None:
    """Three tries at most, one where trying again is pointless; the address, which may be a secret, is not shown."""
    receiver = Receiver(*answers)
    (problem,) = receiver.hooks().tell("end", TOLD)
    assert says in problem
    assert "example.org" not in problem
    assert len(receiver.got) == tries


def test_only_the_events_that_were_asked_for_are_told() -> None:
    """Hooks for failures hear of no good end."""
    receiver = Receiver(200)
    hooks = Hooks(url="https://example.org", secret="x", on=frozenset({"failure"}), post=receiver.post)
    assert hooks.tell("end", TOLD) == []
    assert not receiver.got
    assert "x" not in repr(hooks).replace("example", "")
