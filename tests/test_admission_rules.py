"""Admission against a plain reading of its rules, whatever the chunks and whatever the ledger holds."""

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from importer.admission import Admission, AdmissionPolicy, Admitted
from importer.ledger.effects import Change
from importer.ledger.index import Index
from importer.model import Record, Rejection, Row, State

STATES = [State.OPEN, State.IN_DOUBT, State.CREATED, State.FAILED, State.UNRESOLVED]
WRONG = Rejection(Row("a.csv", 0, None, None, {}), ())


def twin(record: Record, n: int) -> Record:
    """Return the n-th repetition, as a maker of records does."""
    return record._replace(identity=f"{n:016x}{record.identity[16:]}")


def record(number: int, what: int, source: str, ordinal: int, line: int | None) -> Record:
    """Return a record of an identity and a content."""
    return Record(Row(source, ordinal, line, None, {}), f"{number:032x}", f"Name {number}", {}, f"{what:016x}")


class Judged(NamedTuple):
    """What became of a row."""

    what: str
    row: Row
    identity: str


class Plain:
    """The rules, one row after the other, with dictionaries; names guard nothing here."""

    def __init__(self, known: dict[str, tuple[State, str]], policy: AdmissionPolicy, *, keyless: bool) -> None:
        self.known, self.policy, self.keyless = known, policy, keyless
        self.met: dict[str, tuple[Record, int]] = {}

    def judge(self, one: Record) -> Judged:
        """Judge a row."""
        first, times = self.met.get(one.identity, (one, 0))
        if times:
            if first.content != one.content:
                return Judged("conflicting_duplicate", one.row, one.identity)
            if self.policy.duplicates == "skip" or not self.keyless:
                return Judged("duplicate", one.row, one.identity)
            self.met[one.identity] = (one, times + 1)
            one = twin(one, times)
        self.met[one.identity] = (one, 1)
        state, said = self.known.get(one.identity, (State.OPEN, ""))
        refused = state is State.FAILED and said == one.content and not self.policy.retry_failed
        changed = "exists, changed" if said != one.content else "exists"
        codes = {State.CREATED: changed, State.IN_DOUBT: "in doubt", State.UNRESOLVED: "unresolved"}
        return Judged("still_refused" if refused else codes.get(state, "sent"), one.row, one.identity)


def judged(admitted: Admitted) -> list[Judged]:
    """Return what became of the rows of a chunk, in no order."""
    changed = {id(one) for one in admitted.changed}
    found = [Judged("sent", one.row, one.identity) for one in admitted.records]
    found += [Judged("in doubt", one.row, one.identity) for one in admitted.in_doubt]
    for one, why in admitted.skipped:
        found.append(Judged(why + ", changed" * (id(one) in changed), one.row, one.identity))
    found += [Judged(one.problems[0].code, one.row, one.identity or "") for one in admitted.rejections if one != WRONG]
    return found


ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 2), st.sampled_from(["a.csv", "b.csv"]), st.booleans()), max_size=25
)
KNOWN = st.dictionaries(st.integers(0, 5), st.tuples(st.sampled_from(STATES), st.integers(0, 2)), max_size=6)


@settings(max_examples=300, deadline=None)
@given(rows=ROWS, known=KNOWN, chunk=st.integers(1, 9), keyless=st.booleans(), twins=st.booleans(), retry=st.booleans())
def test_every_row_is_judged_by_the_rules(
    rows: Sequence[tuple[int, int, str, bool]], known: dict[int, tuple[State, int]], chunk: int, *, keyless: bool,
    twins: bool, retry: bool,
) -> None:  # fmt: skip
    """In whatever chunks the rows come, each is judged as a plain reading of the rules judges it."""
    policy = AdmissionPolicy(duplicates="create" if twins else "skip", same_name="create", retry_failed=retry)
    index = Index(None, before_commit=lambda: None)
    told = {f"{number:032x}": (state, f"{what:016x}") for number, (state, what) in known.items()}
    index.note([Change(key, state, what, "x", "a.csv") for key, (state, what) in told.items()], dict)
    index.seal({})
    index.flush()
    plain = Plain(told, policy, keyless=keyless)
    admission = Admission(index, policy, run=1, keyless=keyless, twin=twin, folder=None)
    made = [record(n, what, source, at, at + 2 if lined else None) for at, (n, what, source, lined) in enumerate(rows)]
    for start in range(0, len(made), chunk):
        part = made[start : start + chunk]
        admitted = admission.admit([*part, WRONG])
        assert admitted.rejections.count(WRONG) == 1
        assert sorted(judged(admitted)) == sorted(plain.judge(one) for one in part)
    admission.close()
    index.close()
