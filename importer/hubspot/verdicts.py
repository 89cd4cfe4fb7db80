"""The table: an answer, or none, to what it proves and what to do next.

`judge_create` reads the rows of `_RULES` from the top and takes the first that fits; `table` shows them to people.
A create has no idempotency key, so only an answer that proves that nothing was made (`REFUSED`) and a request of
which no byte was written (`NOT_SENT`) may be sent again; all else is in doubt and is looked up. `judge_read` is for
questions, which may be asked again at any time.

Facts: HubSpot's pages on error handling and usage guidelines. That a 400, 409, 413, 422, 423 or 429 makes nothing is
documented nowhere: it is an assumption, which the first refusal of a ledger puts to the test. This module is pure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from importer.errors import ImporterError
from importer.hubspot import stops
from importer.hubspot.exchange import Exchange, NoReply, NoReplyKind, Reply
from importer.hubspot.steps import (
    Bisect,
    LookUp,
    Outcome,
    Pause,
    ReadStep,
    ReadVerdict,
    Resend,
    Settle,
    SplitBySize,
    Step,
    Stop,
    TableRow,
    Use,
    Verdict,
)
from importer.hubspot.throttle import WaitPolicy, asked_wait, is_daily, throttled_wait
from importer.hubspot.wire import BatchReply, UnreadableReplyError, parse_batch, parse_error
from importer.model import RemoteError

T = TypeVar("T")

_CORRELATION: Final = "x-hubspot-correlation-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """An exchange, its body read once."""

    reply: Reply
    lost: NoReply | None
    batch: BatchReply | None
    errors: tuple[RemoteError, ...]
    waits: WaitPolicy


class _Rule(NamedTuple):
    """One row of the table."""

    code: str
    what: str
    fits: Callable[[_Reading], bool]
    outcome: Outcome
    step: Callable[[_Reading], Step]
    does: str  # what `step` returns, for people
    sentence: str


def _lost(*kinds: NoReplyKind) -> Callable[[_Reading], bool]:
    return lambda reading: reading.lost is not None and reading.lost.kind in kinds


def _status(*statuses: int) -> Callable[[_Reading], bool]:
    return lambda reading: reading.reply.status in statuses


def _hundreds(first: int) -> Callable[[_Reading], bool]:
    return lambda reading: reading.reply.status // 100 == first


def _on_wire(reading: _Reading) -> bool:
    return reading.lost is not None and reading.lost.on_wire


def _says_nothing(reading: _Reading) -> bool:
    batch = reading.batch
    return batch is not None and not batch.results and not batch.errors and not batch.num_errors


def _is_complete(reading: _Reading) -> bool:
    return reading.batch is not None and reading.batch.complete


def _is_batch(reading: _Reading) -> bool:
    return reading.batch is not None


def _is_daily(reading: _Reading) -> bool:
    return reading.reply.status == 429 and is_daily(reading.reply, reading.errors)


def _is_long(reading: _Reading) -> bool:
    return reading.reply.status == 429 and _wait(reading) > reading.waits.wait_max_s


def _wait(reading: _Reading) -> float:
    return throttled_wait(reading.reply, reading.errors, reading.waits)


def _asked(reading: _Reading) -> float | None:
    return asked_wait(reading.reply, reading.waits)


def _settle(reading: _Reading) -> Step:
    assert reading.batch is not None
    return Settle(reading.batch)


def _locked(reading: _Reading) -> Step:
    waits = reading.waits
    return Resend(min(max(_asked(reading) or 0.0, waits.locked_s), waits.wait_max_s), whole_client=True)


def _stop(error: Callable[[_Reading], ImporterError]) -> Callable[[_Reading], Step]:
    return lambda reading: Stop(error(reading))


def _look_up(_: _Reading) -> Step:
    return LookUp()


def _bisect(_: _Reading) -> Step:
    return Bisect()


def _back_off(_: _Reading) -> Step:
    return Resend(None, whole_client=False)


_K = NoReplyKind
# One row, one line of thought; the formatter would spread them over three screens.
# fmt: off
_RULES: Final[tuple[_Rule, ...]] = (
    # No answer.
    _Rule("lost", "no answer, and the request had begun to leave (disconnected, timeout, cut, too large, not HTTP)",
          _on_wire, Outcome.UNKNOWN, _look_up, "LookUp",
          "HubSpot may have acted on it, or may yet: a late request can still land."),
    _Rule("certificate", "the server's certificate is not to be trusted", _lost(_K.TLS_CERTIFICATE), Outcome.NOT_SENT,
          _stop(lambda r: stops.untrusted(_message(r))), "Stop (4)",
          "It is a proxy or an attack, not weather: waiting does not help."),
    _Rule("not_sent", "no answer, and no byte was written (name lookup, refused, no connection in time, handshake)",
          _lost(*_K), Outcome.NOT_SENT, _back_off, "Resend", "Nothing can have been made."),
    # Success.
    _Rule("no_content", "204, 205, 206", _status(204, 205, 206), Outcome.UNKNOWN, _look_up, "LookUp",
          "It sounds like success and names no campaign, or not all."),
    _Rule("empty", "2xx with neither results nor errors", _says_nothing, Outcome.UNKNOWN, _look_up, "LookUp",
          "It may be the answer to another request."),
    _Rule("answered", "2xx, status COMPLETE, with results, errors or both", _is_complete, Outcome.ANSWERED, _settle,
          "Settle", "Each record is told by pairing; 201 and 207 are read alike."),
    _Rule("incomplete", "2xx, status PENDING, PROCESSING, CANCELED or missing", _is_batch, Outcome.UNKNOWN, _settle,
          "Settle", "What is paired was created; the rest may yet be made, and is in doubt."),
    _Rule("unreadable", "2xx whose body is empty, not JSON, or no batch", _hundreds(2), Outcome.UNKNOWN, _look_up,
          "LookUp", "Something was answered, but not what the API promises."),
    _Rule("redirect", "3xx", _hundreds(3), Outcome.REFUSED,
          _stop(lambda r: stops.redirected(r.reply.headers.get("location", "")[:200])), "Stop (4)",
          "Redirects are not followed: they would carry the campaigns to another place."),
    # Refusals.
    _Rule("invalid", "400, 422", _status(400, 422), Outcome.REFUSED, _bisect, "Bisect",
          "Some record is refused and nothing was made; halving finds it."),
    _Rule("conflict", "409", _status(409), Outcome.REFUSED, _bisect, "Bisect",
          "Some record collides with what exists; halving finds it."),
    _Rule("unauthorized", "401", _status(401), Outcome.REFUSED, _stop(lambda _: stops.unauthorized()), "Stop (4)",
          "The token is not accepted; no record is to blame."),
    _Rule("forbidden", "403", _status(403), Outcome.REFUSED, _stop(lambda r: stops.forbidden(r.errors)), "Stop (4)",
          "A scope is missing; no record is to blame."),
    _Rule("not_found", "404", _status(404), Outcome.REFUSED, _stop(lambda _: stops.not_found()), "Stop (4)",
          "Wrong address, version or product; no record is to blame."),
    _Rule("gone", "405, 410, 415, 426", _status(405, 410, 415, 426), Outcome.REFUSED,
          _stop(lambda r: stops.gone(r.reply.status)), "Stop (70)", "A bug of ours, or an API that is gone."),
    _Rule("too_large", "413, 414", _status(413, 414), Outcome.REFUSED, lambda _: SplitBySize(), "SplitBySize",
          "Smaller batches fit; a record that does not fit alone fails."),
    # Not now.
    _Rule("locked", "423", _status(423), Outcome.REFUSED, _locked, "Resend", "HubSpot says that a lock lasts 2 s."),
    _Rule("daily_quota", "429, policy DAILY", _is_daily, Outcome.REFUSED,
          lambda r: Pause(stops.quota_used(), _asked(r)), "Pause (7)",
          "The quota is renewed at midnight in the account's time zone."),
    _Rule("long_wait", "429 with a wait above the maximum (15 min)", _is_long, Outcome.REFUSED,
          lambda r: Pause(stops.long_wait(_wait(r)), _wait(r)), "Pause (7)",
          "Too long to sleep; resuming costs nothing."),
    _Rule("rate_limited", "429", _status(429), Outcome.REFUSED, lambda r: Resend(_wait(r), whole_client=True), "Resend",
          "Everybody waits: as long as Retry-After says, else for the limit's window."),
    _Rule("migrating", "477", _status(477), Outcome.REFUSED, lambda r: Pause(stops.migrating(_asked(r)), _asked(r)),
          "Pause (7)", "The account moves between data centres, for up to a day."),
    # Anything else says nothing of what was made.
    _Rule("request_timeout", "408", _status(408), Outcome.UNKNOWN, _look_up, "LookUp",
          "It may have arrived all the same."),
    _Rule("server_error", "500, 502, 503, 504, 52x and other 5xx", _hundreds(5), Outcome.UNKNOWN, _look_up, "LookUp",
          "The campaigns may have been made, wholly or in part: sending again could double them."),
    _Rule("unexpected", "any other status", lambda _: True, Outcome.UNKNOWN, _look_up, "LookUp",
          "Nobody says what it means for the campaigns."),
)
# fmt: on
_NO_REPLY: Final = Reply(status=0, sent_at=0.0, answered_at=0.0)


def judge_create(exchange: Exchange, waits: WaitPolicy | None = None) -> Verdict:
    """Return what an attempt to create came to and what to do next."""
    reading = _read(exchange, waits)
    rule = _rule(reading)
    return Verdict(outcome=rule.outcome, step=rule.step(reading), **_circumstances(rule.code, reading))


def judge_read(exchange: Exchange, parse: Callable[[bytes], T], waits: WaitPolicy | None = None) -> ReadVerdict[T]:
    """Return what a question came to: the data that `parse` finds in the answer, or what to do next.

    `parse` is one of `wire.parse_…`; an answer that it cannot read is asked for again.
    """
    if isinstance(exchange, Reply) and exchange.status // 100 == 2:
        reading = _Reading(reply=exchange, lost=None, batch=None, errors=(), waits=waits or WaitPolicy())
        try:
            return ReadVerdict(step=Use(parse(exchange.body)), **_circumstances("answered", reading))
        except UnreadableReplyError as error:
            again: ReadStep[T] = Resend(None, whole_client=False)
            return ReadVerdict(step=again, **_circumstances("unreadable", reading) | {"message": str(error)})
    reading = _read(exchange, waits)
    rule = _rule(reading)
    return ReadVerdict(step=_asking(rule.step(reading), reading), **_circumstances(rule.code, reading))


def table() -> tuple[TableRow, ...]:
    """Return the table of creates, in its order: what came back, what that proves, what is done, why."""
    return tuple(TableRow(rule.what, rule.outcome.value, rule.does, rule.sentence) for rule in _RULES)


def _asking(step: Step, reading: _Reading) -> ReadStep[Any]:
    """Return what the step of a create is for a question: doubt is no matter, and there is no batch to cut."""
    if isinstance(step, LookUp | Settle):
        return Resend(None, whole_client=False)
    if isinstance(step, Bisect | SplitBySize):
        return Stop(stops.question_refused(_message(reading)))
    return step


def _read(exchange: Exchange, waits: WaitPolicy | None) -> _Reading:
    waits = waits or WaitPolicy()
    if isinstance(exchange, NoReply):
        return _Reading(reply=_NO_REPLY, lost=exchange, batch=None, errors=(), waits=waits)
    if exchange.status // 100 != 2:
        errors = parse_error(exchange.body)
        return _Reading(reply=exchange, lost=None, batch=None, errors=errors, waits=waits)
    try:
        batch = parse_batch(exchange.body)
    except UnreadableReplyError:
        batch = None
    errors = batch.errors if batch else ()
    return _Reading(reply=exchange, lost=None, batch=batch, errors=errors, waits=waits)


def _rule(reading: _Reading) -> _Rule:
    return next(rule for rule in _RULES if rule.fits(reading))


def _message(reading: _Reading) -> str:
    if reading.errors:
        return reading.errors[0].message
    return reading.lost.detail if reading.lost else f"HubSpot answered {reading.reply.status}"


def _circumstances(code: str, reading: _Reading) -> dict[str, Any]:
    """Return the fields that every verdict has."""
    told = reading.reply.headers.get(_CORRELATION)
    told = told or next((error.correlation_id for error in reading.errors if error.correlation_id), None)
    return {
        "code": code,
        "message": _message(reading),
        "status": None if reading.lost else reading.reply.status,
        "correlation_id": told,
        "errors": reading.errors,
    }
