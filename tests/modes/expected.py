"""What a month of nights must come to, reckoned apart from the importer: feed, portal and what was written, by name.

The rules are those of docs/how-to/upsert.md: unknown is created; known and changed is read and updated; what somebody
else changed is a conflict, settled as told; known and the same is skipped. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal

BATCH: Final = 50  #: campaigns in a request
START: Final = 2  #: requests before anything is sent: one listing, and whose account it is
Decision = Literal["skip", "overwrite", "fail"]
DECISIONS: Final[tuple[Decision, ...]] = ("skip", "fail", "overwrite")


@dataclass(slots=True)
class Came:
    """What one night has to come to."""

    created: int = 0
    updated: int = 0
    conflicts: int = 0
    skipped: int = 0
    failed: int = 0
    least: int = START  #: the least requests: full batches of creates, reads and updates, beside those of the start
    most: int = 0  #: the most: each batch that is read has an update of its own


@dataclass(slots=True)
class Expected:
    """One feed and one portal, name → notes."""

    feed: dict[str, str]
    portal: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)  #: what stands there by our hand, or was found to be so
    new_in: list[list[str]] = field(default_factory=list)  #: night → names that are new in it
    touched: set[str] = field(default_factory=set)  #: names that were updated since they were made
    changes: list[str] = field(default_factory=list)  #: names that the next night's feed changes

    def tomorrow(self, night: int, rng: Random) -> None:
        """Let the feed be that of `night`: those drawn before are changed, 2 % are new; draw the next 1 %."""
        if night:
            self.feed |= dict.fromkeys(self.changes, f"changed in night {night}")
            start = len(self.feed)
            fresh = [f"Campaign {n:06d}" for n in range(start, start + max(1, start // 50))]
            self.feed |= {name: f"note of {name}" for name in fresh}
        else:
            fresh = list(self.feed)
        self.new_in.append(fresh)
        self.changes = rng.sample(sorted(self.feed), max(2, len(self.feed) // 100))

    def by_hand(self, edits: dict[str, str]) -> None:
        """Take in what somebody else wrote into the portal."""
        self.portal |= {name: notes for name, notes in edits.items() if name in self.portal}

    def undone(self, night: int) -> set[str]:
        """Take back what is new in `night` and nobody changed since; return the names."""
        gone = {name for name in self.new_in[night] if name not in self.touched and self.agrees(name)}
        for name in gone:
            del self.portal[name], self.written[name]
        return gone

    def agrees(self, name: str) -> bool:
        """Return whether the portal shows what was written from here, and the feed says so, too."""
        return self.portal.get(name) == self.written.get(name) == self.feed[name]

    def night(self, *, broken: int, decision: Decision, checks: bool = False) -> Came:
        """Reckon one night and return what it comes to; `checks` asks for the unchanged, too."""
        came = Came(failed=broken)
        new = [name for name in self.feed if name not in self.portal]
        known = [name for name in self.feed if name in self.portal]
        changed = [name for name in known if self.feed[name] != self.written[name]]
        due = known if checks else changed
        differing = [name for name in due if self.portal[name] != self.feed[name]]
        conflicts = [name for name in differing if self.portal[name] != self.written[name]]
        left = set(conflicts if decision != "overwrite" else ())
        updated = [name for name in differing if name not in left]
        came.created, came.updated, came.conflicts = len(new), len(updated), len(conflicts)
        came.failed += len(left) if decision == "fail" else 0
        came.skipped = len(known) - len(updated) - (len(left) if decision == "fail" else 0)
        same = len(due) - len(changed)  # their reads come after those of the changed
        came.least += sum(-(-count // BATCH) for count in (len(new), len(changed), same, len(updated)))
        came.most = came.least + -(-len(changed) // BATCH) + -(-same // BATCH)
        self._take(new)
        self.touched.update(updated)
        self._take(name for name in due if name not in left)
        return came

    def _take(self, names: Iterable[str]) -> None:
        for name in names:
            self.portal[name] = self.written[name] = self.feed[name]
