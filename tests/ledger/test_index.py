"""The index against a plain dictionary, whatever is sealed and flushed in between."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from importer.errors import LedgerError
from importer.ledger import index as index_module
from importer.ledger.effects import Change
from importer.ledger.identities import states as states_module
from importer.ledger.identities import tiers
from importer.ledger.identities.layout import Known, Mark
from importer.ledger.index import Index
from importer.model import State
from tests.ledger.conftest import TestDisk, content, identity

GUARDING = {State.CREATED, State.IN_DOUBT, State.UNRESOLVED}
STATES = [State.CREATED, State.IN_DOUBT, State.UNRESOLVED, State.FAILED, State.OPEN]
NUMBERS = st.integers(0, 7)


def name_of(number: int) -> str:
    """Return the name of a record; two records share each."""
    return f"Näme {number // 2}"


def make_index(path: Path | None = None) -> Index:
    """Return an index whose ledgers need no sync."""
    return Index(path, before_commit=lambda: None)


class AgainstADictionary(RuleBasedStateMachine):
    """Notes, marks, seals, flushes and passes in any order; the index must answer as the dictionaries do."""

    def __init__(self) -> None:
        super().__init__()
        self.index = make_index()
        self.known: dict[int, Known] = {}
        self.ever: set[int] = set()  # what was created at any time
        self.names: dict[int, str] = {}
        self.marks: dict[int, Mark] = {}
        self.begun: dict[int, State] = {}
        self.passes = 0
        self.sources = ["a.csv", "b.csv"]
        for source in self.sources:
            self.index.source_number(source)
        self.begin()

    def teardown(self) -> None:
        """Close the file."""
        self.index.close()

    @rule()
    def begin(self) -> None:
        """Begin a pass, as a run does after opening: all that was noted is in the file."""
        self.index.seal({})
        self.index.flush()
        self.passes += 1
        guards = self.index.begin_pass(self.passes)
        self.marks = {}
        self.begun = {number: known.state for number, known in self.known.items()}
        self.guarded = any(state in GUARDING for state in self.begun.values())
        assert guards == self.guarded
        for what in range(3):
            made = [n for n, known in self.known.items() if known == Known(State.CREATED, content(what))]
            assert self.all_created(made, what)
            assert not [n for n in range(8) if n not in made and self.all_created([*made, n], what)]

    def all_created(self, numbers: list[int], what: int) -> bool:
        """Ask for many at once."""
        identities = [identity(n) for n in numbers]
        return self.index.all_created(identities, [content(what)] * len(numbers), self.index.filed(identities))

    @rule(changes=st.lists(st.tuples(NUMBERS, st.sampled_from(STATES), st.integers(0, 2)), min_size=1, max_size=3))
    def note(self, changes: list[tuple[int, State, int]]) -> None:
        """Take what entries changed."""
        taken = [
            Change(identity(n), state, content(what), name_of(n), self.sources[n % 2]) for n, state, what in changes
        ]
        self.index.note(taken, dict)
        for number, state, what in changes:
            self.known[number] = Known(state, content(what))
            self.ever |= {number} if state is State.CREATED else set()
            if state not in GUARDING:  # it guards again only when it is sent again, which a row of this pass does
                self.begun.pop(number, None)

    @rule(number=NUMBERS, what=st.integers(0, 2), line=st.integers(1, 9))
    def mark(self, number: int, what: int, line: int) -> None:
        """Meet a record in the pass."""
        times = self.marks[number][3] + 1 if number in self.marks else 1
        self.marks[number] = (content(what), number % 2, line, times)
        self.index.mark({identity(number): self.marks[number]})

    @rule()
    def seal(self) -> None:
        """Make everything ready to be written."""
        self.index.seal({})

    @rule()
    def flush(self) -> None:
        """Write what is ready."""
        self.index.flush()

    @precondition(lambda self: self.passes)
    @invariant()
    def answers_alike(self) -> None:
        """What is known, marked and guarding is what the dictionaries say."""
        found = self.index.known([identity(n) for n in range(8)])
        for number in range(8):
            known, mark = found.get(identity(number), (None, None))
            wanted = self.known.get(number)
            assert mark == self.marks.get(number)
            assert known == wanted
            for what in range(3) if number not in self.marks else ():
                made = self.all_created([number], what)
                assert not made or wanted == Known(State.CREATED, content(what))
            assert number not in self.marks or not self.all_created([number], 0)
        for number in range(8):
            others = (number // 2 * 2, number // 2 * 2 + 1)
            holders = [one for one in others if one in self.known and self.known[one].state in GUARDING]
            unseen = [one for one in holders if one not in self.marks]
            answer = self.index.unseen_holder(name_of(number).upper())
            # What began to guard in this pass was made of a row of it, which is marked; the index may lag for those.
            old = [one for one in unseen if self.begun.get(one) in GUARDING]
            assert answer or not old
            assert not answer or unseen

    @rule()
    def count_gone(self) -> None:
        """Count what was made from a source before and is not in it now."""
        for source, name in enumerate(self.sources):  # what is in memory alone may be missed, but not what was met
            unmet = [n for n in self.ever if n not in self.marks and n % 2 == source]
            assert self.index.gone([name]) <= len(unmet)
        self.index.seal({})
        for source, name in enumerate(self.sources):
            made = [n for n, known in self.known.items() if known.state is State.CREATED]
            wanted = [n for n in made if n not in self.marks and n % 2 == source]
            # In a ledger that held nothing as the pass began, all that is made is made of rows of the pass.
            assert self.index.gone([name]) == (len(wanted) if self.guarded else 0)
        assert self.index.gone(["c.csv"]) == 0


def test_what_was_met_is_not_gone_while_its_newer_entry_is_in_memory() -> None:
    """A campaign that this pass updates stands in the files as an earlier pass met it, until a chunk is written."""
    index, made = make_index(), [Change(identity(1), State.CREATED, content(0), "N", "a.csv")]
    index.begin_pass(1)
    index.note(made, dict)
    index.seal({})
    index.flush()
    assert index.begin_pass(2)
    assert index.gone(["a.csv"]) == 1
    index.mark({identity(1): (content(1), index.source_number("a.csv"), 2, 1)})
    index.note([made[0]._replace(content=content(1))], dict)
    assert index.gone(["a.csv"]) == 0
    index.close()


@pytest.mark.parametrize("chunk", [1, 3, 20_000])
def test_against_a_dictionary(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size of a chunk, the index answers as plain dictionaries do."""
    monkeypatch.setattr(index_module, "CHUNK_RECORDS", chunk)
    monkeypatch.setattr(tiers, "FAN_IN", 2)
    machine: Any = AgainstADictionary
    from hypothesis.stateful import run_state_machine_as_test  # noqa: PLC0415 - slow to import

    run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=25, deadline=None))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """Return an index in a file."""
    made = make_index(tmp_path / "index")
    yield made
    made.close()


def test_only_what_is_sealed_survives(tmp_path: Path) -> None:
    """Without sealing, the file stays at the position before: replay brings the rest."""
    one = make_index(tmp_path / "i")
    one.note([Change(identity(1), State.CREATED, content(1), "x")], dict)
    one.seal({"n": 4})
    one.note([Change(identity(2), State.CREATED, content(2), "x")], dict)
    one.flush()
    one.close()
    two = make_index(tmp_path / "i")
    assert two.position is not None
    assert two.position["n"] == 4
    assert [key for key, _state, _content in two.states()] == [identity(1)]
    assert two.count(State.CREATED) == 1
    two.close()


def test_the_ledgers_are_synced_before_the_index(tmp_path: Path) -> None:
    """The index never vouches for rows that a power loss can still take: they are synced before it is written."""
    log: list[list[Any]] = []
    synced = Index(tmp_path / "i", before_commit=lambda: log.append(list(synced.states())))
    synced.note([Change(identity(1), State.CREATED, content(1), "x")], dict)
    synced.flush()
    assert log == []
    synced.seal({"n": 1})
    synced.flush()
    assert log == [[]]
    synced.close()


def test_what_could_not_be_written_is_known_and_not_tried_again(tmp_path: Path) -> None:
    """After a failed write the chunk is still known from memory, and every later flush ends in the same error."""
    disk = TestDisk()
    index = Index(tmp_path / "i", before_commit=lambda: None, disk=disk)
    index.note([Change(identity(1), State.CREATED, content(1), "x")], dict)
    index.seal({"n": 1})
    disk.room = 0
    with pytest.raises(LedgerError, match="No space left") as caught:
        index.flush()
    disk.room = None
    with pytest.raises(LedgerError) as again:
        index.flush()
    assert again.value is caught.value is index.broken
    assert index.known([identity(1)])[identity(1)][0] == Known(State.CREATED, content(1))
    index.close()
    two = make_index(tmp_path / "i")
    assert (two.position, two.count(State.CREATED)) == (None, 0)
    two.close()


def test_a_version_before_or_after_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index of another version has no position: it is made again."""
    monkeypatch.setattr(states_module, "VERSION", 99)
    one = make_index(tmp_path / "i")
    one.seal({"n": 1})
    one.flush()
    one.close()
    monkeypatch.undo()
    two = make_index(tmp_path / "i")
    assert two.position is None
    two.close()


def test_many_identities_are_asked_for_at_once(index: Index) -> None:
    """A question may name more identities than one query can."""
    changes = [Change(identity(n), State.CREATED, content(n), f"n{n}") for n in range(2_500)]
    index.note(changes, dict)
    index.seal({})
    index.flush()
    found = index.known([identity(n) for n in range(0, 5_000, 2)])
    assert len(found) == 1_250
    assert all(known == Known(State.CREATED, key[-16:]) for key, (known, _mark) in found.items())


def test_sources_keep_their_numbers(tmp_path: Path) -> None:
    """Numbers of sources hold over the life of the file."""
    one = make_index(tmp_path / "i")
    assert [one.source_number(name) for name in ("a", "b", "a")] == [0, 1, 0]
    one.seal({})
    one.flush()
    one.close()
    two = make_index(tmp_path / "i")
    assert [two.source_number(name) for name in ("c", "b")] == [2, 1]
    assert two.source_name(0) == "a"
    two.close()
