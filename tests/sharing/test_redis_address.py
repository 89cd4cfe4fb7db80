"""The address of a limit in Redis: what it means, what is refused, and that credentials are never shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import UsageError
from importer.sharing.redis_address import RedisAddress, parse_address, without_credentials

CANARY = "c4nary"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://cache/0/acme", "redis://cache:6379/0/acme"),
        ("rediss://u:c4nary@cache:6380/15/acme.eu", "rediss://cache:6380/15/acme.eu"),
        ("redis://:c4nary@[::1]/0/a-b_c", "redis://[::1]:6379/0/a-b_c"),
    ],
)
def test_an_address_is_shown_without_its_credentials(text: str, shown: str) -> None:
    """Host, port, database and account are told; user and password stand neither in str, repr nor what is shown."""
    address = parse_address(text, "--limit-redis")
    assert str(address) == shown
    for told in (repr(address), f"{address}", without_credentials(text)):
        assert CANARY not in told
    assert address.password == (CANARY if CANARY in text else None)
    assert parse_address(address.full(), "again") == address


@pytest.mark.parametrize(
    "text",
    [
        "redis://:c4nary@cache/0", "redis://:c4nary@cache/zero/acme", "redis://:c4nary@/0/acme", "redis://:c4nary@c:x/0/a",
        "http://:c4nary@cache/0/acme", "redis://:c4nary@cache/0/acme?db=1", "redis://:c4nary@cache/0/acme#x", "c4nary",
        "redis://:c4nary@cache/0/ac me", "redis://:c4nary@cache/0/acme/more", "redis://:c4nary@cache/0/acme\n",
        "redis://:c4nary@[cache/0/acme", "redis://:c4nary@cache:99999/0/acme", "redis://:c4nary@ca..che/0/acme",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_being_quoted(text: str) -> None:
    """The message names the setting, and nothing of what it holds."""
    with pytest.raises(UsageError, match=r"^IMPORTER_LIMIT_REDIS ") as caught:
        parse_address(text, "IMPORTER_LIMIT_REDIS")
    assert CANARY not in f"{caught.value}{caught.value.hint}{caught.value!r}"
    assert caught.value.__cause__ is None
    assert CANARY not in without_credentials(text)


def test_a_fleet_gives_the_name_of_the_account() -> None:
    """Where the address does not say whose limit it is, the account's name does; else the address counts."""
    assert parse_address("redis://cache", "limit", account="acme").account == "acme"
    assert parse_address("redis://cache/3", "limit", account="acme").db == 3
    assert parse_address("redis://cache/3/other", "limit", account="acme").account == "other"


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_credentials_survive_the_way_through_the_environment(user: str, password: str) -> None:
    """Whatever characters they have: full and back is the same, and only full has them."""
    one = RedisAddress(host="cache", port=1, db=2, account="acme", tls=True, user=user, password=password)
    try:
        full = one.full()
    except UnicodeEncodeError:  # half of a surrogate pair, which no environment could hold
        return
    assert parse_address(full, "again") == one
    assert str(one) == "rediss://cache:1/2/acme"
