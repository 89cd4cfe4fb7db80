"""Whether a pass would come to nothing: sources and settings are those of the last one, and that left nothing to do.

A pass that ended with every row a campaign is known by a digest of its sources' bytes and of everything else that
decides what its rows are. The journal's `end` holds it, and as long as nothing is written behind that, the same pass
would find the same campaigns made. So its rows need not be read again, only the bytes they stand in.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, is_dataclass
from hashlib import blake2b, sha256
from itertools import islice
from typing import Any, Final

import anyio.to_thread

from importer.ledger.entries import Repeat
from importer.ledger.fold import Fold
from importer.model import State
from importer.plan import Plan
from importer.reading import Reading
from importer.report.books import Tally
from importer.stopping import Stop, StoppedError
from importer.version import VERSION

_BLOCKS_AT_ONCE: Final = 64  #: hashed in one call: some 50 ms
_DIGEST_BYTES: Final = 16


def repeat_of(plan: Plan, reading: Reading, tally: Tally) -> Repeat | None:
    """Return what a repetition of this complete pass is known by; None if it would have something to do or tell."""
    books, policy, contents = tally.books(), plan.admission, reading.contents()
    restless = tally.changed or tally.conflicts or tally.missing or tally.gone or reading.with_items
    if restless or policy.list_skipped or policy.check_unchanged:
        return None
    size = reading.bytes_total
    if size is None or None in contents or books.read != books.created + books.skipped:
        return None
    return {"digest": _digest(plan, reading, contents), "bytes": size}


async def skip_repetition(plan: Plan, reading: Reading, fold: Fold, *, tally: Tally, stop: Stop) -> Repeat | None:
    """Book all rows as skipped, if this pass repeats the last one that `fold` knows; return what both are known by.

    None: it does not. Cancellation, and a wish to stop (None): nothing is booked; the thread is left to its read.

    Raises:
        SourceError: a source cannot be read.
    """
    last = fold.last_pass
    if last is None or last["bytes"] != reading.bytes_total or reading.with_items:
        return None
    try:
        contents = [await _hashed(blocks, stop) for blocks in reading.blocks_of_files()]
    except StoppedError:
        return None
    if _digest(plan, reading, contents) != last["digest"] or reading.exchanged() or stop.requested:
        return None
    reading.complete = True
    tally.rows_read = last["rows"]
    tally.end(State.SKIPPED, last["rows"])
    tally.bytes_read, tally.bytes_total = last["bytes"], last["bytes"]
    tally.notices.append(f"nothing has changed since run {last['run']}: no row was read again")
    return {"digest": last["digest"], "bytes": last["bytes"]}


async def _hashed(blocks: Iterator[bytes], stop: Stop) -> str:
    """Return the SHA-256 of some blocks. Raises `StoppedError`."""
    digest = sha256()
    more = True
    while more:
        with stop.interruptible():
            more = await anyio.to_thread.run_sync(_hash_some, digest, blocks, abandon_on_cancel=True)
    return digest.hexdigest()


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
    written = json.dumps(told, default=_plain)  # any number and any text: a setting may hold what is no Unicode
    return blake2b(written.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else sorted(value)
