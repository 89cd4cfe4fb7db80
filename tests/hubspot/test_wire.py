"""Bodies that leave and bodies that come back, in both shapes, whole and broken."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import UsageError
from importer.hubspot.error_body import ERRORS_MAX, TEXT_CHARACTERS_MAX
from importer.hubspot.wire import (
    PATHS,
    UnreadableReplyError,
    encode_ids,
    encode_records,
    parse_account,
    parse_batch,
    parse_error,
    parse_page,
    paths,
)
from importer.model import Record, RemoteError, Result, Row

CAMPAIGN = {
    "id": "g-1",
    "properties": {"hs_name": "One", "hs_notes": None, "n": 5},
    "createdAt": "2026-11-23T10:00:00.000Z",
    "updatedAt": "2026-11-23T10:00:01.000Z",
    "businessUnits": [{"id": 0}],
}
RESULT = Result("g-1", {"hs_name": "One", "n": "5"}, "2026-11-23T10:00:00.000Z", "2026-11-23T10:00:01.000Z")
DETAIL = {"message": "not a number", "code": "INVALID_INTEGER", "context": {"propertyName": ["n"]}, "in": "x"}
ERROR = {
    "status": "error",
    "id": "e-1",
    "category": "VALIDATION_ERROR",
    "subCategory": {"name": "odd"},
    "message": "refused",
    "correlationId": "c-1",
    "context": {"name": "One", "names": ["One", 2], "empty": None},
    "links": {},
    "errors": [DETAIL, "not an object"],
}
REMOTE = (
    RemoteError(
        "refused",
        "VALIDATION_ERROR",
        '{"name":"odd"}',
        None,
        {"name": ("One",), "names": ("One", "2"), "empty": ()},
        "c-1",
    ),
    RemoteError("not a number", "VALIDATION_ERROR", None, "INVALID_INTEGER", {"propertyName": ("n",)}, "c-1"),
)

ERROR_FIELDS = st.sampled_from([*ERROR, *DETAIL, "policyName", "errorType", "numErrors", "results", "properties"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ERROR_FIELDS, inner, max_size=4),
    max_leaves=12,
)


def dumps(value: Any) -> bytes:
    """Return the JSON of `value`."""
    return json.dumps(value).encode()


def test_bodies_that_leave() -> None:
    """A batch and a read are what the OpenAPI files ask for, in order, UTF-8."""
    row = Row("a.csv", 0, 2, None, {})
    plain = Record(row, "0" * 32, "Ä", {"hs_name": "Ä"}, "0" * 16)
    written = Record(row, "1" * 32, "", None, "0" * 16, payload=b'{"b":"2"}')
    assert encode_records([plain, written]).decode() == (
        '{"inputs":[{"properties":{"hs_name":"Ä"}},{"properties":{"b":"2"}}]}'
    )
    assert encode_ids(["x", "y"]) == b'{"inputs":[{"id":"x"},{"id":"y"}]}'


@pytest.mark.parametrize("shape", ["v3 207", "2026-09 201"])
def test_both_shapes_of_a_partial_success_are_read(shape: str) -> None:
    """Errors are read from either shape, flattened; null and numeric values do no harm."""
    body = {"status": "COMPLETE", "results": [CAMPAIGN], "startedAt": "x", "numErrors": 1, "errors": [ERROR]}
    if shape == "2026-09 201":
        body |= {"requestedAt": "x", "links": {}}
    batch = parse_batch(dumps(body))
    assert (batch.complete, batch.results, batch.num_errors, batch.errors) == (True, (RESULT,), 1, REMOTE)


def test_a_plain_success_is_read() -> None:
    """Without errors there are none; their number is not invented."""
    batch = parse_batch(dumps({"status": "PENDING", "results": []}))
    assert (batch.complete, batch.results, batch.errors, batch.num_errors) == (False, (), (), None)


@pytest.mark.parametrize("odd", ["x", -1, True, None, [1], 1.5])
def test_an_odd_count_or_list_of_errors_does_no_harm(odd: Any) -> None:
    """What HubSpot says about errors never makes the results unreadable."""
    batch = parse_batch(dumps({"status": "COMPLETE", "results": [CAMPAIGN], "numErrors": odd, "errors": odd}))
    assert (batch.results, batch.num_errors, batch.errors) == ((RESULT,), None, ())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>secret</html>",
        b"[]",
        b'"secret"',
        b"{}",
        b'{"status":"COMPLETE","results":null}',
        b'{"status":"COMPLETE","results":{}}',
        b'{"status":"COMPLETE","results":["secret"]}',
        b'{"status":"COMPLETE","results":[{"properties":{}}]}',
        b'{"status":"COMPLETE","results":[{"id":"","properties":{}}]}',
        b'{"status":"COMPLETE","results":[{"id":"a"}]}',
        b'{"status":"COMPLETE","results":[{"id":"a","properties":["secret"]}]}',
        b'{"status":"COMPLETE","results":[{"id":"a","properties":{"x":{"secret":1}}}]}',
        b'{"status":"COMPLETE","results":[{"id":"a","properties":{"x":"\xff"}}]}',
        b'{"status":"COMPLETE","results":[{"id":"a","properties":{"x":"\\ud800"}}]}',
        b'{"status":"COMPLETE","results":[{"id":"a","properties":{"x":"cut',
        b"[" * 100_000,
    ],
)
def test_a_body_without_what_pairing_needs_is_unreadable(body: bytes) -> None:
    """Batch and page alike refuse it, and the message repeats nothing of it."""
    for parse in (parse_batch, parse_page):
        with pytest.raises(UnreadableReplyError) as caught:
            parse(body)
        assert "secret" not in str(caught.value)


def test_errors_of_a_refusal_are_flattened() -> None:
    """The top-level error comes first, then its details, which take its category and correlation id."""
    assert parse_error(dumps(ERROR)) == REMOTE


def test_a_rate_limit_keeps_its_policy() -> None:
    """Old bodies say errorType; the policy's name is kept in the context."""
    error = {"message": "daily", "errorType": "RATE_LIMIT", "policyName": "DAILY"}
    assert parse_error(dumps(error)) == (RemoteError("daily", "RATE_LIMIT", context={"policyName": ("DAILY",)}),)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'"x"', b"[" * 100_000])
def test_a_refusal_that_is_no_json_object_has_no_errors(body: bytes) -> None:
    """A proxy's page says nothing that could be quoted."""
    assert parse_error(body) == ()


def test_error_texts_and_numbers_are_bounded() -> None:
    """A hostile reply cannot fill memory or ledgers with its errors."""
    error = {"message": "x" * 10_000, "errors": [{"message": "y"}] * 10_000}
    parsed = parse_error(dumps(error))
    assert len(parsed) == ERRORS_MAX
    assert len(parsed[0].message) == TEXT_CHARACTERS_MAX


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(ERROR_FIELDS, JSON, max_size=8))
def test_no_error_object_is_too_odd(error: dict[str, Any]) -> None:
    """Whatever stands in an error's fields, it is read: alone, and within a batch reply."""
    body = dumps(error)
    parsed = parse_error(body)
    assert parsed
    assert all(isinstance(found.message, str) for found in parsed)
    batch = parse_batch(b'{"status":"COMPLETE","results":[],"errors":[' + body + b"]}")
    assert batch.errors == parsed


def test_a_page_is_read() -> None:
    """Total, campaigns and the cursor, which is missing on the last page."""
    page = parse_page(dumps({"total": 2, "results": [CAMPAIGN], "paging": {"next": {"after": "MQ==", "link": "x"}}}))
    assert page == (2, (RESULT,), "MQ==")
    ends: tuple[Any, ...] = (None, {}, {"next": None}, {"next": {}}, {"next": {"after": ""}})
    assert parse_page(dumps({"results": []})) == (None, (), None)
    for end in ends:
        assert parse_page(dumps({"results": [], "paging": end})) == (None, (), None)


def test_the_answer_to_another_request_is_refused() -> None:
    """A batch reply is no listing, which would say that nothing else exists; a listing is no batch reply."""
    with pytest.raises(UnreadableReplyError, match="status"):
        parse_page(dumps({"status": "COMPLETE", "results": [CAMPAIGN]}))
    with pytest.raises(UnreadableReplyError, match="total"):
        parse_batch(dumps({"total": 1, "results": [CAMPAIGN]}))


def test_account_details_are_read() -> None:
    """The portal's number is text to us; the rest may be missing."""
    account = parse_account(dumps({"portalId": 123, "accountType": "SANDBOX", "timeZone": "Europe/Berlin"}))
    assert (account.id, account.kind, account.time_zone) == ("123", "SANDBOX", "Europe/Berlin")
    with pytest.raises(UnreadableReplyError):
        parse_account(b"{}")


def test_each_version_has_its_paths() -> None:
    """The date stands behind the word campaigns; an unknown version is a usage error."""
    assert paths("v3").campaigns == "/marketing/v3/campaigns"
    assert paths("2026-09").campaigns == "/marketing/campaigns/2026-09"
    assert all(found.account.startswith("/account-info/") for found in PATHS.values())
    with pytest.raises(UsageError):
        paths("v4")


def test_the_openapi_files_have_our_paths(shared: Any) -> None:
    """The paths are those of HubSpot's own OpenAPI files."""
    for version, found in PATHS.items():
        spec = orjson.loads((shared / "hubspot" / f"campaignsPublicApi-{version}.json").read_bytes())
        assert {found.campaigns, f"{found.campaigns}/batch/create", f"{found.campaigns}/batch/read"} <= set(
            spec["paths"]
        )
