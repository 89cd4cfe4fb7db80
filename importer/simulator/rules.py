"""Which request is struck by which fault, and how long requests take: values, their spelling, and the draw. Pure.

Spelling of a rule: `[operation/]name` strikes the first request of the operation (create, unless said otherwise);
`name:0.01` strikes each with this probability; `name@3` strikes the third, `name@3-5` the third to the fifth. A
number behind one more colon is the fault's own: `late_commit:0.02:5`, `late_commit@1:5`.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from importer.errors import UsageError
from importer.simulator.faults import OPERATIONS, Fault, fault_named

_RULE: Final = re.compile(
    r"(?:(?P<operation>[a-z_]+)/)?(?P<name>\w+)"
    r"(?:@(?P<first>\d+)(?:-(?P<last>\d+))?|:(?P<probability>[\d.]+))?(?::(?P<parameter>-?[\d.]+))?"
)
_LATENCY: Final = re.compile(r"(?P<kind>fixed|uniform|longtail):(?P<low>[\d.]+)(?:-(?P<high>[\d.]+))?")
_TAIL_SIGMA: Final = 1.0  # of the lognormal law: one request in a hundred takes ten times the median


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """One fault, and the requests that it strikes."""

    name: str  #: as in the table of faults
    operation: str = "create"  #: one of `faults.OPERATIONS`
    probability: float = 0.0  #: 0 to 1, for each request
    first: int = 0  #: number of the first request of the operation that is struck, from 1; 0 for none
    last: int = 0  #: number of the last one
    parameter: float | None = None  #: the fault's own number; None takes the table's

    def __post_init__(self) -> None:
        """Refuse rules that cannot strike."""
        fault = fault_named(self.name)
        if self.operation not in fault.operations:
            raise UsageError(f"the fault {self.name} cannot strike the operation {self.operation}")
        if not 0 <= self.probability <= 1:
            raise UsageError(f"the probability of {self.name} must lie between 0 and 1")

    @property
    def fault(self) -> Fault:
        """The table's entry."""
        return fault_named(self.name)

    @classmethod
    def parse(cls, text: str) -> "FaultRule":
        """Return the rule spelt by `text`; raise `UsageError`."""
        found = _RULE.fullmatch(text.strip())
        if not found:
            raise UsageError(
                f"{text!r} is no rule for a fault", hint="Write NAME, NAME:PROBABILITY[:NUMBER] or NAME@N[:NUMBER]."
            )
        part = found.groupdict()
        fault = fault_named(part["name"])
        usual = "create" if "create" in fault.operations else next(iter(fault.operations))
        first = int(part["first"] or (0 if part["probability"] else 1))
        return cls(
            name=fault.name,
            operation=part["operation"] or usual,
            probability=number(part["probability"] or "0"),
            first=first,
            last=int(part["last"] or first),
            parameter=number(part["parameter"]) if part["parameter"] else None,
        )


def number(text: str) -> float:
    """Return the number that `text` spells; raise `UsageError`."""
    try:
        value = float(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a number") from error
    if not math.isfinite(value):
        raise UsageError(f"{text!r} is not a finite number")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long a request takes; half of it before its work is done, half after."""

    kind: str = "fixed"  #: fixed, uniform, or longtail (lognormal)
    low_s: float = 0.0  #: the fixed time, the shortest, or the median
    high_s: float = 0.0  #: the longest, for uniform

    @classmethod
    def parse(cls, text: str) -> "Latency":
        """Return the law spelt `fixed:0.05`, `uniform:0.02-0.2` or `longtail:0.05`; raise `UsageError`."""
        found = _LATENCY.fullmatch(text.strip())
        if not found or (found["high"] is None) == (found["kind"] == "uniform"):
            raise UsageError(
                f"{text!r} is no law of latency", hint="Write fixed:0.05, uniform:0.02-0.2 or longtail:0.05."
            )
        return cls(kind=found["kind"], low_s=number(found["low"]), high_s=number(found["high"] or "0"))

    def draw(self, rng: Random) -> float:
        """Return the time of one request in seconds."""
        if self.kind == "uniform":
            return rng.uniform(self.low_s, self.high_s)
        if self.kind == "longtail":
            return self.low_s * rng.lognormvariate(0.0, _TAIL_SIGMA)
        return self.low_s


class Plan:
    """Draws, request by request, which fault strikes; the same seed and order of requests give the same faults."""

    def __init__(self, rules: Sequence[FaultRule], rng: Random) -> None:
        self._rules = {operation: [r for r in rules if r.operation == operation] for operation in OPERATIONS}
        self._counts = dict.fromkeys(OPERATIONS, 0)
        self._rng = rng

    def draw(self, operation: str) -> FaultRule | None:
        """Count a request of `operation` and return the rule that strikes it: the first in order, if any."""
        self._counts[operation] += 1
        count = self._counts[operation]
        struck = [
            rule
            for rule in self._rules[operation]
            if rule.first <= count <= rule.last or (rule.probability and self._rng.random() < rule.probability)
        ]
        return struck[0] if struck else None
