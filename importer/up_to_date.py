"""Whether a pass would come to nothing: sources and settings are those of the last one, and that left nothing to do.

A pass that ended with every row a campaign is known by a digest of its sources' bytes and of everything else that
decides what its rows are. The journal's `end` holds it, and as long as nothing is written behind that, the same pass
would find the same campaigns made. So its rows need not be read again, only the bytes they stand in.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b, sha256
from itertools import islice
from typing import Any, Final

import anyio.to_thread
import orjson

from importer.ledger.entries import Repeat
from importer.model import State
from importer.plan import Plan
from importer.reading import Reading
from importer.report.books import Tally
from importer.stopping import Stop
from importer.version import VERSION

_BLOCKS_AT_ONCE: Final = 64  #: hashed before a wish to stop is heeded again: some 50 ms
_DIGEST_BYTES: Final = 16


def repeat_of(plan: Plan, reading: Reading, tally: Tally) -> Repeat | None:
    """Return what a repetition of this complete pass is known by; None if it would have something to do or tell."""
    books, policy, contents = tally.books(), plan.admission, reading.contents()
    restless = tally.changed or tally.conflicts or tally.missing or tally.gone or reading.with_items
    if restless or policy.list_skipped or policy.check_unchanged or books.read > books.created + books.skipped:
        return None
    size = reading.bytes_total
    if size is None or None in contents:
        return None
    return {"digest": _digest(plan, reading, contents), "bytes": size}


async def skip_repetition(
    plan: Plan, reading: Reading, last: dict[str, Any] | None, *, tally: Tally, stop: Stop
) -> Repeat | None:  # fmt: skip
    """Book all rows as skipped, if this pass repeats the `last` one, as `Fold` holds it; return what both are known by.

    None: it does not. Cancellation, and a wish to stop (None): nothing is booked, nothing left behind.

    Raises:
        SourceError: a source cannot be read.
    """
    if last is None or last["bytes"] != reading.bytes_total:
        return None
    contents = []
    for blocks in reading.blocks_of_files():
        digest = sha256()
        while await anyio.to_thread.run_sync(_hash_some, digest, blocks):
            if stop.requested:
                return None
        contents.append(digest.hexdigest())
    if _digest(plan, reading, contents) != last["digest"]:
        return None
    reading.complete = True
    tally.rows_read = last["rows"]
    tally.end(State.SKIPPED, last["rows"])
    tally.bytes_read, tally.bytes_total = last["bytes"], last["bytes"]
    tally.notices.append(f"nothing has changed since run {last['run']}: no row was read again")
    return {"digest": last["digest"], "bytes": last["bytes"]}


def _hash_some(digest: Any, blocks: Iterator[bytes]) -> bool:
    """Add the next blocks to a digest; return whether there were any. Blocks."""
    some = False
    for block in islice(blocks, _BLOCKS_AT_ONCE):
        digest.update(block)
        some = True
    return some


def _digest(plan: Plan, reading: Reading, contents: Sequence[str | None]) -> str:
    """Return a digest of the version, of the sources, and of all settings that decide what becomes of a row."""
    told = [VERSION, reading.described(), contents, plan.reading, plan.records, plan.admission]
    return blake2b(orjson.dumps(told, default=sorted), digest_size=_DIGEST_BYTES).hexdigest()
