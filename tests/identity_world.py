"""A ledger and an account for histories of identity, without files and network, and what must hold in them.

The real maker of records, index, fold and admission work on an account made of a list. It remembers what was really
made, and for which campaign in the mind of the source's author, so the judgement does not rest on what the ledger
believes.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, NamedTuple

from importer.admission import Admission, AdmissionPolicy, Admitted
from importer.ledger.effects import Change, Effect
from importer.ledger.fold import Fold
from importer.ledger.index import Index
from importer.mapping import bind, identity_mapping
from importer.model import Record, Rejection, Row, State
from importer.records import RecordMaker, RecordPolicy
from tests.bodies import encode_batch

SKIP: Final = AdmissionPolicy()
TWINS: Final = AdmissionPolicy(duplicates="create")
SAME_NAME: Final = AdmissionPolicy(same_name="create")


class Line(NamedTuple):
    """One row of the source: the campaign its author means, and what it says."""

    campaign: int
    name: str  #: the name; for worlds with a key, the key
    note: str
    source: str = "a.csv"
    mends: str = ""


class Kill(NamedTuple):
    """When a pass dies."""

    after: int  #: records answered before
    fate: State | None  #: what one more record on its way turns out to be (OPEN: not made); None: there was none


class Made(NamedTuple):
    """A campaign in the account."""

    line: Line
    identity: str
    run: int


@dataclass(slots=True)
class Pass:
    """What became of the rows of one pass."""

    read: int = 0
    sent: list[Record] = field(default_factory=list)
    skipped: int = 0
    changed: int = 0
    in_doubt: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    killed: bool = False

    def codes(self) -> Counter[str]:
        """Return the rejections by code."""
        return Counter(one.problems[0].code for one in self.rejections)


class _KilledError(Exception):
    """The process is gone."""


def maker_of(*columns: str, key: tuple[str, ...] = ()) -> RecordMaker:
    """Return the maker for these columns."""
    return RecordMaker(RecordPolicy(key=key), bind(identity_mapping(columns, key=key), columns))


KEYLESS: Final = maker_of("hs_name", "hs_notes", "_identity")
KEYED: Final = maker_of("Id", "hs_name", "hs_notes", key=("Id",))
#: The mapping after somebody added a property to it.
WIDER: Final = maker_of("hs_name", "hs_notes", "hs_audience", "_identity")
WIDER_KEYED: Final = maker_of("Id", "hs_name", "hs_notes", "hs_audience", key=("Id",))


@cache
def made_of(line: Line, ordinal: int, maker: RecordMaker) -> Record | Rejection:
    """Return the record of a line; in worlds with a key all campaigns share one name."""
    keyed = maker in (KEYED, WIDER_KEYED)
    cells = {"Id": line.name, "hs_name": "all alike"} if keyed else {"hs_name": line.name}
    cells |= {"hs_notes": line.note, "hs_audience": "everybody", "_identity": line.mends}
    read = set(maker.bound.columns)
    cells = {name: text for name, text in cells.items() if name in read}
    return maker.make(Row(line.source, ordinal, ordinal + 2, None, cells))


class World:
    """A ledger and an account, and the runs that are made between them."""

    def __init__(self, maker: RecordMaker = KEYLESS, policy: AdmissionPolicy = SKIP, *, chunk: int = 1) -> None:
        self.maker, self.policy, self.chunk = maker, policy, chunk
        self.fold, self.n, self.runs = Fold(), 0, 0
        self.changes: list[Change] = []
        self.index = Index(None, before_commit=lambda: None)
        self.made: list[Made] = []
        self.untold: list[Made] = []  #: records that nobody can tell about; they may exist
        self.fate = State.OPEN
        self.lines: dict[tuple[str, int], Line] = {}

    def apply(self, entry: dict[str, Any]) -> int:
        """Journal an entry."""
        effect: Effect = self.fold.apply(self.n, entry)
        self.changes += effect.changes
        self.index.note(effect.changes, dict)
        self.n += 1
        return self.n - 1

    def run(self, lines: Sequence[Line], kill: Kill | None = None) -> Pass:
        """Do one run over the source as it stands; afterwards the ledger is as its next opening finds it."""
        self.runs += 1
        self.apply({"t": "run", "run": self.runs, "scheme": {"key_space": ""}})
        self._settle()
        done = Pass()
        keyless = self.maker not in (KEYED, WIDER_KEYED)
        admission = Admission(
            self.index, self.policy, run=self.runs, keyless=keyless, twin=self.maker.twin, folder=None
        )
        try:
            for rows in self._chunks(lines):
                done.read += len(rows)
                self._take(admission.admit(rows), done, kill)
            for admitted in admission.unpark():
                self._take(admitted, done, kill)
            self.index.seal({})
            self.index.flush()
        except _KilledError:
            done.killed = True
            self._reopen()
        finally:
            admission.close()
        return done

    def _chunks(self, lines: Sequence[Line]) -> Iterator[list[Record | Rejection]]:
        counted: Counter[str] = Counter()
        self.lines.clear()
        rows = []
        for line in lines:
            ordinal = counted[line.source]
            counted[line.source] += 1
            self.lines[line.source, ordinal] = line
            rows.append(made_of(line, ordinal, self.maker))
        for start in range(0, len(rows), self.chunk):
            yield rows[start : start + self.chunk]

    def _take(self, admitted: Admitted, done: Pass, kill: Kill | None) -> None:
        done.rejections += admitted.rejections
        done.skipped += len(admitted.skipped)
        done.changed += len(admitted.changed)
        done.in_doubt += len(admitted.in_doubt)
        for record in admitted.records:
            self._send(record, done, kill)

    def _send(self, record: Record, done: Pass, kill: Kill | None) -> None:
        dies = kill is not None and kill.after == len(done.sent)
        if kill is not None and dies and kill.fate is None:
            raise _KilledError
        item = (0, record.row.ordinal, record.row.line_number, record.identity, record.name, record.content)
        intent = {"t": "intent", "run": self.runs, "a": 1, "srv": None, "at": 0.0, "src": [record.row.source]}
        of = self.apply(intent | {"items": [item], "body": encode_batch([record.properties])})
        made = Made(self.lines[record.row.source, record.row.ordinal], record.identity, self.runs)
        if kill is not None and dies and kill.fate is not None:
            self.fate = kill.fate
            where = {State.CREATED: self.made, State.UNRESOLVED: self.untold}.get(kill.fate)
            if where is not None:
                where.append(made)
            raise _KilledError
        self.made.append(made)
        done.sent.append(record)
        nothing: dict[str, Any] = {"failed": [], "returned": [], "doubt": [], "corr": None}
        created = [(0, str(self.n), None, "exact", None)]
        self.apply({"t": "outcome", "of": of, "created": created} | nothing)

    def _settle(self) -> None:
        """Find out about the one record in doubt, as a run does before it reads its source."""
        for intent in list(self.fold.open.values()):
            if intent.states == [State.IN_DOUBT]:
                finding: dict[str, Any] = {"created": [], "absent": [], "unresolved": [], "failed": [], "evidence": {}}
                match self.fate:
                    case State.CREATED:
                        finding["created"] = [(0, str(self.n), None, "listing", None)]
                    case State.UNRESOLVED:
                        finding["unresolved"] = [(0, "it cannot be told")]
                    case _:
                        finding["absent"] = [0]
                self.apply({"t": "resolve", "of": intent.n, "run": self.runs} | finding)

    def _reopen(self) -> None:
        """Make the index again from the journal: its marks and all that was not written are lost."""
        self.changes += self.fold.abandon().changes
        self.index.close()
        self.index = Index(None, before_commit=lambda: None)
        self.index.note(self.changes, dict)
        self.index.seal({})
        self.index.flush()

    def close(self) -> None:
        """End it."""
        self.index.close()

    def __del__(self) -> None:
        """End a world that nobody holds any more."""
        self.close()

    def identities(self, lines: Sequence[Line]) -> set[str]:
        """Return the identities of the source as it stands."""
        made = [one for one in (made_of(line, 0, self.maker) for line in lines) if isinstance(one, Record)]
        if self.policy.duplicates == "skip":
            return {one.identity for one in made}
        counted: Counter[str] = Counter()
        for one in made:
            counted[one.identity] += 1
        return {self.maker.twin(one, n).identity for one in made for n in range(counted[one.identity])}


# What must hold


def check(world: World, before: Sequence[Made], lines: Sequence[Line], done: Pass) -> None:
    """Assert what must hold after every pass, killed or not; `before` is what may have existed as it began."""
    told = [one.identity for one in world.made]
    assert len(set(told)) == len(told), "an identity was made twice"
    assert not set(told) & {one.identity for one in world.untold}, "what may exist was sent again"
    here = world.identities(lines)
    missing = {one.line.name for one in before if one.identity not in here}
    if world.maker in (KEYLESS, WIDER) and world.policy.same_name == "fail":
        late = {one.line for one in world.made if one.run == world.runs and not one.line.mends}
        assert not {line.name for line in late} & missing, "what may be an edited row was made"
    for rejection in done.rejections:
        code = rejection.problems[0].code
        if code == "name_exists":
            assert rejection.name in missing, "a row was blocked though nothing of its name was edited or removed"
    fresh = {one.line.campaign for one in world.made if one.run == world.runs}
    for campaign, count in Counter(one.line.campaign for one in world.made).items():
        assert count == 1 or campaign not in fresh or excused(world, campaign), f"campaign {campaign} was made again"
    if not done.killed:
        check_books(world, lines, done)


def excused(world: World, campaign: int) -> bool:
    """Return whether the section on identity names the case in which this campaign was made again.

    It was renamed; it mends a row that failed; or a row just like the one it was made from stood in the source when it
    was made again, so that nobody could know which of the two was the edited one.
    """
    made = [one for one in world.made if one.line.campaign == campaign]
    names = {one.line.name for one in made}
    return (
        len(names) == len(made)
        or world.policy != SKIP
        or any(one.line.mends for one in made)
        or any(one.identity in world.identities(list(world.lines.values())) for one in made if one.run < world.runs)
    )


def check_books(world: World, lines: Sequence[Line], done: Pass) -> None:
    """Assert that each row of a whole pass ended once, and that each row not rejected has its campaign."""
    assert done.read == len(lines)
    assert done.read == len(done.sent) + done.skipped + done.in_doubt + len(done.rejections)
    assert done.in_doubt == 0
    ended = {one.identity for one in world.made} | {one.identity for one in done.rejections}
    assert world.identities(lines) <= ended
    for rejection in done.rejections:
        problem = rejection.problems[0]
        if problem.code == "conflicting_duplicate":
            firsts = [n for n, line in world.lines.items() if line.name == world.lines[rejection.row[:2]].name]
            assert f"row {firsts[0][1] + 2} of {firsts[0][0]}" in problem.message
            assert f"row {rejection.row.line_number} of {rejection.row.source}" in problem.message
