"""The reference agrees with the code: every option, code, state, field and fault stands in it, and nothing else.

A table of `docs/reference` is written by hand and checked line by line: `TABLES` makes the lines that the code
asks for, and a test that fails prints the ones to add and the ones to remove.
"""

import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from importer import model, problems
from importer.cli.app import COMMANDS
from importer.cli.explaining import STATUSES
from importer.cli.flags import FLAGS, Flag
from importer.errors import PRECEDENCE, ExitStatus
from importer.hubspot import verdicts
from importer.ledger import entries
from importer.ledger.fold import Fold
from importer.report.books import Books, Summary, Tally
from importer.report.summary import as_json
from importer.simulator import policy
from importer.simulator.faults import OPERATIONS, TABLE
from importer.simulator.policy import SimulatorPolicy, switch_names
from importer.summing_up import NOT_COUNTS

ROOT: Final = Path(__file__).resolve().parents[1]
REFERENCE: Final = ROOT / "docs" / "reference"
_COMMENTED: Final = re.compile(r"^ {4}(\w+)(?:: [^=]*)? = .*?  #: (.+)$", re.MULTILINE)


def row(*cells: object) -> str:
    """Return one line of a table."""
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def code(text: object) -> str:
    """Return `text` as code, or nothing for nothing."""
    return f"`{text}`" if text not in {"", None} else ""


def comments(module: Any) -> dict[str, str]:
    """Return what the `#:` comments of a module say of its fields and members."""
    found = _COMMENTED.findall(Path(module.__file__).read_text(encoding="utf-8"))
    return dict(reversed(found))  # the first that has a name stands


# The tables


def exit_statuses() -> list[str]:
    """One line for each exit status."""
    return [row(int(status), status.name, STATUSES[status]) for status in ExitStatus]


def failure_codes() -> list[str]:
    """One line for each code of a failed row."""
    return [row(code(name), what.meaning, what.fix) for name, what in problems.CODES.items()]


def verdict_rows() -> list[str]:
    """One line for each row of the table of verdicts."""
    return [row(line.what, line.outcome, line.step, line.sentence) for line in verdicts.table()]


def setting(flag: Flag) -> str:
    """One line for a setting."""
    name = f"`{flag.option}`, `--no-{flag.option[2:]}`" if flag.kind == "switch" else code(flag.option)
    return row(name, code(flag.metavar), flag.default, code(flag.variable), flag.commands.replace(" ", ", "), flag.help)


def settings() -> list[str]:
    """One line for each setting, then one for each option that one command has for itself."""
    own = [(command.name, flag) for command in COMMANDS for flag in command.more]
    return [setting(flag) for flag in FLAGS] + [
        row(code(name), code(flag.option), code(flag.metavar), flag.default, flag.help) for name, flag in own
    ]


def simulator() -> list[str]:
    """One line for each fault, then one for each switch."""
    said = comments(policy)
    faults = []
    for fault in TABLE.values():
        struck = [operation for operation in OPERATIONS if operation in fault.operations]
        where = "any" if len(struck) == len(OPERATIONS) else ", ".join(struck)
        faults.append(row(code(fault.name), where, f"{fault.parameter:g}" if fault.parameter else "", fault.sentence))
    switches = {item.name: item for item in fields(SimulatorPolicy)}
    return faults + [row(code(name), code(default(switches[name])), said.get(name, "")) for name in switch_names()]


def default(item: Any) -> str:
    """Return a switch's default as it is typed."""
    value = item.default_factory() if item.default is MISSING else item.default
    if isinstance(value, tuple):
        return ",".join(value)
    if item.name == "latency":
        return f"{value.kind}:{value.low_s:g}"
    return "" if value is None else str(value)


def states() -> list[str]:
    """One line for each state, event, next states and pairing."""
    said = comments(model)
    return [
        *(row(code(state), said[state.name]) for state in model.State),
        *(
            row(code(state), ", ".join(f"{event} → {following}" for event, following in ways.items()) or "none")
            for state, ways in model.TRANSITIONS.items()
        ),
        *(row(code(pairing), said[pairing.name]) for pairing in model.Pairing),
    ]


TABLES: Final[dict[str, Callable[[], list[str]]]] = {
    "exit-statuses.md": exit_statuses,
    "failure-codes.md": failure_codes,
    "verdicts.md": verdict_rows,
    "settings.md": settings,
    "simulator.md": simulator,
    "states.md": states,
}


@pytest.mark.parametrize("name", TABLES)
def test_the_table_is_that_of_the_code(name: str) -> None:
    """Every line that the code asks for stands in the document, and no other line of a table does."""
    held = (REFERENCE / name).read_text(encoding="utf-8").splitlines()
    wanted = TABLES[name]()
    missing = [line for line in wanted if line not in held]
    heads = {held[at - 1] for at, line in enumerate(held) if line.startswith(("|--", "| --"))}
    stale = [line for line in held if line.startswith("| ") and line not in {*wanted, *heads} and "---" not in line]
    assert not missing, "add to docs/reference/" + name + ":\n" + "\n".join(missing)
    assert not stale, "remove from docs/reference/" + name + ":\n" + "\n".join(stale)


def test_precedence_is_told() -> None:
    """The document says which exit status stands when several hold."""
    told = " > ".join(str(int(status)) for status in PRECEDENCE)
    assert told in (REFERENCE / "exit-statuses.md").read_text(encoding="utf-8")


# The ledger's files


def sample_rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return rows of results and failures of every origin: reply, refusal, lookup, decision, rejection."""
    fold = Fold()
    items = [[0, at, at + 2, f"{at:032x}", f"name {at}", f"{at:016x}"] for at in range(6)]
    failed = {"i": 1, "code": "refused", "message": "no", "column": None, "fix": None, "attribution": "record",
              "row": None}  # fmt: skip
    rejected = {"source": "a.csv", "ordinal": 9, "line": 11, "identity": None, "name": None, "state": "failed",
                "problems": [{"code": "name_missing", "message": "no name"}], "row": {}}  # fmt: skip
    body: dict[str, Any] = {"inputs": [{"properties": {}} for _ in items]}
    shown = "2026-11-23T00:00:00Z"
    story: list[dict[str, Any]] = [
        {"t": "run", "run": 1, "scheme": {"key_space": ""}},
        {"t": "intent", "run": 1, "a": 1, "srv": None, "at": 0.0, "src": ["a.csv"], "items": items, "body": body},
        {"t": "outcome", "of": 1, "corr": None, "returned": [], "doubt": [2, 3, 4, 5], "failed": [failed],
         "created": [[0, "id0", shown, "exact", {"hs_name": "x"}]]},
        {"t": "resolve", "of": 1, "run": 1, "evidence": {}, "absent": [], "failed": [],
         "unresolved": [[3, "why"], [4, "why"]],
         "created": [[2, "id2", shown, "listing", None]]},
        {"t": "resolve", "of": 1, "run": 1, "evidence": {}, "absent": [5], "failed": [], "unresolved": [],
         "created": [[4, "id4", shown, "listing", None]]},
        {"t": "decision", "of": 1, "i": 3, "identity": items[3][3], "decision": "created", "id": "id3"},
        {"t": "reject", "run": 1, "items": [rejected]},
    ]  # fmt: skip
    effects = [fold.apply(n, entry) for n, entry in enumerate(story)]
    return [line for e in effects for line in e.results], [line for e in effects for line in e.failures]


def field_names(document: str, heading: str) -> set[str]:
    """Return the first cells of the table below a heading of a document."""
    section = (ROOT / "docs" / document).read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_every_field_of_a_result_is_told() -> None:
    """The document lists just the fields that rows of results.jsonl have."""
    assert field_names("reference/ledger.md", "results.jsonl") == {name for line in sample_rows()[0] for name in line}


def test_every_field_of_a_failure_is_told() -> None:
    """The document lists just the fields that rows of failures.jsonl have."""
    assert field_names("reference/ledger.md", "failures.jsonl") == {name for line in sample_rows()[1] for name in line}


def test_every_entry_of_the_journal_is_told() -> None:
    """The document lists just the types of entry that the journal has."""
    types = set()
    for kind in get_args(entries.Entry):
        types |= set(get_args(kind.__annotations__["t"]))
    assert field_names("reference/ledger.md", "journal.jsonl") == types


def test_every_key_of_the_summary_is_told() -> None:
    """The document lists just the keys, states and counts that summary.json has."""
    summary = Summary(
        run=1, status=ExitStatus.OK, reason=None, hint=None, books=Books(), counts={}, ledger="", sources=(),
        account=None, base_url="", started_at="", seconds=0.0,
    )  # fmt: skip
    assert field_names("summary.md", "The object") == set(as_json(summary))
    assert field_names("summary.md", "books") == {item.name for item in fields(Books)}
    assert field_names("summary.md", "counts") == counts()


def counts() -> set[str]:
    """Return the counts that a real, empty, summary holds."""
    return {item.name for item in fields(Tally)} - NOT_COUNTS
