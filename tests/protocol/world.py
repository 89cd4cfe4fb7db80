"""What the exploration plays with: sequences of choices, an account, the rules and what is imported."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from importer.model import Result
from importer.simulator.replies import iso

T = TypeVar("T")
LATE: Final = 5  #: when a request that is applied late lands
SETTLE: Final = 10  #: after that nothing lands
APART: Final = 10  #: between two looks
START: Final = 1_000_000  #: epoch seconds at which a history begins
FATES: Final = ("ok", "lost", "made, no answer", "half made, no answer", "made late", "refused", "answer lacks one")


class Rules(NamedTuple):
    """The rules of the protocol; each can be left out."""

    intents: bool = True
    synced: bool = True
    settling: bool = True
    by_id: bool = True  #: else by count of equal values
    bound: bool = True  #: of createdAt
    two_looks: bool = True


class Case(NamedTuple):
    """What is imported."""

    batches: tuple[tuple[str, ...], ...]  #: names; equal names are equal campaigns
    before: tuple[str, ...] = ()  #: campaigns that were there before
    lag: int = 0  #: seconds until a campaign shows in a listing
    crashes: int = 1


class CrashError(Exception):
    """The process is gone."""


class Tape:
    """A sequence of choices, played again with its last choice advanced until all are walked."""

    def __init__(self) -> None:
        self._tape: list[list[int]] = []  # choice, number of options
        self._at = 0

    def choose(self, options: Sequence[T]) -> T:
        """Return the option of this history."""
        if self._at == len(self._tape):
            self._tape.append([0, len(options)])
        choice = self._tape[self._at][0]
        self._at += 1
        return options[choice]

    def next(self) -> bool:
        """Go to the next history; return whether there is one."""
        self._at = 0
        while self._tape and self._tape[-1][0] + 1 == self._tape[-1][1]:
            self._tape.pop()
        if not self._tape:
            return False
        self._tape[-1][0] += 1
        return True


@dataclass
class Server:
    """An account."""

    lag: int
    campaigns: list[tuple[str, str, int]] = field(default_factory=list)  #: id, name, created at
    late: list[tuple[int, list[str]]] = field(default_factory=list)

    def make(self, names: Sequence[str], now: int) -> list[str]:
        """Make campaigns; return their ids."""
        ids = [f"c{len(self.campaigns) + n}" for n in range(len(names))]
        self.campaigns += [(one, name, now) for one, name in zip(ids, names, strict=True)]
        return ids

    def pass_time(self, now: int) -> None:
        """Let what is late land."""
        for at, names in [one for one in self.late if one[0] <= now]:
            self.make(names, at)
        self.late = [one for one in self.late if one[0] > now]

    def listing(self, now: int) -> list[Result]:
        """Return what shows."""
        shown = [one for one in self.campaigns if one[2] + self.lag <= now]
        return [Result(one, {"hs_name": name}, iso(at * 1000)) for one, name, at in shown]
