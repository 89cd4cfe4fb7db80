"""What may happen next: to the client, to the account, to the machine. One step at a time, in any order.

The client is modelled on `sending.Sender` (`announce`, `send`, `conclude`), `preflight.earlier_doubts` and
`pipeline` (`begin`, `read`), `journal.Journal` (`sync`), and `reconcile.Reconciler` (`look` is the first half of
`_round`, `judge` the rest of it with `_decide`, `_judge` and `_journal_finding`). Weaker than the importer where that
costs nothing: a run's first entry and a finding are not waited for. Left out: giving up after five attempts, a
correlation property, errors of the disk (a poisoned journal is a crash).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from importer.model import State
from tests.model.protocol_world import (
    LANDS,
    SETTLED,
    Campaign,
    Case,
    Doubt,
    IntentLine,
    Known,
    Line,
    OutcomeLine,
    Process,
    RunLine,
    Sending,
    World,
    known,
)

Step = tuple[str, World]


class Rules(NamedTuple):
    """The rules of the protocol; each can be left out."""

    intent: bool = True  #: is written before a request leaves
    synced: bool = True  #: and is durable by then
    settle: bool = True  #: before looking
    by_id: bool = True  #: campaigns are matched one by one, not counted
    bound: bool = True  #: of createdAt
    second_look: bool = True
    known_left_out: bool = True  #: campaigns whose id the journal holds are nobody else's
    flying_left_out: bool = True  #: contents that are on their way are not judged
    refusal_looked_up: bool = True  #: the first one, and all when it lied


ALL: Final = Rules()


class Protocol(NamedTuple):
    """The rules, and what they are applied to."""

    case: Case
    rules: Rules

    def steps(self, world: World) -> Iterator[Step]:
        """Yield all that can happen next: a label, and the world after it. None: the history is over."""
        process = world.process
        if process is not None and process.ended:
            return
        for at in range(len(world.late)):
            yield "a late request lands", _landed(world, at, world.now)
        if process is None:
            yield "a run begins", self.begin(world)
            return
        yield from _crashes(world)
        yield from self.work(world, process)
        if world.synced < len(world.journal):
            yield "sync", world._replace(synced=len(world.journal))
        if process.listing is not None:
            yield "judged", self.judge(world, process)
            return
        due = [doubt for doubt in process.doubts if doubt.next_look <= world.now]
        if due:
            yield from self.look(world, process)
        elif process.doubts:
            yield from _wait(world, process)
        elif not process.reading:
            yield "the source is read", self.read(world, process)
        elif not process.sending and world.synced == len(world.journal):
            yield "the run ends", world._replace(process=process._replace(ended=True))

    def begin(self, world: World) -> World:
        """Open the ledger: what an earlier run sent is in doubt, and settled first."""
        journal = (*world.journal, RunLine(self.known(world.journal).run + 1))
        told = self.known(journal)
        doubts = []
        for n, places in told.doubts:
            intent = journal[n]
            assert isinstance(intent, IntentLine)
            due = max(world.now, intent.at + SETTLED) if self.rules.settle else world.now
            doubts.append(Doubt(n, intent.items, places, intent.at, due, own=False))
        return world._replace(journal=journal, process=Process(told.run, doubts=tuple(doubts)))

    def known(self, journal: tuple[Line, ...]) -> Known:
        """Return what the journal says."""
        return known(journal, self.case.items)

    def read(self, world: World, process: Process) -> World:
        """Make batches of what is open."""
        states = self.known(world.journal).states
        left = [item for item, state in enumerate(states) if state is State.OPEN]
        batches = [tuple(left[at : at + self.case.size]) for at in range(0, len(left), self.case.size)]
        return world._replace(process=process._replace(sending=tuple(map(Sending, batches)), reading=True))

    # A batch in a worker's hands

    def work(self, world: World, process: Process) -> Iterator[Step]:
        """Yield the next step of each worker, and of a free one."""
        active = [at for at, one in enumerate(process.sending) if one.intent is not None or one.sent is not None]
        for at in active:
            sending = process.sending[at]
            if sending.sent is not None:
                yield f"concluded: {self.named(sending)}", self.conclude(world, process, at)
            elif not self.rules.synced or (sending.intent is not None and sending.intent < world.synced):
                yield from self.send(world, process, at)
        waiting = [at for at in range(len(process.sending)) if at not in active]
        if not waiting or len(active) == self.case.workers:
            return
        if self.rules.intent:
            yield f"intent: {self.named(process.sending[waiting[0]])}", self.announce(world, process, waiting[0])
        else:
            yield from self.send(world, process, waiting[0])

    def named(self, sending: Sending) -> str:
        """Return the records of a batch, for people."""
        return "+".join(f"{self.case.items[item]}{item}" for item in sending.items)

    def announce(self, world: World, process: Process, at: int) -> World:
        """Write the intent."""
        sending = process.sending[at]._replace(intent=len(world.journal))
        journal = (*world.journal, IntentLine(process.run, world.now, sending.items))
        return world._replace(journal=journal, process=_with(process, at, sending))

    def send(self, world: World, process: Process, at: int) -> Iterator[Step]:
        """Let the request leave, to each of its fates."""
        sending = process.sending[at]
        for fate in self.case.fates if world.faults else self.case.fates[:1]:
            if not fate.suits(len(sending.items)):
                continue
            first = len(world.campaigns)
            places = _part(fate.now, len(sending.items))
            fresh = tuple(Campaign(self.case.items[sending.items[place]], world.now) for place in places)
            late = tuple(self.case.items[sending.items[place]] for place in _part(fate.late, len(sending.items)))
            made = tuple((place, first + n) for n, place in enumerate(places))
            after = world._replace(
                campaigns=world.campaigns + fresh,
                late=(*world.late, (world.now + LANDS, late)) if late else world.late,
                faults=world.faults - (fate is not self.case.fates[0]),
                process=_with(process, at, sending._replace(sent=world.now, fate=fate, made=made)),
            )
            yield f"sent: {self.named(sending)}, {fate.label}", after

    def conclude(self, world: World, process: Process, at: int) -> World:
        """Read the answer, or give it up, and write the outcome."""
        sending, fate = process.sending[at], process.sending[at].fate
        assert fate is not None
        assert sending.sent is not None
        everything = range(len(sending.items))
        refused = fate.answer == "400"
        created = tuple(pair for pair in sending.made if self._told(sending, fate, pair[0]))
        rest = tuple(place for place in everything if place not in dict(created))
        outcome = OutcomeLine(self._intent(world, sending), created)
        again: tuple[Sending, ...] = ()
        if fate.answer in {"207", "429"}:
            again = tuple(Sending((sending.items[place],)) for place in rest) if created else (Sending(sending.items),)
            outcome = outcome._replace(returned=rest)
        elif refused and (self.known(world.journal).refusals == "atomic" or not self.rules.refusal_looked_up):
            again = _halves(sending.items)
            outcome = outcome._replace(returned=rest) if again else outcome._replace(failed=rest)
        elif not self.rules.intent:  # nobody remembers what was sent: it is sent again
            again = (Sending(tuple(sending.items[place] for place in rest)),) if rest else ()
            outcome = outcome._replace(returned=rest)
        else:
            outcome = outcome._replace(doubt=rest)
        journal = world.journal
        if not self.rules.intent:
            journal = (*journal, IntentLine(process.run, sending.sent, sending.items))
        doubts = process.doubts
        if outcome.doubt:
            wait = SETTLED if self.rules.settle and not refused else 0
            due = max(world.now, sending.sent + wait)
            doubts += (Doubt(outcome.of, sending.items, rest, self._at(world, outcome.of), due, refused=refused),)
        left = process.sending[:at] + process.sending[at + 1 :]
        return world._replace(
            journal=(*journal, outcome), process=process._replace(sending=again + left, doubts=doubts)
        )

    @staticmethod
    def _told(sending: Sending, fate: "object", place: int) -> bool:
        raise NotImplementedError
