"""The faults of the simulator: a table of names, sentences and functions.

The table is the only list: the parser, the command line and the documentation take their names from it. Pure.
"""

import difflib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple

from importer.errors import UsageError
from importer.simulator import fault_acts as acts
from importer.simulator.replies import Reply, Sending
from importer.simulator.struck import Struck

OPERATIONS: Final = (
    *("create", "create_one", "update", "archive", "read", "list", "account", "properties"),
    *("item", "item_change", "totals"),
)
EVERY: Final = frozenset(OPERATIONS)
CREATE: Final = frozenset({"create"})
LIST: Final = frozenset({"list"})
ARCHIVE: Final = frozenset({"archive"})
ITEM: Final = frozenset({"item"})


class Fault(NamedTuple):
    """One entry of the table."""

    name: str
    sentence: str
    act: Callable[[Struck], Reply]
    operations: frozenset[str] = EVERY
    parameter: float = 0.0  #: default of the number in `name:probability:number`


_GATEWAY: Final = {
    500: "internal error",
    502: "bad gateway",
    503: "service unavailable",
    504: "gateway timeout",
    520: "unknown error",
    521: "web server is down",
    522: "connection timed out",
    523: "origin is unreachable",
    524: "a timeout occurred",
}
_REFUSALS: Final = {
    400: "The request was not understood.",
    401: "Authentication credentials not found or expired.",
    403: "This app has no permission for this request.",
    404: "resource not found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "The request conflicts with another one.",
    410: "This API is gone.",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    423: "The account is locked for a moment.",
}


def _gateway_faults(status: int, message: str) -> list[Fault]:
    before, after = partial(acts.status, status, message), partial(acts.status_after, status, message)
    return [
        Fault(f"{status}", f"{status}; by coin all was done or nothing.", partial(acts.by_coin, before, after)),
        Fault(f"{status}_before", f"{status}; nothing was done.", before),
        Fault(f"{status}_after_commit", f"{status}, although all was done.", after),
    ]


_FAULTS: Final = (
    Fault("reset_before", "The connection is reset and nothing was done.", lambda _: acts.RESET),
    Fault("reset_after_commit", "The connection is reset after all was done.", acts.reset_after),
    Fault(
        "timeout",
        "No reply for NUMBER s, then a reset; by coin all was done or nothing.",
        partial(acts.by_coin, acts.held, acts.held_after),
        EVERY,
        600.0,
    ),
    Fault("timeout_before", "No reply for NUMBER s, then a reset; nothing was done.", acts.held, EVERY, 600.0),
    Fault("timeout_after_commit", "No reply for NUMBER s, then a reset; all was done.", acts.held_after, EVERY, 600.0),
    Fault("cut_reply", "The reply is cut in its middle.", partial(acts.sent_so, Sending.CUT)),
    Fault("slow_reply", "The reply trickles over NUMBER s.", partial(acts.sent_so, Sending.SLOW), EVERY, 30.0),
    Fault(
        "close_after", "The connection is closed after the reply, without a word.", partial(acts.sent_so, Sending.CLOSE)
    ),
    Fault(
        "late_commit",
        "504 at once; all is done NUMBER s later.",
        partial(acts.late, partial(acts.status, 504, _GATEWAY[504])),
        CREATE | ARCHIVE | ITEM,
        5.0,
    ),
    Fault(
        "late_commit_reset",
        "A reset at once; all is done NUMBER s later.",
        partial(acts.late, lambda _: acts.RESET),
        CREATE | ARCHIVE | ITEM,
        5.0,
    ),
    Fault("half_commit", "500 after a random half was made.", partial(acts.half, 500, _GATEWAY[500]), CREATE),
    *(fault for status, message in _GATEWAY.items() for fault in _gateway_faults(status, message)),
    *(
        Fault(f"{status}", f"{status}; nothing was done.", partial(acts.status, status, message))
        for status, message in _REFUSALS.items()
    ),
    Fault("408_after_commit", "408, although all was done.", partial(acts.status_after, 408, _REFUSALS[408])),
    Fault(
        "partial_400_commits",
        "400, although a random half was made (breaks assumption A1).",
        partial(acts.half, 400, _REFUSALS[400]),
        CREATE,
    ),
    Fault(
        "400_commits",
        "400, although all was made (breaks assumption A1).",
        partial(acts.status_after, 400, _REFUSALS[400]),
        CREATE | ITEM,
    ),
    Fault(
        "429_commits",
        "429, although all was made (breaks assumption A1).",
        partial(acts.status_after, 429, "You have reached your ten_secondly_rolling limit."),
        CREATE,
    ),
    Fault("429", "429 of the rolling window; nothing was done.", lambda x: x.throttled("TEN_SECONDLY_ROLLING")),
    Fault("429_daily", "429 of the daily quota; nothing was done.", lambda x: x.throttled("DAILY")),
    Fault("477", "477, the account is moving; Retry-After says NUMBER s.", acts.migrating, EVERY, 86_400.0),
    Fault(
        "html_502",
        "502 with a page of HTML; by coin all was done or nothing.",
        partial(acts.by_coin, partial(acts.html, 502), partial(acts.html_after, 502)),
    ),
    Fault("html_200", "200 with a page of HTML; nothing was done.", partial(acts.html, 200)),
    Fault("redirect", "307 to another place; nothing was done.", acts.redirect),
    Fault("empty_2xx", "The ordinary status with an empty body; all was done.", partial(acts.with_body, b"")),
    Fault("204", "204; all was done.", acts.no_content),
    Fault(
        "not_json",
        "The ordinary status with half a JSON text; all was done.",
        partial(acts.with_body, b'{"status":"COMPLETE","results":[{"id":'),
    ),
    Fault(
        "wrong_json", "The ordinary status with JSON of another shape; all was done.", partial(acts.with_body, b"[1]")
    ),
    Fault("huge_reply", "The ordinary reply with NUMBER MB of white space behind it.", acts.huge, EVERY, 64.0),
    Fault("gzip_bomb", "The ordinary status; a small gzip body that unpacks to NUMBER MB.", acts.bomb, EVERY, 200.0),
    Fault("wrong_types", "All is made; ids are numbers and properties are null.", acts.wrong_types, CREATE),
    Fault("missing_result", "All is made; one result is missing.", acts.one_missing, CREATE),
    Fault("missing_results", "All is made; the results are an empty list.", acts.all_missing, CREATE),
    Fault("extra_result", "All is made; the results hold a foreign campaign as well.", acts.extra, CREATE),
    Fault("duplicate_result", "All is made; one result stands there twice.", acts.duplicate, CREATE),
    Fault(
        "stranger_result",
        "All is made; a foreign campaign stands in one result's place.",
        acts.swapped_for_stranger,
        CREATE,
    ),
    Fault("pending_status", "All is made; the reply says PENDING.", partial(acts.in_state, "PENDING"), CREATE),
    Fault("canceled_status", "All is made; the reply says CANCELED.", partial(acts.in_state, "CANCELED"), CREATE),
    Fault("pending_then_commit", "PENDING without results; all is made NUMBER s later.", acts.unfinished, CREATE, 5.0),
    Fault("wrong_reply", "All is made; the reply belongs to an earlier request.", acts.wrong_reply, CREATE),
    Fault(
        "207_named",
        "Some are not made; each error's context holds the hs_name.",
        partial(acts.partly, naming=True),
        CREATE,
    ),
    Fault(
        "207_unattributed", "Some are not made; the errors name nothing.", partial(acts.partly, naming=False), CREATE
    ),
    Fault(
        "207_miscounted",
        "Some are not made; numErrors is 1 and the errors are missing.",
        acts.partly_miscounted,
        CREATE,
    ),
    Fault("bad_created_at", "createdAt is NUMBER s off (breaks assumption A2).", acts.skewed, CREATE, -3600.0),
    Fault(
        "foreign", "Somebody else makes a campaign at the same time.", partial(acts.with_stranger, twin=False), CREATE
    ),
    Fault(
        "foreign_twin",
        "Somebody else makes a twin of one of ours at the same time.",
        partial(acts.with_stranger, twin=True),
        CREATE,
    ),
    Fault("no_effect", "204, although nothing was done.", lambda _: Reply(204), ARCHIVE),
    Fault("empty_page", "The page is empty and total is 0.", acts.empty_page, LIST),
    Fault("stuck_cursor", "The next page is the first page again.", acts.stuck_cursor, LIST),
    Fault("short_page", "Every second campaign of the page is missing.", acts.short_page, LIST),
    Fault("doubled_page", "Every campaign of the page stands there twice.", acts.doubled_page, LIST),
    Fault("other_ids", "Every campaign of the page has another id (breaks assumption A4).", acts.other_ids, LIST),
)

TABLE: Final[Mapping[str, Fault]] = {fault.name: fault for fault in _FAULTS}


def fault_names() -> tuple[str, ...]:
    """Return the names of all faults, in the order of the table."""
    return tuple(TABLE)


def fault_named(name: str) -> Fault:
    """Return the fault of this name (`status_500` means `500`); raise `UsageError` with near misses."""
    fault = TABLE.get(name) or TABLE.get(name.removeprefix("status_"))
    if fault is None:
        near = difflib.get_close_matches(name, TABLE, n=3)
        raise UsageError(
            f"there is no fault {name!r}",
            hint=f"Did you mean {', '.join(near)}?" if near else "See the list of faults.",
        )
    return fault
