"""How a run went over time: a row of samples that stays short however long the run is. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from importer.report.books import Tally

SAMPLES_MAX: Final = 240  #: more are merged in pairs
EVERY_S: Final = 0.5  #: between the first samples; twice as long after each merge


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What happened between two moments of a run, in seconds since its begin."""

    from_s: float
    to_s: float
    created: int  #: campaigns
    settled: int  #: rows that came into a state
    requests: int  #: of all kinds
    answers: int  #: to requests that create
    answer_s: float  #: seconds that these answers took, added up
    slowest_s: float  #: seconds that the slowest of them took
    permitted_per_s: float | None  #: requests a second that were permitted at the end; None where that is unknown
    in_flight: int  #: requests that create on their way, at the end
    workers: int  #: of them permitted at once, at the end
    doubted: int  #: records in doubt, at the end

    def then(self, later: "Sample") -> "Sample":
        """Return both as one."""
        return Sample(
            from_s=self.from_s,
            to_s=later.to_s,
            created=self.created + later.created,
            settled=self.settled + later.settled,
            requests=self.requests + later.requests,
            answers=self.answers + later.answers,
            answer_s=self.answer_s + later.answer_s,
            slowest_s=max(self.slowest_s, later.slowest_s),
            permitted_per_s=later.permitted_per_s if later.permitted_per_s is not None else self.permitted_per_s,
            in_flight=max(self.in_flight, later.in_flight),
            workers=max(self.workers, later.workers),
            doubted=max(self.doubted, later.doubted),
        )


class Recorder:
    """Takes samples of a run's counts; what it holds is bounded, and each sample costs the same."""

    def __init__(self, tally: Tally, began_s: float) -> None:
        """Begin at `began_s` (monotonic seconds), with the counts as they stand."""
        self.every_s = EVERY_S
        self.samples: list[Sample] = []
        self._tally = tally
        self._began_s = self._last_s = began_s
        self._before = self._counts()

    def sample(self, now_s: float) -> None:
        """Take a sample of what happened since the one before; nothing when no time has passed."""
        if now_s <= self._last_s:
            return
        now, tally = self._counts(), self._tally
        done = {name: now[name] - self._before[name] for name in now}
        self.samples.append(
            Sample(
                from_s=round(self._last_s - self._began_s, 3),
                to_s=round(now_s - self._began_s, 3),
                created=int(done["created"]),
                settled=int(done["settled"]),
                requests=int(done["requests"]),
                answers=int(done["answers"]),
                answer_s=round(done["answer_s"], 4),
                slowest_s=round(tally.slowest_s, 4),
                permitted_per_s=tally.permitted_per_s,
                in_flight=tally.in_flight,
                workers=tally.workers,
                doubted=tally.doubted,
            )
        )
        self._before, self._last_s, tally.slowest_s = now, now_s, 0.0
        if len(self.samples) >= SAMPLES_MAX:
            pairs = zip(self.samples[::2], self.samples[1::2], strict=True)
            self.samples = [first.then(second) for first, second in pairs]
            self.every_s *= 2

    def _counts(self) -> dict[str, float]:
        tally, books = self._tally, self._tally.books()
        return {
            "created": books.created,
            "settled": books.accounted,
            "requests": tally.requests,
            "answers": tally.answers,
            "answer_s": tally.answer_s,
        }


_NAMES: Final = tuple(item.name for item in fields(Sample))


def as_table(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return samples as JSON values: the names once, then a row for each."""
    return {"columns": list(_NAMES), "rows": [list(asdict(sample).values()) for sample in samples]}


def from_table(table: Mapping[str, Any]) -> tuple[Sample, ...]:
    """Return the samples of a table; those of another version's shape are left out, for they only make pictures."""
    if tuple(table.get("columns", ())) != _NAMES:
        return ()
    return tuple(Sample(**dict(zip(_NAMES, row, strict=True))) for row in table["rows"] if len(row) == len(_NAMES))
