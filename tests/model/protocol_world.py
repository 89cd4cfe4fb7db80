"""The world of the model: an account, a journal, and a process which may be gone at any moment. Values only.

What a journal says is told by the importer's own fold, on entries of the shape the importer writes; which campaign is
whose by its own matching. Time is a small number. It passes only where the client waits.
"""

from collections import Counter
from functools import cache
from typing import Any, Final, NamedTuple

from importer.hubspot.wire import encode_batch
from importer.ledger.fold import Fold
from importer.matching import Wanted, match
from importer.model import Result, State
from importer.simulator.replies import iso

LANDS: Final = 5  #: the latest moment, after a request has left, at which it is applied
ANSWERS: Final = 4  #: until then it is answered, or given up
SETTLED: Final = 6  #: from the intent to the first look
APART: Final = 2  #: between two looks that must agree
GIVES_UP: Final = 6  #: from the first look to `unresolved`
SKEW: Final = 1  #: how far createdAt may lie before the intent
EPOCH_MS: Final = 1_700_000_000_000  #: of moment 0
TERMINAL: Final = frozenset({State.CREATED, State.FAILED, State.UNRESOLVED})


class Fate(NamedTuple):
    """What a server does with a request. Parts: all, first, last (of two or more), none."""

    label: str
    now: str = "none"  #: made at once
    late: str = "none"  #: made later, when the client may have gone
    answer: str = "none"  #: none, whole, first (lacks the rest), 207 (says of the rest that it was not made), 400, 429

    def suits(self, size: int) -> bool:
        """Tell whether it can befall a batch of this size."""
        return size > 1 or not {self.now, self.late, self.answer} & {"first", "last", "207"}


class Campaign(NamedTuple):
    """One that the account holds; its id is its place there."""

    content: str  #: an upper-case input is shown with other values than were sent
    at: int
    ours: bool = True


class Case(NamedTuple):
    """What is imported, and what may befall it."""

    items: tuple[str, ...]  #: equal letters are campaigns of equal values
    fates: tuple[Fate, ...]  #: the first one is no fault
    size: int = 2  #: records of a batch
    before: tuple[tuple[str, int], ...] = ()  #: other people's campaigns: content and age
    lag: int = 0  #: a campaign younger than that may be missing in a listing
    faults: int = 3
    crashes: int = 2
    workers: int = 2


class RunLine(NamedTuple):
    """A run begins."""

    run: int


class IntentLine(NamedTuple):
    """A batch is about to be sent."""

    run: int
    at: int
    items: tuple[int, ...]


class OutcomeLine(NamedTuple):
    """What an exchange told: `created` are place and campaign, the others places."""

    of: int
    created: tuple[tuple[int, int], ...] = ()
    returned: tuple[int, ...] = ()
    doubt: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()


class ResolveLine(NamedTuple):
    """What looking told."""

    of: int
    run: int
    created: tuple[tuple[int, int], ...] = ()
    absent: tuple[int, ...] = ()
    unresolved: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    refusal: str | None = None


Line = RunLine | IntentLine | OutcomeLine | ResolveLine


class Sending(NamedTuple):
    """A batch in a worker's hands: not yet announced, announced, or sent, with the answer on its way."""

    items: tuple[int, ...]
    intent: int | None = None
    sent: int | None = None
    fate: Fate | None = None
    made: tuple[tuple[int, int], ...] = ()  #: place and campaign, of what was made at once


class Doubt(NamedTuple):
    """An intent in doubt, as the run knows it."""

    intent: int
    items: tuple[int, ...]
    places: tuple[int, ...]
    at: int  #: when the intent was written
    next_look: int
    own: bool = True  #: the run has the records and sends again what is absent
    refused: bool = False
    looks: int = 0
    first_look: int | None = None
    absent: tuple[tuple[int, int], ...] = ()  #: place, and the look which first missed it


class Process(NamedTuple):
    """All that a crash takes away."""

    run: int
    sending: tuple[Sending, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    listing: tuple[int, ...] | None = None  #: what a look was told, not judged yet
    reading: bool = False  #: earlier doubts are settled and the source is read
    ended: bool = False


class World(NamedTuple):
    """Everything, at one moment."""

    campaigns: tuple[Campaign, ...]
    faults: int
    crashes: int
    late: tuple[tuple[int, tuple[str, ...]], ...] = ()  #: requests yet to land: the latest moment, and what they hold
    journal: tuple[Line, ...] = ()
    synced: int = 0  #: lines that a power loss leaves
    process: Process | None = None
    now: int = 0


class Known(NamedTuple):
    """What a journal says."""

    run: int
    refusals: str | None
    states: tuple[State, ...]
    ids: tuple[int | None, ...]  #: of each record's campaign
    doubts: tuple[tuple[int, tuple[int, ...]], ...]  #: intent, places in doubt


def _failed(place: int) -> dict[str, Any]:
    return {
        "i": place,
        "code": "refused",
        "message": "",
        "column": None,
        "fix": None,
        "attribution": "record",
        "row": {},
    }


def _created(created: tuple[tuple[int, int], ...], pairing: str) -> list[Any]:
    return [(place, str(campaign), None, pairing, None) for place, campaign in created]


def entry_of(line: Line, items: tuple[str, ...]) -> dict[str, Any]:
    """Return the entry as the importer would have written it."""
    match line:
        case RunLine(run):
            return {"t": "run", "run": run, "scheme": {"key_space": ""}}
        case IntentLine(run, at, chosen):
            told = [(0, item, None, str(item), items[item], items[item]) for item in chosen]
            body = encode_batch([properties(items[item]) for item in chosen])
            return {
                "t": "intent",
                "run": run,
                "a": 1,
                "srv": [at, at],
                "at": at,
                "src": [""],
                "items": told,
                "body": body,
            }
        case OutcomeLine():
            return {"t": "outcome", "of": line.of, "class": "", "status": None, "corr": None, "note": None, "extra": [],
                    "created": _created(line.created, "exact"), "failed": [_failed(place) for place in line.failed],
                    "returned": list(line.returned), "doubt": list(line.doubt), "s": 0.0}  # fmt: skip
        case ResolveLine():
            told = [(place, "it cannot be told") for place in line.unresolved]
            return {"t": "resolve", "of": line.of, "run": line.run, "evidence": {}, "unresolved": told,
                    "created": _created(line.created, "listing"), "failed": [_failed(place) for place in line.failed],
                    "absent": list(line.absent), "refusal": line.refusal}  # fmt: skip


def properties(content: str) -> dict[str, str]:
    """Return what is sent for an item."""
    return {"hs_name": content}


def shown(campaign: Campaign) -> dict[str, str]:
    """Return what the account shows."""
    altered = {"hs_notes": "altered"} if campaign.content.isupper() else {}
    return {"hs_name": campaign.content} | altered


@cache
def known(journal: tuple[Line, ...], items: tuple[str, ...]) -> Known:
    """Return what the importer's fold makes of a journal."""
    fold, states, ids = Fold(), [State.OPEN] * len(items), dict.fromkeys(range(len(items)), -1)
    for n, line in enumerate(journal):
        effect = fold.apply(n, entry_of(line, items))
        for change in effect.changes:  # what the index keeps
            states[int(change.identity)] = change.state
        for row in effect.results:
            ids[int(row["identity"])] = int(row["id"])
    for intent in fold.open.values():
        for place in intent.unsettled(State.SENT):
            states[intent.entry["items"][place][1]] = State.SENT
    doubts = ((n, tuple(intent.unsettled(State.IN_DOUBT))) for n, intent in fold.open.items())
    told = tuple(None if one == -1 else one for one in ids.values())
    return Known(fold.run, fold.refusals, tuple(states), told, tuple(doubt for doubt in doubts if doubt[1]))


Want = tuple[int, int, str, int | None]  #: intent, place, content, earliest createdAt


@cache
def matched(
    wants: tuple[Want, ...], told: tuple[tuple[int, Campaign], ...], taken: frozenset[int]
) -> tuple[dict[tuple[int, int], int], frozenset[tuple[int, int]]]:
    """Return which campaign is whose, and who has only a namesake, by the importer's matching."""
    wanted = [
        Wanted((intent, place), f"{intent}.{place}", properties(content), _moment(not_before))
        for intent, place, content, not_before in wants
    ]
    results = [Result(str(one), shown(campaign), iso(EPOCH_MS + campaign.at * 1000)) for one, campaign in told]
    answer = match(wanted, results, taken=frozenset(map(str, taken)))
    return {key: int(result.id) for key, result in answer.found.items()}, frozenset(answer.near)


def _moment(at: int | None) -> float:
    return 0.0 if at is None else EPOCH_MS / 1000 + at


def harm(world: World, items: tuple[str, ...]) -> dict[str, bool]:
    """Return what a history has come to: what must never be, then what must be told.

    twice: more campaigns of a content than inputs. lost: an input without an end, or `created` with a campaign that is
    another's. untrue: told to have failed, and made.
    """
    made = Counter(one.content for one in world.campaigns if one.ours)
    made.update(content for _, contents in world.late for content in contents)
    end = known(world.journal, items)
    wanted = Counter(items)
    failed = Counter(items[at] for at, state in enumerate(end.states) if state is State.FAILED)
    claimed = Counter(one for one in end.ids if one is not None)
    lost = any(
        state not in TERMINAL
        or (state is State.CREATED and (one is None or claimed[one] > 1 or world.campaigns[one][::2] != (item, True)))
        for item, state, one in zip(items, end.states, end.ids, strict=True)
    )
    return {
        "twice": any(made[content] > wanted[content] for content in made),
        "lost": lost,
        "untrue": any(made[content] > wanted[content] - failed[content] for content in failed),
        "unresolved": State.UNRESOLVED in end.states,
        "failed": bool(failed),
    }
