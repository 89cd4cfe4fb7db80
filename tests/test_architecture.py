"""The rules of the house, held by reading the source: arrows, purity, sizes, names."""

import re
from typing import Final

import pytest

import importer
from tests.source_trees import HOUSE, ROOT, Module, module_of

LINES_MAX: Final = 300
FUNCTION_LINES_MAX: Final = 70

#: From the ground up. A module imports only from layers below its own; a folder is one unit and may import itself.
LAYERS: Final = (
    ("model", "errors", "problems", "canonical", "near_miss", "formulas", "version", "arrivals", "concurrency",
     "hiding", "legible", "amounts", "moments", "platforms", "cli.flags"),
    ("sources", "hubspot", "ledger", "simulator", "report", "properties", "codecs", "batches", "pairing",
     "attribution", "pacing", "gate", "outage", "server_clock", "stopping", "logs", "workbook",
     "renewal", "posting"),
    ("rules", "canary", "checks", "matching", "echo", "refusals", "admission", "inspecting", "reporting",
     "run_entries", "comparing", "spooled", "limits", "oauth", "hooks", "telemetry", "items.amounts", "sharing"),
    ("unattended", "items.mapped", "outcomes"),
    ("mapping", "settings", "doubts", "answers", "failed_rows"),
    ("records", "lookup", "reconcile"),
    ("columnar", "turns", "asking", "rereading"),
    ("plan", "preflight", "reading", "sending", "archiving", "updating", "under_way"),
    ("producing", "summing_up", "up_to_date", "probing", "proposing", "doctor", "inquiring", "undone", "items"),
    ("first_batch", "estimating", "upserting"),
    ("pipeline", "dry_run", "beside", "undoing", "remote_check"),
    ("settling", "adopting", "setting_up"),
    ("runs", "schemas", "fleet"),
    ("cli",),
    ("library",),
    ("", "__main__"),
)  # fmt: skip

#: What a station in a folder of its own may know of the rest of the house.
KNOWN_TO: Final = {
    "sources": {"model", "errors", "near_miss", "platforms", "version"},
    "hubspot": {"model", "errors"},
    "ledger": {"model", "errors", "problems", "canonical", "moments", "platforms"},
    "report": {"model", "errors", "problems", "legible", "platforms"},
    "simulator": {"errors", "platforms"},
}

#: Without I/O, clock, chance or async: they can be read, and tested, as tables of values.
PURE: Final = frozenset(
    re.findall(
        r"\S+",
        """
    model errors problems canonical near_miss formulas legible amounts moments properties codecs rules checks mapping
    records columnar canary batches pairing echo comparing attribution refusals matching arrivals concurrency
    server_clock summing_up cli.flags
    proposing.words proposing.dates proposing.columns proposing.orders proposing.fitting proposing.scores
    proposing.proposal proposing.writing proposing.ready doctor.findings doctor.shared_findings
    hubspot.definitions hubspot.token_told
    probing.findings probing.observations probing.judging probing.manners
    hubspot.wire hubspot.exchange hubspot.error_body hubspot.steps hubspot.stops hubspot.throttle hubspot.verdicts
    ledger.codec ledger.entries ledger.archives ledger.rows ledger.fold ledger.effects ledger.modes_fold
    ledger.mode_entries ledger.position report.books
    report.timeline report.facts report.words report.charts
    ledger.identities.layout ledger.identities.bloom ledger.identities.newest
    sources.policy sources.sniff sources.json_values sources.lines sources.tape sources.encoding
    sources.gathering sources.json_lines sources.typed_values sources.header sources.addresses
    telemetry.figures fleet.model fleet.engine fleet.standing fleet.schedule fleet.places
    sharing.window sharing.kept sharing.clock sharing.book sharing.redis_address
    items.amounts items.mapped items.telling items.judging ledger.item_entries ledger.items_fold
    ledger.items_audit report.item_books
    simulator.faults simulator.fault_acts simulator.struck simulator.policy simulator.rules simulator.properties
    simulator.replies simulator.routes simulator.limits simulator.store
""",
    )
)
IMPURE: Final = frozenset(
    {"aiohttp", "anyio", "os", "time", "pathlib", "socket", "tempfile", "sqlite3", "subprocess", "threading"}
)


MODULES: Final = [module_of(path) for path in sorted(HOUSE.rglob("*.py"))]
NAMES: Final = frozenset(module.name for module in MODULES)
TESTS: Final = [module_of(path) for path in sorted((ROOT / "tests").rglob("*.py"))]


def own_imports(module: Module) -> set[str]:
    """Return the modules of the house that `module` imports."""
    found = set()
    for name in module.facts.imported:
        if name.split(".")[0] == "importer":
            inner = name.removeprefix("importer").removeprefix(".")
            found.add(inner if inner in NAMES else inner.rpartition(".")[0])
    return found - {module.name}


def place(name: str) -> tuple[int, str]:
    """Return layer and unit of a module; a module named in `LAYERS` is a unit of its own even inside a folder."""
    for unit in (name, name.partition(".")[0]):
        for level, units in enumerate(LAYERS):
            if unit in units:
                return level, unit
    raise AssertionError(f"add {name} to LAYERS")


def test_imports_point_down() -> None:
    """A module imports only what lies below it: no station knows another of its own height."""
    assert not [
        f"{module.shown} may not import {name}"
        for module in MODULES
        for name in sorted(own_imports(module))
        if place(name)[1] != place(module.name)[1] and place(name)[0] >= place(module.name)[0]
    ]


@pytest.mark.parametrize("folder", KNOWN_TO)
def test_a_folder_knows_only_the_nouns(folder: str) -> None:
    """A station in a folder imports the nouns and itself, and nothing of its neighbours."""
    for module in MODULES:
        if module.name.split(".")[0] == folder:
            others = {name for name in own_imports(module) if name.split(".")[0] != folder}
            assert others <= KNOWN_TO[folder], f"{module.shown} imports {sorted(others - KNOWN_TO[folder])}"


def test_every_unit_exists() -> None:
    """The layers and the list of pure modules name nothing that is gone."""
    units = [unit for layer in LAYERS for unit in layer]
    assert len(units) == len(set(units))
    assert set(units) <= NAMES
    assert PURE <= NAMES


@pytest.mark.parametrize("name", sorted(PURE))
def test_pure_modules_are_pure(name: str) -> None:
    """A pure module does no I/O, asks no clock, throws no dice and waits for nothing."""
    module = next(module for module in MODULES if module.name == name)
    assert not module.facts.packages & IMPURE
    assert not module.facts.waits
    assert not {found for found in module.facts.imported if found.startswith("random")} - {"random.Random"}
    assert not module.facts.called & {"utcnow", "today", "print"}
    assert not re.search(r"\b(datetime|date)\.now\(|(?<![.\w])(open|input)\(", module.path.read_text(encoding="utf-8"))


def test_who_calls_itself_pure_is_held_to_it() -> None:
    """A module whose docstring says that it is pure stands in the list that is checked."""
    says = {m.name for m in MODULES if re.search(r"This module is pure|\bPure\b", m.facts.docstring or "")}
    assert not says - PURE


def test_nobody_imports_asyncio() -> None:
    """Everything waits through anyio, so that tests own the time."""
    assert not [module.shown for module in MODULES + TESTS if "asyncio" in module.facts.packages]


def test_aiohttp_stays_at_the_border() -> None:
    """Only the transport and the simulator know aiohttp."""
    users = {module.name for module in MODULES if "aiohttp" in module.facts.packages}
    assert not {name for name in users if name != "hubspot.transport" and not name.startswith("simulator.")}


def test_only_the_pipeline_makes_streams() -> None:
    """One module makes streams, so one module has to know who closes them."""
    assert {module.name for module in MODULES if "create_memory_object_stream" in module.facts.words} == {"pipeline"}


def test_only_the_command_line_prints_and_exits() -> None:
    """Nobody below the command line prints, exits or reads the environment, but settings and a cluster's worker."""
    below = [module for module in MODULES if module.name.split(".")[0] not in {"cli", "__main__"}]
    assert not [module.shown for module in below if module.facts.called & {"print", "exit", "input"}]
    assert {module.name for module in below if module.facts.words & {"environ", "getenv"}} <= {
        "settings",
        "fleet.dask_task",
    }


def test_files_are_short() -> None:
    """A file fits into one reading."""
    lines = {module.shown: len(module.path.read_text(encoding="utf-8").splitlines()) for module in MODULES + TESTS}
    assert not {shown: count for shown, count in lines.items() if count > LINES_MAX}


def test_functions_are_short() -> None:
    """A function fits on a screen."""
    long = {(m.shown, f.name): f.lines for m in MODULES + TESTS for f in m.facts.functions}
    assert not {where: lines for where, lines in long.items() if lines > FUNCTION_LINES_MAX}


def test_modules_have_names_and_docstrings() -> None:
    """No module is a drawer for everything, and each says what it is for."""
    drawers = {"utils", "util", "helpers", "common", "misc"}
    assert not [module.shown for module in MODULES + TESTS if drawers & set(re.split(r"[._]", module.name))]
    assert not [module.shown for module in MODULES + TESTS if not module.facts.docstring]


def test_tests_say_what_they_prove() -> None:
    """Each test has a docstring."""
    tests = [(module.shown, f) for module in TESTS for f in module.facts.functions if f.name.startswith("test_")]
    assert not [(shown, f.name) for shown, f in tests if not f.docstring]


def test_tests_use_no_mocks() -> None:
    """Fakes behave, instead of being told what to answer; a mock *clock* keeps time."""
    names = {(module.shown, name) for module in TESTS for name in module.facts.imported}
    assert not {(shown, name) for shown, name in names if name.startswith("unittest") or name.endswith(".mock")}


def test_test_files_have_names_of_their_own() -> None:
    """No two test modules share a name: reports and `-k` stay clear."""
    names = [module.path.name for module in TESTS if module.path.name != "conftest.py"]
    assert len(names) == len(set(names))


def test_the_package_hands_out_run_import() -> None:
    """`from importer import run_import` works, and what does not exist is refused as usual."""
    assert importer.run_import.__module__ == "importer.library"
    assert importer.__all__ == ["run_import"]
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = importer.no_such_thing


def test_the_map_names_what_exists() -> None:
    """Every module that the map of the package lists is there."""
    listed = re.findall(r"^ {4}([a-z_]+(?:, [a-z_]+)*) {2,}", importer.__doc__ or "", re.MULTILINE)
    words = {word for line in listed for word in line.split(", ")}
    assert len(words) > 20
    assert words <= {name.split(".")[0] for name in NAMES}
