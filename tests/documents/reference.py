"""The tables of docs/reference, written from the code: `python -m tests.documents.reference` (make reference).

A page is prose with parts between `<!-- NAME: begin -->` and `<!-- NAME: end -->`. `PARTS` makes each part.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final

from importer import model, problems
from importer.cli.app import COMMANDS, flags
from importer.cli.command import Command
from importer.cli.explaining import STATUSES
from importer.cli.flags import FLAGS, PANELS, Flag
from importer.errors import PRECEDENCE, ExitStatus
from importer.hubspot import verdicts
from importer.simulator import policy
from importer.simulator.faults import OPERATIONS, TABLE
from importer.simulator.policy import SimulatorPolicy, switch_names
from tests.documents.blocks import ROOT
from tests.documents.fields import entries, fields_of
from tests.documents.markdown import code, row, table
from tests.network import faults as network

DOCS: Final = ROOT / "docs"
_COMMENTED: Final = re.compile(r"^ {4}(\w+)(?:: [^=]*)? = .*?  #: (.+)$", re.MULTILINE)


def comments(module: Any) -> dict[str, str]:
    """Return what the `#:` comments of a module say of its fields and members."""
    found = _COMMENTED.findall(Path(module.__file__).read_text(encoding="utf-8"))
    return dict(reversed(found))  # the first that has a name stands


def exit_statuses() -> list[str]:
    """Return every exit status, and which stands when several hold."""
    told = " > ".join(str(int(status)) for status in PRECEDENCE)
    rows = [row(int(status), status.name, STATUSES[status]) for status in ExitStatus]
    return [*table("status", "name", "meaning", rows=rows), "", f"If several hold, the first of these stands: {told}."]


def failure_codes(first: str, last: str) -> list[str]:
    """Return the codes of failed rows from one to another."""
    names = list(problems.CODES)
    chosen = names[names.index(first) : names.index(last) + 1]
    told = [row(code(name), problems.CODES[name].meaning, problems.CODES[name].fix) for name in chosen]
    return table("code", "meaning", "remedy", rows=told)


def verdict_rows() -> list[str]:
    """Return the table of verdicts."""
    told = [row(line.what, line.outcome, line.step, line.sentence) for line in verdicts.table()]
    return table("what came back", "proves", "next", "why", rows=told)


def _option(flag: Flag) -> str:
    name = f"`{flag.option}`, `--no-{flag.option[2:]}`" if flag.kind == "switch" else code(flag.option)
    return f"{code(flag.short)}, {name}" if flag.short else name


def settings() -> list[str]:
    """Return every setting, below the headings of the help."""
    lines = []
    for panel in PANELS:
        told = [
            row(_option(flag), code(flag.metavar), flag.default, code(flag.variable),
                flag.commands.replace(" ", ", "), flag.help)
            for flag in FLAGS if flag.panel == panel
        ]  # fmt: skip
        heads = ("option", "value", "default", "environment", "commands", "what it does")
        lines += [f"## {panel}", "", *table(*heads, rows=told), ""]
    return lines[:-1]


def commands() -> list[str]:
    """Return every command: what it does, its examples, its options."""
    return [line for command in COMMANDS for line in ("", *_command(command))][1:]


def _command(command: Command) -> list[str]:
    usage = " ".join(filter(None, ("importer", command.name, command.argument)))
    own = [row(_option(flag), code(flag.metavar), flag.default, flag.help) for flag in command.more]
    shared = [code(flag.option) for flag in flags(command) if flag not in command.more]
    lines = [f"## {command.name}", "", f"`{usage}`: {command.help}", ""]
    lines += table("example", "what it does", rows=[row(code(line), does) for line, does in command.examples])
    if own:
        lines += ["", *table("option", "value", "default", "what it does", rows=own)]
    if shared:
        lines += ["", f"[Settings](settings.md) that it takes: {', '.join(shared)}."]
    return lines


def faults() -> list[str]:
    """Return every fault of the simulator."""
    told = []
    for fault in TABLE.values():
        struck = [operation for operation in OPERATIONS if operation in fault.operations]
        where = "any" if len(struck) == len(OPERATIONS) else ", ".join(struck)
        told.append(row(code(fault.name), where, f"{fault.parameter:g}" if fault.parameter else "", fault.sentence))
    return table("fault", "strikes", "number", "what happens", rows=told)


def switches() -> list[str]:
    """Return every switch of the simulator."""
    said = comments(policy)
    items = {item.name: item for item in fields(SimulatorPolicy)}
    told = [row(code(name), code(_default(items[name])), said.get(name, "")) for name in switch_names()]
    return table("switch", "default", "meaning", rows=told)


def _default(item: Any) -> str:
    value = item.default_factory() if item.default is MISSING else item.default
    if isinstance(value, tuple):
        return ",".join(value)
    if item.name == "latency":
        return f"{value.kind}:{value.low_s:g}"
    return "" if value is None else str(value)


def states() -> list[str]:
    """Return the states of a record."""
    said = comments(model)
    return table("state", "meaning", rows=[row(code(state), said[state.name]) for state in model.State])


def transitions() -> list[str]:
    """Return what leads from each state to which."""
    told = [
        row(code(state), ", ".join(f"{event} → {following}" for event, following in ways.items()) or "none")
        for state, ways in model.TRANSITIONS.items()
    ]
    return table("state", "event → next state", rows=told)


def pairings() -> list[str]:
    """Return the ways of pairing."""
    said = comments(model)
    return table("pairing", "meaning", rows=[row(code(pairing), said[pairing.name]) for pairing in model.Pairing])


def decisions() -> list[str]:
    """Return the notes of decisions, by their titles."""
    notes = sorted((DOCS / "explanation/decisions").glob("[0-9]*.md"))
    titles = [(note.name, note.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")) for note in notes]
    return [f"- [{title}]({name})" for name, title in titles]


PARTS: Final[dict[str, dict[str, Callable[[], list[str]]]]] = {
    "reference/exit-statuses.md": {"statuses": exit_statuses},
    "reference/failure-codes.md": {
        "unreadable": lambda: failure_codes("row_malformed", "nested_too_deep"),
        "invalid": lambda: failure_codes("name_missing", "name_exists"),
        "not made": lambda: failure_codes("refused", list(problems.CODES)[-1]),
    },
    "reference/verdicts.md": {"verdicts": verdict_rows},
    "reference/settings.md": {"settings": settings},
    "reference/commands.md": {"commands": commands},
    "reference/simulator.md": {"faults": faults, "switches": switches},
    "reference/states.md": {"states": states, "transitions": transitions, "pairings": pairings},
    "reference/summary.md": {
        "object": lambda: fields_of("summary"),
        "books": lambda: fields_of("summary", "books"),
        "counts": lambda: fields_of("summary", "counts"),
        "estimate": lambda: fields_of("summary", "estimate"),
    },
    "reference/ledger.md": {
        "results": lambda: fields_of("results"),
        "failures": lambda: fields_of("failures"),
        "listed": lambda: fields_of("listed"),
        "conflicts": lambda: fields_of("conflicts"),
        "clash": lambda: fields_of("conflicts", "conflicts", "*"),
        "undone": lambda: fields_of("undone"),
    },
    "reference/journal.md": {"entries": entries},
    "reference/network-faults.md": {"faults": lambda: list(network.markdown())},
    "explanation/decisions/index.md": {"decisions": decisions},
}


def written(name: str) -> str:
    """Return a page as it ought to be; raise `ValueError` for a part without its place."""
    text = (DOCS / name).read_text(encoding="utf-8")
    for part, make in PARTS[name].items():
        found = re.search(rf"(<!-- {part}: begin -->\n).*?(<!-- {part}: end -->)", text, re.DOTALL)
        if found is None:
            raise ValueError(f"docs/{name} has no place for {part}")
        lines = "\n".join(make())
        text = f"{text[: found.start()]}{found[1]}\n{lines}\n\n{found[2]}{text[found.end() :]}"
    return text


def main() -> None:
    """Write every page anew and name those that were stale."""
    for name in PARTS:
        page = DOCS / name
        before, after = page.read_text(encoding="utf-8"), written(name)
        if before != after:
            page.write_text(after, encoding="utf-8")
            sys.stdout.write(f"docs/{name}\n")


if __name__ == "__main__":
    main()
