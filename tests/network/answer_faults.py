"""Faults of the server: every kind of answer, what it says and what was done."""

from dataclasses import replace
from typing import Final

from tests.network.canned import (
    HTML,
    after_all,
    deflated_bomb,
    gzipped,
    http,
    instead,
    status_only,
    with_body,
    with_headers,
    with_status,
)
from tests.network.fault_row import IMPATIENT_S, Fault
from tests.network.tcp_proxy import Harm
from tests.network.wire_faults import ALL, NONE

_SAME_DATE: Final = "Mon, 23 Nov 2026 10:00:00 GMT"


def _served(  # noqa: PLR0917 -- a table's columns
    name: str, what: str, switch: str, attempt: str = "unknown", records: str = ALL, status: int = 0
) -> Fault:
    """The simulator strikes the first create."""
    return Fault(name=name, what=what, attempt=attempt, records=records, status=status, simulator=(switch,))


def _wire(  # noqa: PLR0917 -- a table's columns
    name: str, what: str, harm: Harm, attempt: str = "unknown", records: str = ALL, status: int = 0
) -> Fault:
    """The wire answers the first create."""
    return Fault(name=name, what=what, attempt=attempt, records=records, status=status, harms={1: harm})


def _redirects(status: str, place: str) -> Fault:
    code = status.partition(" ")[0]
    return _wire(f"redirect_{code}", f"{status}, to another host", instead(http(status, b"", f"Location: {place}")),
                 "refused", NONE, 4)  # fmt: skip


def _throttled(name: str, what: str, *headers: str) -> Fault:
    return _wire(f"429_{name}", f"429, {what}", instead(http("429 Too Many Requests", b"{}", *headers)), "refused")


# fmt: off
SUCCESS: Final = (
    _wire("200", "200 instead of 201", after_all(with_status(b"200 OK")), "answered"),
    _wire("202", "202, and all is done", after_all(with_status(b"202 Accepted")), "answered"),
    _wire("299", "an unknown status of success", after_all(with_status(b"299 Odd")), "answered"),
    _wire("100_and_answer", "100 before the answer", after_all(lambda real: b"HTTP/1.1 100 Continue\r\n\r\n" + real),
          "answered"),
    _wire("103_and_answer", "103 before the answer",
          after_all(lambda real: b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + real), "answered"),
    replace(_wire("100_alone", "100, and nothing more", after_all(lambda _: b"HTTP/1.1 100 Continue\r\n\r\n")),
            timeout_s=IMPATIENT_S),
    _wire("101", "101, another protocol",
          after_all(lambda _: b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")),
    _served("204", "204, and all is done", "204"),
    _wire("205", "205, and all is done", status_only("205 Reset Content")),
    _wire("206", "206, and all is done", after_all(with_status(b"206 Partial Content"))),
    _served("empty", "an empty body, and all is done", "empty_2xx"),
    _served("cut_json", "half a JSON text, and all is done", "not_json"),
    _served("wrong_json", "JSON of another shape, and all is done", "wrong_json"),
    _served("wrong_types", "ids and properties of wrong types, and all is done", "wrong_types"),
    _wire("null_json", "null, and all is done", after_all(with_body(lambda _: b"null"))),
    _wire("deep_json", "100,000 brackets, and all is done", after_all(with_body(lambda _: b"[" * 100_000))),
    _wire("utf_16", "JSON in UTF-16, and all is done",
          after_all(with_body(lambda body: body.decode().encode("utf-16")))),
    _wire("html_type", "JSON that is called HTML",
          after_all(with_headers(b"Content-Type: text/html", without=b"content-type")), "answered"),
    _wire("no_type", "JSON without a type", after_all(with_headers(without=b"content-type")), "answered"),
    _wire("no_date", "an answer without a date", after_all(with_headers(without=b"date")), "answered"),
    _wire("odd_date", "a date that is none",
          after_all(with_headers(b"Date: yesterday", without=b"date")), "answered"),
    _served("html_200", "a page of HTML, and nothing is done", "html_200"),
    _wire("html_201_done", "a page of HTML, and all is done", after_all(with_body(lambda _: HTML))),
)
SIZE: Final = (
    _served("larger_than_8_mib", "an answer larger than 8 MiB", "huge_reply@1:9"),
    _served("gzip_bomb", "16 MB, compressed with gzip to 16 kB", "gzip_bomb@1:16"),
    _wire("deflate_bomb", "16 MB, compressed with deflate to 16 kB",
          after_all(with_body(deflated_bomb, b"Content-Encoding: deflate"))),
    _wire("gzip_unasked", "gzip that nobody asked for",
          after_all(with_body(gzipped, b"Content-Encoding: gzip")), "answered"),
    _wire("gzip_cut", "gzip that ends early",
          after_all(with_body(lambda body: gzipped(body)[:-200], b"Content-Encoding: gzip"))),
    _wire("gzip_twice", "gzip in gzip",
          after_all(with_body(lambda body: gzipped(gzipped(body)), b"Content-Encoding: gzip, gzip"))),
    _wire("not_gzip", "called gzip, and is none", after_all(with_headers(b"Content-Encoding: gzip")), "answered"),
    _wire("brotli", "called br, which was not asked for",
          after_all(with_body(lambda body: b"\x8b" + body, b"Content-Encoding: br"))),
)
RESULTS: Final = (
    _served("missing_result", "one result is missing", "missing_result", "answered"),
    _served("no_results", "the results are an empty list", "missing_results"),
    _served("extra_result", "one result too many", "extra_result", "answered", ALL, 6),
    _served("result_twice", "one result stands there twice", "duplicate_result", "answered", ALL, 6),
    _served("strangers_result", "a foreign result in one's place", "stranger_result", "answered", ALL, 6),
    _served("pending", "PENDING, and all is done", "pending_status"),
    _served("canceled", "CANCELED, and all is done", "canceled_status"),
    replace(_served("pending_then_done", "PENDING without results, done later", "pending_then_commit@1:0.05"),
            late=True),
    _served("207_named", "207, the errors name the records", "207_named", "answered", "51 created + 9 failed", 1),
    _served("207_unnamed", "207, the errors name nothing; sent again alone, they are taken", "207_unattributed",
            "answered"),
    _served("207_miscounted", "207, the counts do not add up", "207_miscounted", "answered"),
    _served("strangers_twin", "somebody else makes a twin at the same time", "foreign_twin", "answered"),
)
REDIRECTS: Final = (
    _redirects("300 Multiple Choices", "ELSEWHERE/"),
    _redirects("301 Moved Permanently", "ELSEWHERE/"),
    _redirects("302 Found", "ELSEWHERE/"),
    _redirects("303 See Other", "ELSEWHERE/"),
    _redirects("307 Temporary Redirect", "ELSEWHERE/"),
    _redirects("308 Permanent Redirect", "ELSEWHERE/"),
    _wire("304", "304", instead(http("304 Not Modified")), "refused", NONE, 4),
    _wire("307_nowhere", "307 without a place", instead(http("307 Temporary Redirect")), "refused", NONE, 4),
)
REFUSALS: Final = (
    *(_served(code, f"{code}, and nothing is done", code, "refused") for code in ("400", "409", "413", "422", "423")),
    Fault(name="400_one_bad_record", what="400 because of one record, as often as it is sent", attempt="refused",
          records="59 created + 1 failed", status=1, simulator=("poison=Campaign 17",)),
    _wire("414", "414, and nothing is done", instead(http("414 URI Too Long")), "refused"),
    *(_served(code, f"{code}", code, "refused", NONE, 4) for code in ("401", "403", "404")),
    *(_served(code, f"{code}", code, "refused", NONE, 70) for code in ("405", "410", "415")),
    _wire("426", "426", instead(http("426 Upgrade Required")), "refused", NONE, 70),
    _served("429", "429 of the rolling window", "429", "refused"),
    _throttled("zero", "wait 0 s", "Retry-After: 0"),
    _throttled("garbage", "wait for what is no time", "Retry-After: soon"),
    _throttled("negative", "wait less than nothing", "Retry-After: -5"),
    _throttled("date", "wait until a date", f"Retry-After: {_SAME_DATE}", f"Date: {_SAME_DATE}"),
    _throttled("past", "wait until a date gone by", f"Retry-After: {_SAME_DATE.replace('2026', '2001')}"),
    _throttled("milliseconds", "wait 90,000,000", "Retry-After: 90000000"),
    _wire("429_hour", "429, wait an hour", instead(http("429 Too Many Requests", b"{}", "Retry-After: 3600")),
          "refused", NONE, 7),
    _served("429_daily", "429 of the day", "429_daily", "refused", NONE, 7),
    _served("477", "477, the account moves", "477", "refused", NONE, 7),
)
NOBODY_KNOWS: Final = (
    _served("408_before", "408, and nothing is done", "408"),
    _served("408_done", "408, and all is done", "408_after_commit"),
    *(_served(f"{code}_{when}", f"{code}, and {done}", switch)
      for code in (500, 502, 503, 504, 520, 521, 522, 523, 524)
      for when, done, switch in (("before", "nothing is done", f"{code}_before"),
                                 ("done", "all is done", f"{code}_after_commit"))),
    _served("500_half", "500, and a half is done", "half_commit"),
    replace(_served("504_late", "504 at once, done later", "late_commit@1:0.05"), late=True),
    replace(_served("reset_late", "reset at once, done later", "late_commit_reset@1:0.05"), late=True),
    _served("html_502", "502 with a page of HTML", "html_502"),
    *(_wire(f"{code}", f"{code}, which nobody explains", status_only(f"{code} Odd"))
      for code in (402, 418, 425, 431, 451, 499, 501, 505, 511, 530, 599, 600, 999)),
)
# fmt: on
ANSWER_FAULTS: Final = (*SUCCESS, *SIZE, *RESULTS, *REDIRECTS, *REFUSALS, *NOBODY_KNOWS)
