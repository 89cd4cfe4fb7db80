"""Mutants: every kind of change is made, each is Python, and what the tests notice and do not notice is told apart."""

from collections import Counter
from pathlib import Path

import pytest

from tests.depth import share
from tests.planted.equivalents import EQUIVALENTS
from tests.planted.mutants import mutants
from tests.planted.mutate import KILLED, MODULES, SURVIVED, Bench, Module, change_of
from tests.planted.trees import ROOT

KINDS = [
    ("x = a < b", {"x = (a <= b)"}),
    ("x = a is not b", {"x = (a is b)"}),
    ("x = a and b", {"x = (a or b)", "x = (a)", "x = (b)"}),
    ("x = a + 2", {"x = (a - 2)", "x = a + (3)", "x = a + (1)"}),
    ("x += a", {"x -= a", "pass"}),
    ("x = -1", {"x = (1)"}),
    ("x = not a", {"x = (a)"}),
    ("x = 1.5", {"x = (4.0)"}),
    ("x = True", {"x = False"}),
    ("x = 'word'", {'x = ""'}),
    ("x = 'a sentence'", set()),
    ("x = f'{a + 1}'", set()),
    ("x: 'word'", set()),
    ("assert a == b", set()),
    ("x = min(a, b)", {"x = max(a, b)"}),
    ("x = [E.ONE, a, E.TWO]", {"x = [E.TWO, a, E.TWO]", "x = [E.ONE, a, E.ONE]"}),
    ("x = {a(), b(), c()}", {"x = {b(), c()}", "x = {a(), c()}", "x = {a(), b()}"}),
    ("x = (a.b, c.d)", {"x = (c.d,)", "x = (a.b,)"}),
    ("x = [a for a in b if a]", {"x = [a for a in b if (not (a))]"}),
    ("x = a if b else c", {"x = a if (not (b)) else c"}),
    ("if a == b: call()", {"if (a != b): call()", "if a == b: pass"}),
    ("while a: break", {"while (not (a)): break", "while a: continue"}),
    ("def f(): return a", {"def f(): return None"}),
    ("def f(): return None", set()),
    ("self.a = b", {"pass"}),
    ("a = b", set()),
    ("raise a", {"pass"}),
    ("'''What it is.'''", set()),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), KINDS)
def test_every_kind_of_change_is_made(source: str, expected: set[str]) -> None:
    """From one line come the mutants which its kind has, and no others."""
    assert {one.applied(source.encode()).decode() for one in mutants(source.encode())} == expected


@pytest.mark.parametrize("module", MODULES)
def test_mutants_are_python(module: str) -> None:
    """The mutants of the modules can be compiled, are told by the lines they change, and their tests are there."""
    source = (ROOT / "importer" / module).read_bytes()
    found = mutants(source)
    assert len(found) > 20
    for mutant in share(found, one_of=4):
        compile(mutant.applied(source), module, "exec")
        was, now = change_of(source, mutant)
        assert was != now
    assert all((ROOT / path).exists() for tests in MODULES[module] for path in tests.split())


def test_what_is_called_equivalent_is_one_mutant() -> None:
    """Each entry of the list of equivalents names one mutant of today's code, not more, with a reason."""
    changes: Counter[tuple[str, str, str]] = Counter()
    for module in {module for module, _was, _now in EQUIVALENTS}:
        source = (ROOT / "importer" / module).read_bytes()
        changes.update((module, *change_of(source, mutant)) for mutant in mutants(source))
    assert {change: changes[change] for change in EQUIVALENTS} == dict.fromkeys(EQUIVALENTS, 1)
    assert all(EQUIVALENTS.values())


@pytest.mark.slow
def test_what_survives_is_told_from_what_is_killed(tmp_path: Path) -> None:
    """One mutant fails a test, another none, and the copy is whole again after each."""
    only = Module("tests/ledger/test_codec.py::test_a_line_belongs_to_its_place")
    bench = Bench("ledger/codec.py", only, tmp_path)
    changed = {change_of(bench.source, one): one for one in mutants(bench.source)}
    untested = changed["return False", "return True"]  # of `looks_whole`, which that test does not call
    tested = changed['if not isinstance(entry, dict) or entry.get("n") != n:', "if (not isinstance(entry, dict)):"]
    assert [bench.tried(untested), bench.tried(tested)] == [SURVIVED, KILLED]
    assert (tmp_path / "0" / "main" / "importer" / "ledger" / "codec.py").read_bytes() == bench.source


def test_a_suite_that_fails_unbroken_shows_nothing(tmp_path: Path) -> None:
    """Tests that fail, or are not there, in an unbroken copy end the trial with an error."""
    with pytest.raises(RuntimeError, match="status"):
        Bench("formulas.py", Module("tests/no_such_test.py"), tmp_path)
