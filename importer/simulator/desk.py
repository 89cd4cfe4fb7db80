"""The front desk: numbers and logs each request, checks token, limits and scope, and lets faults strike."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from importer.simulator import replies
from importer.simulator.account import Account
from importer.simulator.clock import Clock
from importer.simulator.exchange import SCOPES, Call, Exchange, Memory
from importer.simulator.limits import Limits
from importer.simulator.replies import RefusedError, Reply, Sending
from importer.simulator.routes import Route, route
from importer.simulator.rules import Plan
from importer.simulator.state import State
from importer.simulator.tokens import Tokens


class Seen(NamedTuple):
    """One line of the request log."""

    number: int  #: from 1, over all runs of this state
    arrived: float  #: our wall clock, seconds since 1970
    method: str
    path: str
    query: str  #: as sent, without the question mark
    operation: str = ""  #: empty where no operation was reached
    status: int | None = None  #: None while under way; 0 where nothing was answered
    inputs: int = 0
    fault: str | None = None  #: name of the fault that struck
    ended: float | None = None  #: our wall clock when the answer was ready


class Asked(NamedTuple):
    """A request as it arrives."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    authorization: str
    body: bytes | None  #: None where it was too large


class Log:
    """All requests, in memory and, with a state, on the disk once they have ended."""

    def __init__(self, state: State | None, last_number: int) -> None:
        self._state = state
        self._seen: dict[int, Seen] = {}
        for line in state.requests.read() if state else ():
            self._seen[line["number"]] = Seen(**line)
        self._last = max(last_number, max(self._seen, default=0))

    def __iter__(self) -> Iterator[Seen]:
        return iter(list(self._seen.values()))

    def arrive(self, arrived: float, method: str, path: str, query: str) -> Seen:
        """Number a request."""
        self._last += 1
        self._seen[self._last] = seen = Seen(self._last, arrived, method, path, query)
        return seen

    def end(self, seen: Seen) -> None:
        """Keep what became of a request."""
        self._seen[seen.number] = seen
        if self._state:
            self._state.requests.append([seen._asdict()])

    def stats(self) -> dict[str, Any]:
        """Return counts of the requests, ready for JSON."""
        seen = list(self._seen.values())
        return {
            "requests": len(seen),
            "creates": sum(each.operation == "create" for each in seen),
            "inputs": sum(each.inputs for each in seen if each.operation == "create"),
            "throttled": sum(each.status == 429 for each in seen),
            "operations": dict(Counter(each.operation or "none" for each in seen)),
            "statuses": dict(Counter(str(each.status) for each in seen)),
            "faults": dict(Counter(each.fault for each in seen if each.fault)),
        }


class Desk:
    """Answers requests. `later` puts an action off: it takes seconds and the action."""

    def __init__(
        self,
        account: Account,
        clock: Clock,
        log: Log,
        *,
        base_url: str,
        later: Callable[[float, Callable[[], object]], None],
    ) -> None:
        policy = account.policy
        self._account, self._policy, self._clock, self._log = account, policy, clock, log
        self._base_url, self._later = base_url, later
        self._memory = Memory()
        self.tokens = Tokens(policy, clock.monotonic)
        self._plan = Plan(policy.faults, account.rng("plan"))
        self._fault_rng, self._latency_rng = account.rng("faults"), account.rng("latency")
        self._shuffle = account.rng("order")
        self._limits = Limits(
            most=policy.rate,
            interval_s=policy.rate_interval_s,
            daily=policy.daily,
            daily_used=policy.daily_used,
            daily_reset_s=policy.daily_reset_s,
            now=clock.monotonic(),
        )
        account.used_today = lambda: self._limits.used_today

    async def answer(self, seen: Seen, asked: Asked) -> Reply:
        """Return the reply to a request and log it; cancelled, it stays in the log as under way."""
        led = route(asked.method, asked.path)
        reply = self._refused(led, asked)
        fault, inputs = None, 0
        if reply is None:
            assert isinstance(led, Route)
            reply, fault, inputs = await self._done(seen, asked, led)
        ended = seen._replace(
            operation=led.operation if isinstance(led, Route) else "",
            status=reply.status,
            inputs=inputs,
            fault=fault,
            ended=self._clock.now(),
        )
        self._log.end(ended)
        return reply

    def _refused(self, led: Route | int, asked: Asked) -> Reply | None:
        """Return the refusal of a request that reaches no operation, or None."""
        if isinstance(led, int):
            return self._headed(self._error(led, "resource not found" if led == 404 else "Method Not Allowed"))
        kind, _, token = asked.authorization.partition(" ")
        if kind.casefold() != "bearer" or not self.tokens.accepts(token.strip()):
            return self._headed(self._error(401, "Authentication credentials not found or expired."))
        policy_name = self._limits.arrive(self._clock.monotonic())
        if policy_name:
            refused = replies.throttled(policy_name, self._account.new_id(), self._policy.retry_after)
            return self._headed(refused, limited=True)
        if asked.body is None:
            return self._headed(self._error(413, "Request Entity Too Large"), limited=True)
        return None

    async def _done(self, seen: Seen, asked: Asked, led: Route) -> tuple[Reply, str | None, int]:
        """Do the request's work; return its reply, the fault that struck and the number of inputs."""
        limit_headers = self._limits.headers() if self._policy.rate_headers else ()
        rule = self._plan.draw(led.operation)
        x = self._exchange(seen, asked, led)
        if rule:
            x.parameter = rule.fault.parameter if rule.parameter is None else rule.parameter
        latency_s = self._policy.latency.draw(self._latency_rng)
        if latency_s:
            await self._clock.sleep(latency_s / 2)
        scope = SCOPES.get(led.operation)
        if scope is not None and scope not in self._policy.scopes:
            reply = x.missing_scope()
        else:
            reply = _struck(x, rule.fault.act) if rule else x.answer()
        if latency_s:
            await self._clock.sleep(latency_s / 2)
        reply = reply._replace(headers=(*reply.headers, *limit_headers))
        return self._headed(reply), rule.name if rule else None, x.inputs_count() if asked.body else 0

    def _exchange(self, seen: Seen, asked: Asked, led: Route) -> Exchange:
        call = Call(
            number=seen.number,
            operation=led.operation,
            action=led.action,
            version=led.version,
            path=asked.path,
            target=led.target,
            query=asked.query,
            body=asked.body or b"",
            base_url=self._base_url,
            item=led.item,
        )
        return Exchange(
            call,
            self._account,
            self._memory,
            rng=self._fault_rng,
            shuffle=self._shuffle,
            parameter=0.0,
            later=self._later,
        )

    def _error(self, status: int, message: str) -> Reply:
        return replies.error(replies.plain(status, message), self._account.new_id())

    def _headed(self, reply: Reply, *, limited: bool = False) -> Reply:
        """Return the reply with the headers that all replies have."""
        if reply.sending in {Sending.RESET, Sending.HELD}:
            return reply
        limit_headers = self._limits.headers() if limited and self._policy.rate_headers else ()
        correlation = ("X-HubSpot-Correlation-Id", self._account.new_id())
        return reply._replace(headers=(*reply.headers, *limit_headers, correlation))


def _struck(x: Exchange, act: Callable[[Exchange], Reply]) -> Reply:
    """Let a fault act; a batch which is at fault itself is refused as usual."""
    try:
        return act(x)
    except RefusedError as refused:
        return x.error(refused.detail)
