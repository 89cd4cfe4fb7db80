"""What the faults do: functions from the request that is struck to a reply.

A fault may let the request do its work (`answer`), do a part of it (`make`), put work off (`later`), or nothing at
all; every wait is part of the reply. The names and sentences stand in `faults`. Pure.
"""

import struct
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from importer.simulator.replies import HTML, Detail, Reply, Sending
from importer.simulator.struck import Struck

RESET: Final = Reply(0, sending=Sending.RESET)
_LAST_BLOCK: Final = b"\x03\x00"  #: of deflate: empty, and nothing follows


# Nothing, or not all, of the reply arrives.


def reset_after(x: Struck) -> Reply:
    """Do all, then reset the connection."""
    x.answer()
    return RESET


def held(x: Struck) -> Reply:
    """Do nothing and say nothing for `parameter` seconds."""
    return Reply(0, sending=Sending.HELD, seconds=x.parameter)


def held_after(x: Struck) -> Reply:
    """Do all and say nothing for `parameter` seconds."""
    x.answer()
    return held(x)


def by_coin(before: Callable[[Struck], Reply], after: Callable[[Struck], Reply], x: Struck) -> Reply:
    """Do one of the two, by coin."""
    return after(x) if x.rng.random() < 0.5 else before(x)


def sent_so(sending: Sending, x: Struck) -> Reply:
    """Do all and send the reply in this way."""
    return x.answer()._replace(sending=sending, seconds=x.parameter)


def late(now: Callable[[Struck], Reply], x: Struck) -> Reply:
    """Answer with `now`; do all `parameter` seconds later."""
    x.later(x.answer)
    return now(x)


# Errors.


def status(code: int, message: str, x: Struck) -> Reply:
    """Do nothing; answer with an error."""
    return x.refusal(code, message)


def status_after(code: int, message: str, x: Struck) -> Reply:
    """Do all; answer with an error."""
    x.answer()
    return x.refusal(code, message)


def half(code: int, message: str, x: Struck) -> Reply:
    """Make a random half, then answer with an error."""
    total = len(x.sent())
    x.make(only=x.rng.sample(range(total), total // 2))
    return x.refusal(code, message)


def migrating(x: Struck) -> Reply:
    """Do nothing; say that the account is moving and come back in `parameter` seconds."""
    headers = (("Retry-After", str(int(x.parameter))),)
    return x.refusal(477, "This account is being moved between data centres.", headers=headers)


def html(status: int, _: Struck) -> Reply:
    """Do nothing; answer with a page of HTML, as a proxy does."""
    page = f"<!DOCTYPE html><html><head><title>{status}</title></head><body><h1>Error {status}</h1></body></html>"
    return Reply(status, page.encode(), HTML)


def html_after(status: int, x: Struck) -> Reply:
    """Do all; answer with a page of HTML."""
    x.answer()
    return html(status, x)


def redirect(x: Struck) -> Reply:
    """Do nothing; point elsewhere."""
    return Reply(307, headers=(("Location", x.elsewhere()),))


# Replies that look like a success.


def with_body(body: bytes, x: Struck) -> Reply:
    """Do all; answer with the ordinary status and this body."""
    return x.answer()._replace(body=body)


def no_content(x: Struck) -> Reply:
    """Do all; answer 204."""
    x.answer()
    return Reply(204)


def huge(x: Struck) -> Reply:
    """Do all; put `parameter` MB of white space behind the reply."""
    reply = x.answer()
    return reply._replace(body=reply.body + b" " * int(x.parameter * 1_000_000))


@cache
def _bomb_body(megabytes: int) -> bytes:
    """Return gzip of so many MB: one block, packed once and repeated, so that the server is not busy for seconds."""
    block, checksum = b" " * 1_000_000, 0
    packer = zlib.compressobj(9, wbits=31)
    first = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    repeated = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(megabytes):
        checksum = zlib.crc32(block, checksum)
    return first + repeated * (megabytes - 1) + _LAST_BLOCK + struct.pack("<II", checksum, megabytes * len(block))


def bomb(x: Struck) -> Reply:
    """Do all; answer with a gzip body that unpacks to `parameter` MB."""
    reply = x.answer()
    return reply._replace(body=_bomb_body(int(x.parameter)), headers=(("Content-Encoding", "gzip"),))


def one_missing(x: Struck) -> Reply:
    """Make all; leave one result out."""
    results = x.make()
    del results[x.rng.randrange(len(results))]
    return x.created(results)


def all_missing(x: Struck) -> Reply:
    """Make all; show no results."""
    x.make()
    return x.created([])


def extra(x: Struck) -> Reply:
    """Make all; show somebody else's campaign as well."""
    results = x.make()
    results.insert(x.rng.randrange(len(results) + 1), x.stranger(twin=False))
    return x.created(results)


def duplicate(x: Struck) -> Reply:
    """Make all; show one of them twice."""
    results = x.make()
    return x.created([*results, x.rng.choice(results)])


def swapped_for_stranger(x: Struck) -> Reply:
    """Make all; show somebody else's campaign in the place of one."""
    results = x.make()
    results[x.rng.randrange(len(results))] = x.stranger(twin=False)
    return x.created(results)


def wrong_types(x: Struck) -> Reply:
    """Make all; show results of the wrong types."""
    return x.created([{"id": number, "properties": None} for number, _ in enumerate(x.make())])


def in_state(state: str, x: Struck) -> Reply:
    """Make all; say that the batch is in another state."""
    return x.created(x.make(), state=state)


def unfinished(x: Struck) -> Reply:
    """Say that the batch is pending; make all `parameter` seconds later."""
    x.later(x.answer)
    return x.created([], state="PENDING")


def wrong_reply(x: Struck) -> Reply:
    """Make all; answer with the reply to an earlier request."""
    earlier = x.earlier()
    x.answer()
    return earlier


def skewed(x: Struck) -> Reply:
    """Make all with a `createdAt` that is `parameter` seconds off."""
    return x.created(x.make(created_skew_s=x.parameter))


def with_stranger(x: Struck, *, twin: bool) -> Reply:
    """Let somebody else make a campaign, then go on as usual."""
    x.stranger(twin=twin)
    return x.answer()


# Partial successes.


def partly(x: Struck, *, naming: bool) -> Reply:
    """Make all but a few; tell one error for each of these."""
    failing = _failing(x)
    errors = [
        Detail("The campaign could not be created", context={"hs_name": [name]} if naming else {})
        for name in (x.sent()[index].get("hs_name", "") for index in failing)
    ]
    return x.partly(x.make(only=_others(x, failing)), errors)


def partly_miscounted(x: Struck) -> Reply:
    """Make all but a few; tell that there was one error, but not which."""
    return x.partly(x.make(only=_others(x, _failing(x))), [], errors_told=1)


def _failing(x: Struck) -> list[int]:
    total = len(x.sent())
    return x.rng.sample(range(total), x.rng.randint(1, max(1, total // 5)))


def _others(x: Struck, failing: Sequence[int]) -> list[int]:
    return [index for index in range(len(x.sent())) if index not in failing]


# Listings.


def empty_page(x: Struck) -> Reply:
    """Show an empty page."""
    return x.page(lambda body: body.update(total=0, results=[], paging={}))


def stuck_cursor(x: Struck) -> Reply:
    """Show a page whose next page is the first."""
    return x.page(lambda body: body.update(paging={"next": {"after": "0", "link": x.elsewhere()}}))


def short_page(x: Struck) -> Reply:
    """Leave every second campaign out of the page."""
    return x.page(lambda body: body.update(results=body["results"][::2]))


def doubled_page(x: Struck) -> Reply:
    """Show every campaign of the page twice."""
    return x.page(lambda body: body.update(results=[*body["results"], *body["results"]]))


def other_ids(x: Struck) -> Reply:
    """Show every campaign of the page under an id that it never had."""
    return x.page(lambda body: body.update(results=[{**each, "id": _strange_id(x)} for each in body["results"]]))


def _strange_id(x: Struck) -> str:
    return f"{x.rng.getrandbits(128):032x}"
