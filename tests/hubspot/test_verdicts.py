"""The table of verdicts, one case a line."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from importer.errors import AccessError, ExitStatus, InternalError, PausedError, UsageError
from importer.hubspot.exchange import Exchange, NoReply, NoReplyKind, Reply
from importer.hubspot.steps import Bisect, LookUp, Outcome, Pause, Resend, Settle, SplitBySize, Stop, Use
from importer.hubspot.throttle import WaitPolicy
from importer.hubspot.verdicts import judge_create, judge_read, table
from importer.hubspot.wire import Page, parse_page

CAMPAIGN = {"id": "a", "properties": {"hs_name": "A"}, "createdAt": "2026-11-23T10:00:00Z"}
DATE = "Mon, 23 Nov 2026 10:00:00 GMT"
BACK_OFF = Resend(None, whole_client=False)


def reply(status: int, body: Any = b"", **headers: str) -> Reply:
    """Return an answer; a body that is not bytes is sent as JSON."""
    sent = body if isinstance(body, bytes) else orjson.dumps(body)
    kept = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=kept, body=sent, sent_at=1.0, answered_at=2.0)


def lost(kind: NoReplyKind, *, on_wire: bool) -> NoReply:
    """Return an exchange without an answer."""
    return NoReply(kind=kind, detail="why", on_wire=on_wire, sent_at=1.0 if on_wire else None, ended_at=2.0)


def batch(status: str | None = "COMPLETE", results: int = 1, **more: Any) -> dict[str, Any]:
    """Return the body of a batch reply."""
    return {"status": status, "results": [CAMPAIGN] * results, **more}


ERROR = {"message": "bad", "category": "VALIDATION_ERROR", "correlationId": "c-1"}


@pytest.mark.parametrize(
    ("exchange", "code", "outcome", "step"),
    [
        (reply(201, batch()), "answered", Outcome.ANSWERED, Settle),
        (reply(200, batch()), "answered", Outcome.ANSWERED, Settle),
        (reply(207, batch(results=0, errors=[ERROR], numErrors=1)), "answered", Outcome.ANSWERED, Settle),
        (reply(207, batch(results=0, numErrors=1)), "answered", Outcome.ANSWERED, Settle),
        (reply(207, batch(results=0, errors=[ERROR])), "answered", Outcome.ANSWERED, Settle),
        (reply(201, batch(errors=[ERROR])), "answered", Outcome.ANSWERED, Settle),
        (reply(299, batch()), "answered", Outcome.ANSWERED, Settle),
        (reply(201, batch("complete")), "answered", Outcome.ANSWERED, Settle),
        (reply(201, batch("PENDING")), "incomplete", Outcome.UNKNOWN, Settle),
        (reply(202, batch("PROCESSING")), "incomplete", Outcome.UNKNOWN, Settle),
        (reply(200, batch("CANCELED")), "incomplete", Outcome.UNKNOWN, Settle),
        (reply(201, batch(None)), "incomplete", Outcome.UNKNOWN, Settle),
        (reply(201, batch(results=0)), "empty", Outcome.UNKNOWN, LookUp),
        (reply(201), "unreadable", Outcome.UNKNOWN, LookUp),
        (reply(200, b"<html>busy</html>"), "unreadable", Outcome.UNKNOWN, LookUp),
        (reply(201, [1]), "unreadable", Outcome.UNKNOWN, LookUp),
        (reply(201, {"status": "COMPLETE", "results": [{"id": "a"}]}), "unreadable", Outcome.UNKNOWN, LookUp),
        (reply(204), "no_content", Outcome.UNKNOWN, LookUp),
        (reply(205), "no_content", Outcome.UNKNOWN, LookUp),
        (reply(206, batch()), "no_content", Outcome.UNKNOWN, LookUp),
        (reply(101), "unexpected", Outcome.UNKNOWN, LookUp),
        (reply(199), "unexpected", Outcome.UNKNOWN, LookUp),
        (reply(302, location="https://elsewhere.example"), "redirect", Outcome.REFUSED, AccessError),
        (reply(304), "redirect", Outcome.REFUSED, AccessError),
        (reply(399), "redirect", Outcome.REFUSED, AccessError),
        (reply(400, ERROR), "invalid", Outcome.REFUSED, Bisect),
        (reply(422, ERROR), "invalid", Outcome.REFUSED, Bisect),
        (reply(401, ERROR), "unauthorized", Outcome.REFUSED, AccessError),
        (reply(403, ERROR), "forbidden", Outcome.REFUSED, AccessError),
        (reply(404, b"<html>"), "not_found", Outcome.REFUSED, AccessError),
        (reply(405), "gone", Outcome.REFUSED, InternalError),
        (reply(410), "gone", Outcome.REFUSED, InternalError),
        (reply(415), "gone", Outcome.REFUSED, InternalError),
        (reply(426), "gone", Outcome.REFUSED, InternalError),
        (reply(408), "request_timeout", Outcome.UNKNOWN, LookUp),
        (reply(409, ERROR), "conflict", Outcome.REFUSED, Bisect),
        (reply(413), "too_large", Outcome.REFUSED, SplitBySize),
        (reply(414), "too_large", Outcome.REFUSED, SplitBySize),
        (reply(423), "locked", Outcome.REFUSED, Resend),
        (reply(429), "rate_limited", Outcome.REFUSED, Resend),
        (reply(477, retry_after="3600"), "migrating", Outcome.REFUSED, PausedError),
        (reply(418), "unexpected", Outcome.UNKNOWN, LookUp),
        (reply(600), "unexpected", Outcome.UNKNOWN, LookUp),
        (reply(503, x_hubspot_ratelimit_daily_remaining="0"), "server_error", Outcome.UNKNOWN, LookUp),
        *[
            (reply(status, b"<html>"), "server_error", Outcome.UNKNOWN, LookUp)
            for status in (500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 599)
        ],
        *[
            (lost(kind, on_wire=False), "not_sent", Outcome.NOT_SENT, Resend)
            for kind in NoReplyKind
            if kind is not NoReplyKind.TLS_CERTIFICATE
        ],
        *[(lost(kind, on_wire=True), "lost", Outcome.UNKNOWN, LookUp) for kind in NoReplyKind],
        (lost(NoReplyKind.TLS_CERTIFICATE, on_wire=False), "certificate", Outcome.NOT_SENT, AccessError),
    ],
)
def test_each_row_of_the_table(exchange: Exchange, code: str, outcome: Outcome, step: type) -> None:
    """Each answer, and each way of having none, has its outcome and its step."""
    verdict = judge_create(exchange)
    assert (verdict.code, verdict.outcome) == (code, outcome)
    done = verdict.step.error if isinstance(verdict.step, Stop | Pause) else verdict.step
    assert isinstance(done, step)


@pytest.mark.parametrize(
    ("headers", "body", "wait_s"),
    [
        ({}, b"", 10.0),
        ({"retry_after": "7"}, b"", 7.0),
        ({"retry_after": "0"}, b"", 1.0),
        ({"retry_after": "-3"}, b"", 10.0),
        ({"retry_after": "soon"}, b"", 10.0),
        ({"retry_after": "٣"}, b"", 10.0),
        ({"retry_after": "Mon, 23 Nov 2026 10:01:30 GMT", "date": DATE}, b"", 90.0),
        ({"retry_after": "Mon, 23 Nov 2026 10:01:30 -0000", "date": DATE}, b"", 90.0),
        ({"retry_after": "Mon, 23 Nov 2026 09:00:00 GMT", "date": DATE}, b"", 10.0),
        ({"retry_after": "Mon, 23 Nov 2026 10:01:30 GMT"}, b"", 10.0),
        ({"retry_after": "120000"}, b"", 120.0),
        ({"retry_after": "9" * 400}, b"", 900.0),
        ({}, {"policyName": "TEN_SECONDLY_ROLLING"}, 10.0),
        ({}, {"policyName": "SECONDLY"}, 1.0),
        ({}, {"message": "You have reached your ten_secondly_rolling limit."}, 10.0),
    ],
)
def test_a_rate_limit_makes_everybody_wait(headers: dict[str, str], body: Any, wait_s: float) -> None:
    """The wait is what HubSpot asks for where that makes sense, by its own clock, else the limit's window."""
    assert judge_create(reply(429, body, **headers)).step == Resend(wait_s, whole_client=True)


@pytest.mark.parametrize(
    ("exchange", "code", "wait_s"),
    [
        (reply(429, {"policyName": "DAILY"}), "daily_quota", None),
        (reply(429, {"policyName": "DAILY"}, retry_after="60"), "daily_quota", 60.0),
        (reply(429, {"message": "You have reached your daily limit."}), "daily_quota", None),
        (reply(429, x_hubspot_ratelimit_daily_remaining="0"), "daily_quota", None),
        (reply(429, retry_after="901"), "long_wait", 901.0),
        (reply(477, retry_after="86400"), "migrating", 86_400.0),
        (reply(477), "migrating", None),
    ],
)
def test_what_is_too_long_to_sleep_ends_the_run_resumable(exchange: Reply, code: str, wait_s: float | None) -> None:
    """Quota, migration and long waits pause the run: exit 7, a reason, and when it makes sense to go on."""
    verdict = judge_create(exchange)
    assert isinstance(verdict.step, Pause)
    assert (verdict.code, verdict.outcome, verdict.step.wait_s) == (code, Outcome.REFUSED, wait_s)
    assert verdict.step.error.exit_status is ExitStatus.PAUSED
    assert verdict.step.error.hint


def test_a_used_up_second_is_no_used_up_day() -> None:
    """The named limit counts before the header of the daily one."""
    exchange = reply(429, {"policyName": "TEN_SECONDLY_ROLLING"}, x_hubspot_ratelimit_daily_remaining="0")
    assert judge_create(exchange).step == Resend(10.0, whole_client=True)


@pytest.mark.parametrize(
    ("headers", "wait_s"), [({}, 2.0), ({"retry_after": "5"}, 5.0), ({"retry_after": "5000"}, 900.0)]
)
def test_a_lock_is_waited_out(headers: dict[str, str], wait_s: float) -> None:
    """A 423 lasts 2 s at least, and never the whole night."""
    assert judge_create(reply(423, **headers)).step == Resend(wait_s, whole_client=True)


def test_the_waits_can_be_shortened() -> None:
    """The simulator is known, so its waits may be short."""
    waits = WaitPolicy(window_s=0.1, wait_max_s=5.0)
    assert judge_create(reply(429), waits).step == Resend(0.1, whole_client=True)
    assert judge_create(reply(429, retry_after="6"), waits).code == "long_wait"
    assert judge_create(reply(423), WaitPolicy(locked_s=0.1)).step == Resend(0.1, whole_client=True)


def test_a_redirect_names_its_target() -> None:
    """Where a redirect leads is told, and no more of it than fits a line."""
    step = judge_create(reply(302, location="x" * 300)).step
    assert isinstance(step, Stop)
    assert step.error.message.count("x" * 200) == 1
    assert "x" * 201 not in step.error.message


def test_a_missing_scope_is_named() -> None:
    """The 403 tells which scopes it asks for, in the error and for the record."""
    body = {
        "message": "no",
        "category": "MISSING_SCOPES",
        "errors": [{"message": "m", "context": {"requiredGranularScopes": ["marketing.campaigns.write"]}}],
    }
    step = judge_create(reply(403, body)).step
    assert isinstance(step, Stop)
    assert "marketing.campaigns.write" in step.error.message


def test_a_verdict_carries_what_support_asks_for() -> None:
    """Message, errors and correlation id: from the header, else from the body."""
    verdict = judge_create(reply(400, ERROR))
    assert (verdict.message, verdict.status, verdict.correlation_id) == ("bad", 400, "c-1")
    assert [error.category for error in verdict.errors] == ["VALIDATION_ERROR"]
    assert judge_create(reply(502, x_hubspot_correlation_id="c-2")).correlation_id == "c-2"
    nothing = judge_create(lost(NoReplyKind.DNS, on_wire=False))
    assert (nothing.message, nothing.status, nothing.correlation_id, nothing.errors) == ("why", None, None, ())


def test_a_question_gets_its_data() -> None:
    """A readable 2xx is used; the batch's words do not matter."""
    shown = {"results": [CAMPAIGN], "total": 1}
    for status in (200, 299):
        verdict = judge_read(reply(status, shown), parse_page)
        assert verdict.code == "answered"
    assert isinstance(verdict.step, Use)
    page: Page = verdict.step.data
    assert (page.total, page.after, page.results[0].id) == (1, None, "a")
    assert judge_read(reply(200, b"<html>"), parse_page).code == "unreadable"


@pytest.mark.parametrize(
    ("exchange", "step"),
    [
        (reply(200, b"<html>"), BACK_OFF),
        (reply(199, {"results": [CAMPAIGN]}), BACK_OFF),
        (reply(500), BACK_OFF),
        (reply(524), BACK_OFF),
        (reply(408), BACK_OFF),
        (lost(NoReplyKind.CUT, on_wire=True), BACK_OFF),
        (lost(NoReplyKind.DNS, on_wire=False), BACK_OFF),
        (reply(429, retry_after="3"), Resend(3.0, whole_client=True)),
        (reply(423), Resend(2.0, whole_client=True)),
    ],
)
def test_a_question_is_asked_again(exchange: Exchange, step: Resend) -> None:
    """A question makes nothing, so doubt about it is no matter."""
    assert judge_read(exchange, parse_page).step == step


@pytest.mark.parametrize(
    ("exchange", "error"),
    [
        (reply(400, ERROR), UsageError),
        (reply(414), UsageError),
        (reply(401), AccessError),
        (reply(403), AccessError),
        (reply(404), AccessError),
        (reply(307), AccessError),
        (reply(410), InternalError),
        (reply(477), PausedError),
        (lost(NoReplyKind.TLS_CERTIFICATE, on_wire=False), AccessError),
    ],
)
def test_a_question_that_cannot_be_answered_ends_the_run(exchange: Exchange, error: type) -> None:
    """What waiting does not mend stops or pauses."""
    step = judge_read(exchange, parse_page).step
    assert isinstance(step, Stop | Pause)
    assert isinstance(step.error, error)


def test_the_table_can_be_shown() -> None:
    """Each row names its case once, a known outcome and its reason."""
    rows = table()
    assert len({row.what for row in rows}) == len(rows) > 20
    assert {row.outcome for row in rows} == {outcome.value for outcome in Outcome}
    assert all(row.sentence.endswith(".") and row.step for row in rows)


@pytest.mark.parametrize(
    "date", ["Mon, 31 Dec 99999999999999999999 23:59:59 GMT", "31 Dec 2026 23:59:59 +99999999999999"]
)
def test_dates_that_no_calendar_holds_are_no_dates(date: str) -> None:
    """A Retry-After or Date with absurd numbers is as one that is missing: the usual back-off."""
    for headers in ({"retry-after": date, "date": "Mon, 31 Dec 2026 23:59:59 GMT"},
                    {"retry-after": "Mon, 31 Dec 2026 23:59:59 GMT", "date": date}):  # fmt: skip
        reply = Reply(status=429, headers=headers, sent_at=0.0, answered_at=0.0)
        assert judge_create(reply).step == judge_create(replace(reply, headers={})).step
