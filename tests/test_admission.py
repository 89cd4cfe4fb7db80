"""Which rows of a pass are sent: the rules of identity, one by one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from importer import admission as admission_module
from importer.admission import Admission, AdmissionPolicy, Admitted
from importer.ledger import index as index_module
from importer.ledger.effects import Change
from importer.ledger.index import Index
from importer.mapping import bind, identity_mapping
from importer.model import Record, Rejection, Row, State
from importer.records import RecordMaker, RecordPolicy

COLUMNS = ("Id", "hs_name", "hs_notes", "_identity")


def maker(*key: str) -> RecordMaker:
    """Return a maker of records."""
    columns = COLUMNS if key else COLUMNS[1:]
    return RecordMaker(RecordPolicy(key=key), bind(identity_mapping(columns, key=key), columns))


KEYLESS, KEYED = maker(), maker("Id")


def record(
    ordinal: int, name: str, notes: str = "x", *, key: str = "", source: str = "a.csv", mends: str = ""
) -> Record:
    """Return a record; with a key where one is given."""
    cells = {"hs_name": name, "hs_notes": notes, "_identity": mends} | ({"Id": key} if key else {})
    made = (KEYED if key else KEYLESS).make(Row(source, ordinal, ordinal + 2, None, cells))
    assert isinstance(made, Record)
    return made


class Ledger:
    """An index, and the passes over it."""

    def __init__(self) -> None:
        self.index = Index(None, before_commit=lambda: None)
        self.runs = 0

    def knows(self, state: State, *records: Record) -> None:
        """Let an earlier run have left records in a state."""
        self.index.note([Change(one.identity, state, one.content, one.name, one.row.source) for one in records], dict)
        self.index.seal({})
        self.index.flush()

    def begin(self, *, keyless: bool = True, folder: Path | None = None, **policy: Any) -> Admission:
        """Begin a pass, as after the ledger was closed and opened again."""
        self.index.seal({})
        self.index.flush()
        self.runs += 1
        twin = (KEYLESS if keyless else KEYED).twin
        return Admission(
            self.index, AdmissionPolicy(**policy), run=self.runs, keyless=keyless, twin=twin, folder=folder
        )

    def admit(self, *records: Record | Rejection, keyless: bool = True, **policy: Any) -> Admitted:
        """Admit rows as a pass of their own; what was parked is judged at its end."""
        admission = self.begin(keyless=keyless, **policy)
        admitted = admission.admit(records)
        for more in admission.unpark():
            admitted.records += more.records
            admitted.rejections += more.rejections
        admission.close()
        return admitted


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """Return an empty ledger."""
    made = Ledger()
    yield made
    made.index.close()


def codes(admitted: Admitted) -> list[str]:
    """Return the codes of what was rejected."""
    return [one.problems[0].code for one in admitted.rejections]


def test_new_rows_are_sent_in_order(ledger: Ledger) -> None:
    """An empty ledger sends every different row, also rows of one name."""
    rows = [record(0, "a"), record(1, "a", "y"), record(2, "b")]
    admitted = ledger.admit(*rows)
    assert admitted.records == rows
    assert (admitted.rejections, admitted.skipped, admitted.parked) == ([], [], 0)


def test_rejected_rows_pass_through(ledger: Ledger) -> None:
    """What is wrong already stays wrong, and is no identity of the pass."""
    wrong = Rejection(Row("a.csv", 0, 2, None, {}), ())
    assert ledger.admit(wrong, record(1, "a")).rejections == [wrong]


def test_a_row_that_comes_twice(ledger: Ledger) -> None:
    """The same key with the same content is a duplicate, in the chunk or in a later one."""
    one = record(0, "a", key="1")
    admission = ledger.begin(keyless=False)
    first = admission.admit([one, record(1, "a", key="1")])
    second = admission.admit([record(2, "a", key="1")])
    admission.close()
    assert first.records == [one]
    assert [why for _record, why in first.skipped + second.skipped] == ["duplicate", "duplicate"]


def test_a_conflict_names_both_rows(ledger: Ledger) -> None:
    """The same key with other content fails, and both rows are named, over sources and chunks."""
    admission = ledger.begin(keyless=False)
    admission.admit([record(0, "a", key="1")])
    admitted = admission.admit([record(5, "a", "other", key="1", source="b.csv")])
    admission.close()
    assert codes(admitted) == ["conflicting_duplicate"]
    message = admitted.rejections[0].problems[0].message
    assert message == "row 7 of b.csv and row 2 of a.csv have the same key and other content"


def test_a_conflict_in_a_format_without_lines(ledger: Ledger) -> None:
    """Rows without a line number are named by their ordinal."""
    rows = [record(n, "a", str(n), key="1") for n in range(2)]
    bare = [one._replace(row=one.row._replace(line_number=None)) for one in rows]
    assert "row 1 of a.csv and row 0 of a.csv" in ledger.admit(*bare, keyless=False).rejections[0].problems[0].message


def test_a_conflict_comes_before_what_earlier_runs_know(ledger: Ledger) -> None:
    """The first row of a key is judged by the ledger, the second by the first, though it equals what was sent."""
    before = record(0, "a", "old", key="1")
    ledger.knows(State.CREATED, before)
    admitted = ledger.admit(record(0, "a", "new", key="1"), record(1, "a", "old", key="1"), keyless=False)
    assert [why for _record, why in admitted.skipped] == ["exists"]
    assert len(admitted.changed) == 1
    assert codes(admitted) == ["conflicting_duplicate"]


@pytest.mark.parametrize(("notes", "changed"), [("x", 0), (" x ", 0), ("y", 1)])
def test_what_exists_is_skipped(ledger: Ledger, notes: str, changed: int) -> None:
    """A created record is not sent again; it is told as changed when its content differs, spelling aside."""
    ledger.knows(State.CREATED, record(0, "a", key="1"))
    admitted = ledger.admit(record(0, "a", notes, key="1"), keyless=False)
    assert [why for _record, why in admitted.skipped] == ["exists"]
    assert len(admitted.changed) == changed
    assert admitted.records == []


def test_what_is_in_doubt_or_unresolved_is_never_sent(ledger: Ledger) -> None:
    """Records that nobody can tell about stay what they are, whatever the flags."""
    doubted, untold = record(0, "a"), record(1, "b")
    ledger.knows(State.IN_DOUBT, doubted)
    ledger.knows(State.UNRESOLVED, untold)
    admitted = ledger.admit(doubted, untold, retry_failed=True, same_name="create", duplicates="create")
    assert admitted.in_doubt == [doubted]
    assert [(one.state, one.problems[0].code) for one in admitted.rejections] == [(State.UNRESOLVED, "unresolved")]
    assert admitted.records == []


def test_what_was_refused(ledger: Ledger) -> None:
    """A refused record is sent again when it changed or when asked for; else it is refused still."""
    ledger.knows(State.FAILED, record(0, "a", key="1"))
    same, other = record(0, "a", key="1"), record(0, "a", "y", key="1")
    assert codes(ledger.admit(same, keyless=False)) == ["still_refused"]
    assert ledger.admit(same, keyless=False, retry_failed=True).records == [same]
    assert ledger.admit(other, keyless=False).records == [other]


def test_what_was_absent_is_sent(ledger: Ledger) -> None:
    """A record that is known not to have been made is as good as new."""
    one = record(0, "a")
    ledger.knows(State.OPEN, one)
    assert ledger.admit(one).records == [one]


@pytest.mark.parametrize("state", [State.CREATED, State.IN_DOUBT, State.UNRESOLVED])
def test_an_edited_row_is_blocked(ledger: Ledger, state: State) -> None:
    """Without a key, a new row is blocked when a record of its name is not in the source any more."""
    ledger.knows(state, record(0, "Spring sale", "old"))
    admitted = ledger.admit(record(0, "SPRING  sale", "new"), record(1, "other"))
    assert codes(admitted) == ["name_exists"]
    assert "'SPRING  sale'" in admitted.rejections[0].problems[0].message
    assert [one.name for one in admitted.records] == ["other"]


@pytest.mark.parametrize("state", [State.FAILED, State.OPEN])
def test_what_was_not_made_guards_no_name(ledger: Ledger, state: State) -> None:
    """A row that mends a refused one of the same name is sent."""
    ledger.knows(state, record(0, "a", "old"))
    ledger.knows(State.CREATED, record(1, "b"))
    assert len(ledger.admit(record(0, "a", "new")).records) == 1


def test_a_row_beside_the_one_of_its_name_is_sent(ledger: Ledger) -> None:
    """Two rows of one name are two campaigns, whichever comes first; the early one waits for the end of the pass."""
    old, new = record(0, "a", "old"), record(1, "a", "new")
    ledger.knows(State.CREATED, old)
    assert ledger.admit(old, new).records == [new]
    early = ledger.admit(new, old)
    assert early.records == [new]
    assert early.parked == 1


def test_a_key_needs_no_guard(ledger: Ledger) -> None:
    """With a key rows of one name are told apart by it."""
    ledger.knows(State.CREATED, record(0, "a", key="1"))
    assert len(ledger.admit(record(0, "a", key="2"), keyless=False).records) == 1


def test_same_name_create_and_mends_are_exempt(ledger: Ledger) -> None:
    """Who says so, or mends a failed record, is not blocked."""
    ledger.knows(State.CREATED, record(0, "a", "old"))
    assert len(ledger.admit(record(0, "a", "new"), same_name="create").records) == 1
    assert len(ledger.admit(record(0, "a", "new", mends="f" * 32)).records) == 1


def test_identical_rows_as_campaigns_of_their_own(ledger: Ledger) -> None:
    """Under --duplicates create identical rows get identities by occurrence, and only the new ones are sent."""
    rows = [record(n, "a") for n in range(3)]
    first = ledger.admit(*rows[:2], duplicates="create")
    assert [one.identity for one in first.records] == [KEYLESS.twin(rows[0], n).identity for n in range(2)]
    ledger.knows(State.CREATED, *first.records)
    again = ledger.admit(*rows, duplicates="create")
    assert [one.identity for one in again.records] == [KEYLESS.twin(rows[0], 2).identity]
    assert len(again.skipped) == 2


def test_a_key_that_comes_twice_is_no_twin(ledger: Ledger) -> None:
    """With a key --duplicates create does nothing: a key is one campaign."""
    admitted = ledger.admit(record(0, "a", key="1"), record(1, "a", key="1"), keyless=False, duplicates="create")
    assert (len(admitted.records), len(admitted.skipped)) == (1, 1)


def test_parked_rows_come_back_as_they_were(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many parked rows go to the disk and come back whole, in order and in chunks; nothing stays in the folder."""
    monkeypatch.setattr(admission_module, "_PARKED_CHUNK", 7)
    monkeypatch.setattr(admission_module, "_PARKED_MEMORY_BYTES", 1_000)
    old = record(99, "a", "old")
    ledger.knows(State.CREATED, old)
    admission = ledger.begin(folder=tmp_path)
    rows = [record(n, "a", f"new ä\n{n}") for n in range(50)]
    assert admission.admit(rows).parked == admission.parked_count == 50
    admission.admit([old])
    chunks = list(admission.unpark())
    admission.close()
    assert [one for admitted in chunks for one in admitted.records] == rows
    assert {len(admitted.records) for admitted in chunks} == {7, 1}
    assert list(tmp_path.iterdir()) == []


def test_marks_that_left_memory_still_count(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was met in the pass is known whether its mark is in memory or in the file."""
    monkeypatch.setattr(index_module, "CHUNK_RECORDS", 2)
    rows = [record(n, f"n{n % 3}", f"v{n}") for n in range(9)]
    ledger.knows(State.CREATED, *rows)
    admission = ledger.begin()
    skipped = [len(admission.admit([one]).skipped) for one in rows + rows]
    assert skipped == [1] * 18
    assert len(admission.admit([record(10, "n1", "new")]).records) == 1
    admission.close()


def test_gone_rows_are_counted(ledger: Ledger) -> None:
    """Campaigns made from a source whose rows are not in it any more are counted for that source."""
    rows = [record(0, "a"), record(1, "b"), record(2, "c", source="b.csv")]
    ledger.admit(*rows)
    ledger.knows(State.CREATED, *rows)
    ledger.admit(rows[1])
    assert [ledger.index.gone([name]) for name in ("a.csv", "b.csv", "none.csv")] == [1, 1, 0]
    assert ledger.index.gone(["a.csv", "b.csv"]) == 2


def test_gone_rows_of_a_source_with_another_name(ledger: Ledger) -> None:
    """Once a pass over a renamed source is over, its campaigns are missed there and not under the old name."""
    rows = [record(n, f"n{n}") for n in range(3)]
    ledger.admit(*rows)
    ledger.knows(State.CREATED, *rows)
    renamed = [record(n, f"n{n}", source="b.csv") for n in range(3)]
    ledger.admit(*renamed)
    assert [ledger.index.gone([name]) for name in ("a.csv", "b.csv")] == [0, 0]
    ledger.admit(renamed[0])
    assert [ledger.index.gone([name]) for name in ("a.csv", "b.csv")] == [0, 2]


def test_gone_rows_of_a_ledger_that_was_made_again(ledger: Ledger) -> None:
    """Where nothing is left of the pass that made them, campaigns are missed in the source they were sent from."""
    rows = [record(n, f"n{n}") for n in range(3)]
    ledger.knows(State.CREATED, *rows)
    ledger.admit(rows[1])
    assert ledger.index.gone(["a.csv"]) == 2
