"""Fuzzing targets: what HubSpot answers."""

import math
from contextlib import suppress
from typing import Any, Final
from zlib import crc32

import orjson

from importer.hubspot import wire
from importer.hubspot.error_body import ERRORS_MAX, TEXT_CHARACTERS_MAX
from importer.hubspot.exchange import Reply
from importer.hubspot.steps import Bisect, Outcome, Pause, Resend, Settle, SplitBySize
from importer.hubspot.throttle import WaitPolicy
from importer.hubspot.verdicts import judge_create, judge_read

_STATUSES: Final = (200, 201, 204, 207, 301, 400, 401, 403, 404, 408, 409, 413, 415, 422, 423, 429, 477, 500, 502, 599)
_WAITS: Final = WaitPolicy()


def replies(data: bytes) -> None:
    """Read a body as each kind of answer; what is read of a batch can be written and read again."""
    for parse in (wire.parse_batch, wire.parse_page, wire.parse_account):
        with suppress(wire.UnreadableReplyError):
            parse(data)
    try:
        batch = wire.parse_batch(data)
    except wire.UnreadableReplyError:
        return
    assert all(result.id for result in batch.results)
    results = [{"id": one.id, "properties": dict(one.properties)} for one in batch.results]
    again = wire.parse_batch(orjson.dumps({"status": batch.status, "results": results}))
    assert [(one.id, one.properties) for one in again.results] == [(one.id, one.properties) for one in batch.results]


def errors(data: bytes) -> None:
    """Read a body as that of a refusal: it never fails, and what is kept is bounded and can be written."""
    found = wire.parse_error(data)
    assert len(found) <= ERRORS_MAX
    for error in found:
        assert error.message
        assert len(error.message) <= TEXT_CHARACTERS_MAX
        orjson.dumps([error.message, error.category, error.sub_category, error.code, dict(error.context)])


def verdicts(data: bytes) -> None:
    """Judge an answer of any status: only a refusal proves that nothing was made, and every wait has an end."""
    told = crc32(data)
    status = _STATUSES[told % len(_STATUSES)]
    headers = {"retry-after": data[:40].decode("latin-1"), "date": data[-40:].decode("latin-1")} if told % 3 else {}
    reply = Reply(status=status, headers=headers, body=data, sent_at=0.0, answered_at=1.0)
    verdict = judge_create(reply, _WAITS)
    if status // 100 in (2, 5) or status == 408:
        assert verdict.outcome in (Outcome.ANSWERED, Outcome.UNKNOWN), "an answer that proves nothing is a refusal"
    assert not (isinstance(verdict.step, Bisect | SplitBySize) and verdict.outcome is not Outcome.REFUSED)
    if verdict.outcome is Outcome.ANSWERED:
        assert isinstance(verdict.step, Settle)
        assert verdict.step.batch.complete
    _check_wait(verdict.step)
    _check_wait(judge_read(reply, wire.parse_page, _WAITS).step)


def _check_wait(step: Any) -> None:
    wait = step.after_s if isinstance(step, Resend) else step.wait_s if isinstance(step, Pause) else None
    assert wait is None or (math.isfinite(wait) and wait >= 0), "a wait without an end"
    assert not isinstance(step, Resend) or wait is None or wait <= _WAITS.wait_max_s, "a wait that is too long"
